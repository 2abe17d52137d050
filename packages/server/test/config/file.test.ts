// Goal: whatever is wrong with a file is told in one line with file, line, key and a way out.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../src/config/errors.js';
import { configBytesMax, parseConfig, readConfigFile } from '../../src/config/file.js';
import { resolveOptions } from '../../src/config/resolve.js';
import { flags, problemOf, resolve } from '../support/config.js';

const configs = join(__dirname, '../../../../configs');

const founders = (third: string): string => `cluster:
  genesis:
    - { id: a, client: "127.0.0.1:3000", raft: "127.0.0.1:4000" }
    - { id: b, client: "127.0.0.1:3001", raft: "127.0.0.1:4001" }
    - ${third}
`;

describe('a file with a mistake is refused in one line', () => {
  it.each([
    [
      'cache:\n  capcity: 3\n',
      'x.yaml:2: cache.capcity: unknown key; did you mean cache.capacity?',
    ],
    ['cach:\n  capacity: 3\n', 'x.yaml:1: cach: unknown section; did you mean cache?'],
    ['log:\n  drain_ms: 3\n', 'x.yaml:2: log.drain_ms: unknown key; did you mean node.drain_ms?'],
    ['log:\n  qqq: 3\n', 'x.yaml:2: log.qqq: unknown key (keys here: level, format)'],
    ['log: 3\n', 'x.yaml:1: log: must be a map of keys to values'],
    ['- log\n', 'x.yaml:1: must be a map of keys to values'],
    ['log:\n  3: x\n', 'x.yaml:2: log: has a key that is not a word: 3'],
    ['a: 1\nb: [', 'x.yaml:2: '],
    ['log:\n  level: *q\n', 'x.yaml:2: log.level: Unresolved alias'],
    ['node: *q\n', 'x.yaml:1: node: must be a map of keys to values'],
    ['cache:\n  capacity: 1\n  capacity: 2\n', 'x.yaml:3: Map keys must be unique'],
  ])('%j', (yaml, message) => {
    const problem = problemOf(() => parseConfig(yaml, 'x.yaml'));
    expect(problem.startsWith(`ConfigError: ${message}`)).toBe(true);
    expect(problem).not.toContain('\n');
  });

  it.each([
    [
      'cache:\n  capacity: -3\n',
      /^x\.yaml:2: cache\.capacity: must be an integer from 0 .*not -3$/,
    ],
    ['cache:\n  capacity: 1.5\n', /not 1\.5$/],
    ['cache:\n  eviction: LRU\n', /cache\.eviction: must be one of lru, noeviction, not "LRU"$/],
    ['cache:\n  eviction:\n', /not null$/],
    ['cache:\n  max_bytes: 1MB\n', /256MiB \(KiB, MiB, GiB\), not "1MB"$/],
    ['listen:\n  client: 3000\n', /^x\.yaml:2: listen\.client: must be HOST:PORT, not 3000$/],
    ['listen:\n  insecure: 1\n', /must be true or false, not 1$/],
    ['node:\n  id: a b\n', /node\.id: must be 1 to 64 of A-Z a-z 0-9 \. _ -/],
    ['node:\n  id: ".."\n', /node\.id: must be 1 to 64/],
    [
      'cluster:\n  peer_routes:\n    a: 1\n',
      /^x\.yaml:3: cluster\.peer_routes\.a: must be HOST:PORT/,
    ],
    ['cluster:\n  peer_routes: { "a b": "x:1" }\n', /node id "a b" must be 1 to 64/],
    [
      'cluster:\n  genesis: []\n',
      /x\.yaml:2: cluster\.genesis: must be a list of 1 to 64 founders/,
    ],
    [
      founders('a'),
      /x\.yaml:5: cluster\.genesis\[2\]: must be a founder: \{ id, client, raft, rest \}/,
    ],
    [founders('id: c'), /x\.yaml:5: cluster\.genesis\[2\]\.client: is missing: must be HOST:PORT/],
    [
      founders('{ id: c, client: "x:1", raft: "x:2", rafft: 1 }'),
      /x\.yaml:5: cluster\.genesis\[2\]: unknown key rafft; did you mean raft\?/,
    ],
    [
      founders('id: b\n      client: "x:1"\n      raft: "x:2"'),
      /^x\.yaml:5: cluster\.genesis\[2\]\.id: id b is already genesis\[1\]\.id/,
    ],
    [
      founders('id: c\n      client: "x:1"\n      raft: "127.0.0.1:3000"'),
      /^x\.yaml:7: cluster\.genesis\[2\]\.raft: address 127\.0\.0\.1:3000 is already genesis\[0\]/,
    ],
    [
      founders('id: c\n      client: "0.0.0.0:1"\n      raft: "x:2"'),
      /^x\.yaml:6: cluster\.genesis\[2\]\.client: "0\.0\.0\.0:1" has no host that others/,
    ],
  ])('%j', (yaml, message) => {
    const problem = problemOf(() => resolve({ 'node.id': 'a' }, yaml)).replace('ConfigError: ', '');
    expect(problem).toMatch(message);
    expect(problem).not.toContain('\n');
  });

  it('also when a flag overrides the wrong value', () => {
    const problem = problemOf(() => resolve({ 'cache.capacity': '5' }, 'cache:\n  capacity: x\n'));
    expect(problem).toContain('x.yaml:2: cache.capacity: must be an integer');
  });

  it('with key, file and line as fields', () => {
    const run = (): unknown => parseConfig('cache:\n\n  capcity: 3\n', 'x.yaml');
    expect(run).toThrow(ConfigError);
    expect(run).toThrow(expect.objectContaining({ key: 'cache.capcity', file: 'x.yaml', line: 3 }));
  });

  it('when a .json file is only YAML', () => {
    expect(problemOf(() => parseConfig('{\n"log": {"level": "info",}}', 'x.json'))).toMatch(
      /^ConfigError: x\.json(:2)?: is not JSON: /,
    );
  });
});

