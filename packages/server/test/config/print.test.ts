// Goal: `config print` shows what holds, where it comes from and no secret, and a node started
// with what it printed is the same node. The property draws files of valid options.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { effectiveValues } from '../../src/config/effective.js';
import { parseConfig } from '../../src/config/file.js';
import { effectiveJson, effectiveYaml } from '../../src/config/print.js';
import { resolveOptions } from '../../src/config/resolve.js';
import { type OptionKey, sectionOf } from '../../src/config/schema.js';
import { resolve } from '../support/config.js';

const printed = (resolved: ReturnType<typeof resolve>): string =>
  effectiveYaml(effectiveValues(resolved));

describe('what is printed', () => {
  it('has every value with its origin behind it', () => {
    const yaml = 'cache:\n  capacity: 5\nlog: { level: warn }\n';
    const text = printed(resolve({ 'node.id': 'n', 'listen.raft': ':7' }, yaml));
    const lines = text.split('\n').map((line) => line.replace(/ +/g, ' '));
    expect(lines).toEqual(
      expect.arrayContaining([
        'node:',
        ' id: n # flag --id',
        ' data_dir: ./data/n # default',
        ' raft: :7 # flag --raftaddr',
        ' capacity: 5 # x.yaml:2',
        ' # max_bytes: (default: 256MiB when founding)',
        ' # join_addr: (default: none: without founders, found a one-node cluster)',
        ' level: warn # x.yaml:3 log.level',
      ]),
    );
  });

  it('has the genesis list as the origin of what a founder has from its entry', () => {
    const entry = '{ id: n, client: "127.0.0.1:3000", raft: "127.0.0.1:4000" }';
    const yaml = `cache:\n  capacity: 5\ncluster:\n  genesis: [${entry}]\n`;
    const text = printed(resolve({ 'node.id': 'n', 'listen.raft': ':7' }, yaml));
    const lines = text.split('\n').map((line) => line.replace(/ +/g, ' '));
    const origin = 'x.yaml:4 cluster.genesis';
    expect(lines).toEqual(
      expect.arrayContaining([
        ` advertise_client: 127.0.0.1:3000 # ${origin}`,
        ` advertise_raft: 127.0.0.1:4000 # ${origin}`,
        ' raft: :7 # flag --raftaddr',
      ]),
    );
    expect(lines.find((line) => line.startsWith(' client: '))).toContain(origin);
  });

  it('as JSON says the same to programs', () => {
    const yaml = 'log: { level: warn }\n';
    const json = effectiveJson(effectiveValues(resolve({ 'node.id': 'n' }, yaml)));
    expect(JSON.parse(json)).toMatchObject({
      'node.id': { value: 'n', from: 'flag', as: '--id' },
      'node.drain_ms': { value: 10_000, from: 'default' },
      'logging.level': { value: 'warn', from: 'file', as: 'log.level', file: 'x.yaml', line: 1 },
      'tls.cert': { value: null, from: 'default' },
    });
  });

  it('hides what tokens are made of', () => {
    const sha256 = 'c0ffee'.padEnd(64, '0');
    const resolved = resolve({}, `access: { tokens: [{ name: ci, sha256: "${sha256}" }] }`);
    const texts = [printed(resolved), effectiveJson(effectiveValues(resolved))];
    for (const text of texts) {
      expect(text).toContain('ci');
      expect(text).toContain('<hidden>');
      expect(text).not.toContain('c0ffee');
    }
  });
});

const port = fc.integer({ min: 1, max: 65535 });
const host = fc.constantFrom('', '127.0.0.1', 'localhost', '[::1]');
const address = fc.tuple(host, port).map(([name, number]) => `${name}:${number}`);
const dialled = fc.tuple(fc.constantFrom('h', 'a.example', '[fd00::1]'), port);
const reached = dialled.map(([name, number]) => `${name}:${number}`);
const count = fc.integer({ min: 1, max: 1_000_000 });
const size = fc.oneof(
  fc.integer({ min: 2 ** 28, max: 2 ** 40 }),
  fc.constantFrom('1GiB', '300MiB'),
);
const path = fc.stringMatching(/^[ -~]{1,20}$/).filter((text) => !text.includes('<id>'));
const clientAuth = fc.constantFrom('none', 'request', 'require');
const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,20}$/);

