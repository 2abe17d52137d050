// Goal: `cashe config` shows what a node would run with, and finds all that is wrong with a file.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { configActions } from '../../src/cli/config-command.js';
import { type Actions, runProgram } from '../../src/cli/program.js';
import type { Variables } from '../../src/config/environment.js';
import { type FakeIo, fakeIo } from '../support/cli.js';

const configs = join(__dirname, '../../../../configs');
let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-config-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly complaints: FakeIo['complaints'];
}

async function run(argv: readonly string[], variables: Variables = {}): Promise<Ran> {
  const io = fakeIo();
  const actions = configActions(variables, io) as Actions;
  const code = await runProgram(['config', ...argv], actions, io, '1.2.3');
  return { code, out: io.out.join(''), complaints: io.complaints };
}

function written(content: string, name = 'x.yaml'): string {
  const file = join(directory, name);
  writeFileSync(file, content);
  return file;
}

describe('config print', () => {
  it('takes flags over the environment over the file', async () => {
    const file = written('cache: { capacity: 1, max_bytes: 1MiB }\nnode: { id: c }\n');
    const variables = { CASHE_CACHE_CAPACITY: '2', CASHE_NODE_ID: 'b', CASHE_CONFIG: file };
    const { code, out, complaints } = await run(['print', '--id=a'], variables);
    expect([code, complaints]).toEqual([0, []]);
    expect(out).toMatch(/^ {2}id: a +# flag --id$/m);
    expect(out).toMatch(/^ {2}capacity: 2 +# environment CASHE_CACHE_CAPACITY$/m);
    expect(out).toMatch(/^ {2}max_bytes: 1MiB +# .*x\.yaml:1$/m);
    expect(out).toMatch(/^ {2}drain_ms: 10000 +# default$/m);
  });

  it('prints what `config check` takes', async () => {
    const config = `--config=${join(configs, 'local-3-nodes.yaml')}`;
    const { out } = await run(['print', config, '--id=raft1', '--restaddr=:8080']);
    expect(await run(['check', written(out)])).toMatchObject({ code: 0, complaints: [] });
  });

  it('tells of variables that may be mistakes, and of those that are', async () => {
    const warned = await run(['print', '--json'], { CASHE_NODE_IDD: 'x' });
    expect(warned.complaints).toEqual([
      'cashe: warning: CASHE_NODE_IDD in the environment is no option; did you mean CASHE_NODE_ID?',
    ]);
    expect(JSON.parse(warned.out)).toHaveProperty(['node.id', 'value'], 'raft0');
    const refused = await run(['print'], { CASHE_NODE_ID: 'a b' });
    expect([refused.code, refused.out]).toEqual([2, '']);
    expect(refused.complaints[0]).toMatch(/^cashe: CASHE_NODE_ID: must be 1 to 64/);
  });
});

describe('config check', () => {
  it('tells every problem on a line of its own', async () => {
    const file = written(`cache:
  capcity: 3
  eviction: LRU
nod: { id: a }
log: { level: loud, format: json }
cluster:
  genesis: [{ id: a, client: "h:1" }, { id: "a b", client: "h:2", raft: "h:3" }]
`);
    const { code, out, complaints } = await run(['check', file]);
    expect([code, out]).toEqual([2, '']);
    expect(complaints.map((line) => line.replace(`${file}:`, ''))).toEqual([
      '2: cache.capcity: unknown key; did you mean cache.capacity?',
      '4: nod: unknown section; did you mean node?',
      '7: cluster.genesis[0].raft: is missing: must be HOST:PORT',
      '7: cluster.genesis[1].id: must be 1 to 64 of A-Z a-z 0-9 . _ -',
      '3: cache.eviction: must be one of lru, noeviction, not "LRU"',
      '5: log.level: must be one of error, warn, info, debug, not "loud"',
    ]);
  });

  it('tells every rule that the options break', async () => {
    const file = written('tls: { cert: c }\nraft: { heartbeat_ms: 45, stickiness_ms: 60 }\n');
    const { complaints } = await run(['check', file]);
    expect(complaints).toHaveLength(3);
    expect(complaints[0]).toContain('tls.cert: needs tls.key and tls.ca too');
  });

  it('looks at a file of founders as each of them', async () => {
    const file = written(`cluster:
  genesis:
    - { id: a, client: "10.0.0.1:1", raft: "10.0.0.1:2" }
    - { id: b, client: "127.0.0.1:1", raft: "127.0.0.1:2" }
    - { id: c, client: "10.0.0.3:1", raft: "10.0.0.3:2" }
`);
    const { code, complaints } = await run(['check', file]);
    expect(code).toBe(2);
    const lines = complaints.map((line) => /:(\d): cluster\.genesis\[\d\]\.(\w+): /.exec(line));
    expect(lines.map((found) => found?.slice(1).join(' '))).toEqual([
      ...['3 client', '3 raft', '5 client', '5 raft'],
    ]);
    expect(await run(['check', file, '--insecure'])).toMatchObject({ code: 0 });
    expect((await run(['check', file, '--id=b'])).out).toBe(`${file}: no problems\n`);
  });

  it('finds nothing wrong with the examples, whatever the environment says', async () => {
    for (const name of ['every-option.yaml', 'local-3-nodes.yaml', 'founders.json']) {
      const file = join(configs, name);
      const { code, complaints } = await run(['check', file], { CASHE_NODE_ID: 'a b' });
      expect([name, code, complaints]).toEqual([name, 0, []]);
    }
  });

  it.each([
    ['cache: [', /:1: /],
    ['a: 1\na: 2\n', /:2: Map keys must be unique/],
    ['', /^$/],
  ])('reads %j', async (content, message) => {
    const { complaints } = await run(['check', written(content)]);
    expect(complaints.join('\n')).toMatch(message);
  });

  it('of a file that is not there is one line', async () => {
    expect(await run(['check', '/nowhere'])).toEqual({
      code: 2,
      out: '',
      complaints: ['cashe: /nowhere: cannot be read (ENOENT)'],
    });
  });
});

describe('config example and reference', () => {
  it('print the file and the tables of the repository', async () => {
    const { out } = await run(['example']);
    expect(out).toBe(readFileSync(join(configs, 'every-option.yaml'), 'utf8'));
    expect((await run(['reference'])).out).toContain('| `node.id` | `--id ID` | raft0 |');
  });
});