describe('a file on disk', () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'cashe-config-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('that is missing, a directory or too large is refused by name', () => {
    const missing = join(directory, 'none.yaml');
    expect(problemOf(() => readConfigFile(missing))).toBe(
      `ConfigError: ${missing}: cannot be read (ENOENT)`,
    );
    expect(problemOf(() => readConfigFile(directory))).toContain('cannot be read (EISDIR)');
    const large = join(directory, 'large.yaml');
    writeFileSync(large, '#'.repeat(configBytesMax + 1));
    expect(problemOf(() => readConfigFile(large))).toContain(`larger than ${configBytesMax} bytes`);
  });

  it('may be empty or have empty sections', () => {
    expect(resolve({}, '').options).toEqual(resolve().options);
    expect(resolve({}, 'cache:\n  # capacity: 3\n').options).toEqual(resolve().options);
  });
});

describe('an option', () => {
  it('has the names that the systems it replaces have for it', () => {
    const other = `
cluster: { join: "127.0.0.1:1" }
log: { level: warn, format: pretty }
http: { port: 8080 }
raft: { port: 7000 }
`;
    expect(resolve({}, other).options).toMatchObject({
      join: '127.0.0.1:1',
      log: { level: 'warn', format: 'pretty' },
      http: { rest: { host: '', port: 8080 } },
      raftListen: { host: '', port: 7000 },
    });
  });

  it.each([
    ['log: { level: warn }\nlogging: { level: warn }', 'x.yaml:2: logging.level: is another name'],
    ['cluster:\n  join_addr: "h:1"\n  join: "h:1"', 'x.yaml:3: cluster.join: is another name of'],
    ['http: { rest: ":1", port: 1 }', 'x.yaml:1: http.port: is another name of http.rest'],
  ])('is refused under two of its names: %j', (yaml, message) => {
    expect(problemOf(() => parseConfig(yaml, 'x.yaml'))).toContain(message);
  });

  it('under another name is named so in what is wrong with it', () => {
    const bad = 'log:\n  level: loud\n  format: xml\nhttp: { port: x }\n';
    expect(problemOf(() => resolve({}, bad))).toMatch(/x\.yaml:4: http\.port: "x" is not an addr/);
  });
});

describe('the examples', () => {
  it('local-3-nodes.yaml gives each founder its own ports', () => {
    const source = readConfigFile(join(configs, 'local-3-nodes.yaml'));
    const ports = ['raft0', 'raft1', 'raft2', 'raft3'].map((id) => {
      const { options } = resolveOptions([flags({ 'node.id': id }), source], { terminal: true });
      return [options.listen.port, options.raftListen.port];
    });
    expect(ports).toEqual([
      [3000, 4000],
      [3001, 4001],
      [3002, 4002],
      [3000, 4000],
    ]);
  });

  it('founders.json binds every interface on the port of the own entry', () => {
    const source = readConfigFile(join(configs, 'founders.json'));
    const sources = [flags({ 'node.id': 'raft1' }), source];
    expect(resolveOptions(sources, { terminal: true }).options).toMatchObject({
      listen: { host: '', port: 3000 },
      advertiseClient: '10.0.0.2:3000',
      advertiseRaft: '10.0.0.2:4000',
      insecure: true,
    });
  });
});