const policy = fc.uniqueArray(name, { minLength: 1, maxLength: 4 }).map((names) => ({
  'access.roles': names.map((one) => ({
    name: one,
    grants: [{ verb: 'read', prefix: `${one}:"#` }],
  })),
  'access.bindings': names.map((one) => ({ principal: `client/${one}`, role: one })),
}));

const values = fc.record(
  {
    'node.id': name,
    'node.data_dir': path,
    'node.leave_on_exit': fc.boolean(),
    'node.drain_ms': fc.integer({ min: 0, max: 600_000 }),
    'listen.client': address,
    'listen.advertise_client': reached,
    'cluster.join_addr': reached,
    'cluster.peer_routes': fc.dictionary(name, reached, { maxKeys: 4 }),
    'cluster.replication_factor': fc.integer({ min: 1, max: 9 }),
    'cache.capacity': fc.oneof(fc.constant('none'), count),
    'cache.max_bytes': size,
    'cache.eviction': fc.constantFrom('lru', 'noeviction'),
    'http.rest': address,
    'raft.slow_sync_ms': fc.integer({ min: 10, max: 60_000 }),
    'raft.wal_bytes_max': fc.integer({ min: 2 ** 29, max: 2 ** 40 }),
    'limits.connections_max': count,
    'limits.total_bytes_max': size,
    'logging.level': fc.constantFrom('error', 'warn', 'info', 'debug'),
    'logging.json': fc.boolean(),
    'logging.file': path,
    'logging.files_max': fc.integer({ min: 1, max: 100 }),
  },
  { requiredKeys: [] },
);
const tls = fc.record({
  'tls.cert': path,
  'tls.key': path,
  'tls.ca': path,
  'tls.client_auth': clientAuth,
  'http.client_auth': clientAuth,
});
const nothing = fc.constant({});
const valid = fc
  .tuple(values, fc.oneof(nothing, tls), fc.oneof(nothing, policy))
  .map((parts): Record<string, unknown> => Object.assign({}, ...parts))
  .filter((given) => given['listen.client'] !== given['http.rest']);

/** The options as a file states them: in sections. */
function fileOf(given: Record<string, unknown>): Record<string, Record<string, unknown>> {
  const file: Record<string, Record<string, unknown>> = {};
  for (const [key, value] of Object.entries(given)) {
    const section = sectionOf(key);
    file[section] = { ...file[section], [key.slice(section.length + 1)]: value };
  }
  return file;
}

describe('any file of valid options', () => {
  it('in YAML and JSON gives one node, which is printed and read back as it is', () => {
    fc.assert(
      fc.property(valid, (given) => {
        const file = fileOf(given);
        const yaml = resolve({}, stringify(file));
        const json = resolve({}, JSON.stringify(file, undefined, 1), 'x.json');
        expect(json.options).toEqual(yaml.options);
        const again = resolve({}, printed(yaml), 'printed.yaml');
        expect(again.options).toEqual(yaml.options);
        expect(effectiveValues(again).map(({ value }) => value)).toEqual(
          effectiveValues(yaml).map(({ value }) => value),
        );
        for (const key of Object.keys(given) as OptionKey[]) {
          expect(yaml.origins.get(key)).toMatchObject({ from: 'file', key, file: 'x.yaml' });
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is overridden option by option, whatever the other source states', () => {
    fc.assert(
      fc.property(valid, valid, (low, high) => {
        const both = { ...low, ...high };
        const sources = [high, low].map((given, index) =>
          parseConfig(JSON.stringify(fileOf(given)), `${index}.json`),
        );
        const merged = [parseConfig(JSON.stringify(fileOf(both)), 'both.json')];
        const outcome = (list: typeof sources): unknown => {
          try {
            return resolveOptions(list, { terminal: false }).options;
          } catch (error) {
            // Rules between options may refuse the mixture: then both refuse it alike.
            return (error as Error).message.replace(/^[^ ]+ /, '');
          }
        };
        expect(outcome(sources)).toEqual(outcome(merged));
      }),
      { numRuns: 100 },
    );
  });
});
