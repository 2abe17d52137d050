// `cashe access` against a real node: from the command line to the policy in force.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPolicy } from '@cashe/codec';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { accessActions } from '../../src/cli/access-actions.js';
import { openCluster } from '../../src/cli/cluster-client.js';
import { type Actions, runProgram } from '../../src/cli/program.js';
import type { RunningNode } from '../../src/index.js';
import { fakeIo } from '../support/cli.js';
import { codeOf, everything, grants, Place } from './node.js';

// Real nodes: seconds on a busy machine.
jest.setTimeout(20_000);

const roles = { root: everything, app: grants('app:', 'read', 'write') };
const place = new Place();
let node: RunningNode;
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cashe-command-'));
  await writeFile(join(directory, 'root'), `${place.policies.secretOf('root')}\n`);
  node = await place.node({ access: place.policies.of(roles) });
});
beforeEach(() => place.setPolicy(node, place.policies.of(roles)));
afterAll(async () => {
  await place.end();
});
afterAll(() => rm(directory, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly complaints: string;
}

async function cashe(words: readonly string[], at = node, stdin = ''): Promise<Ran> {
  const io = fakeIo({ stdin: Buffer.from(stdin) });
  const argv = [
    'access',
    ...words,
    `--endpoint=${at.clientAddress}`,
    `--token-file=${join(directory, 'root')}`,
  ];
  // Only the actions of `access` are asked for here.
  const code = await runProgram(argv, accessActions(openCluster, io) as Actions, io, '1.2.3');
  return { code, out: io.out.join(''), complaints: io.complaints.join('\n') };
}

describe('cashe access', () => {
  it('prints the policy as a file that it takes again, without hashes', async () => {
    const { code, out } = await cashe(['get']);
    expect(code).toBe(0);
    expect(out).toMatch(/^revision: \d+$/m);
    expect(out).toContain('name: app');
    expect(out).not.toMatch(/[0-9a-f]{64}/);
    const before = await place.policy(node);
    const file = join(directory, 'policy.yaml');
    await writeFile(file, out);
    expect(await cashe(['set', file])).toMatchObject({ code: 0 });
    expect(await place.policy(node)).toEqual(before);
    const json = await cashe(['get', '--json']);
    await cashe(['set', '-'], node, json.out.replaceAll('"app:"', '"other:"'));
    // The tokens kept their hashes: root still may ask.
    expect((await place.policy(node)).roles[1]).toEqual({
      name: 'app',
      grants: grants('other:', 'read', 'write'),
    });
  });

  it('refuses a file of a revision that is not in force any more', async () => {
    const { out } = await cashe(['get', '--json']);
    await cashe(['bind', 'client/x', 'app']);
    const late = await cashe(['set', '-'], node, out);
    expect(late.code).toBe(3);
    expect(late.complaints).toContain('ABORTED');
    const { revision: _, ...anyRevision } = JSON.parse(out) as { revision: number };
    expect((await cashe(['set', '-'], node, JSON.stringify(anyRevision))).code).toBe(0);
  });

  it.each([
    ['no YAML', '{', 'the policy cannot be read'],
    ['an unknown key', 'rolls: []', 'Unrecognized key'],
    ['an unknown verb', 'roles: [{name: a, grants: [{verb: fly, prefix: ""}]}]', 'roles.0.grants'],
  ])('refuses a file with %s as a mistake of usage', async (_what, text, message) => {
    const { code, complaints } = await cashe(['set', '-'], node, text);
    expect([code, complaints]).toEqual([2, expect.stringContaining(message)]);
  });

  it('makes a token that works at once, prints it once, and removes it for good', async () => {
    await cashe(['role', 'set', 'ci', '--read=', '--write=ci:']);
    const added = await cashe(['token', 'add', 'ci', '--role=ci']);
    expect(added.code).toBe(0);
    expect(added.out).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    const client = await place.client(node, undefined, { token: added.out.trim() });
    expect(await codeOf(client.set('ci:1', 'v'))).toBe('OK');
    expect(await codeOf(client.set('app:1', 'v'))).toBe('PERMISSION_DENIED');
    expect((await cashe(['token', 'remove', 'ci'])).code).toBe(0);
    expect(await codeOf(place.client(node, undefined, { token: added.out.trim() }))).toBe(
      'UNAUTHENTICATED',
    );
    expect((await place.policy(node)).bindings).not.toContainEqual({
      principal: 'token/ci',
      role: 'ci',
    });
    expect((await cashe(['token', 'remove', 'ci'])).code).toBe(1);
  });

  it('sets and removes roles and bindings one by one', async () => {
    await cashe(['role', 'set', 'ops', '--read=', '--write=a:', '--write=b:', '--admin']);
    await cashe(['bind', 'client/*', 'ops']);
    const policy = await place.policy(node);
    expect(policy.roles.at(-1)).toEqual({
      name: 'ops',
      grants: [
        { verb: 'read', prefix: '' },
        { verb: 'write', prefix: 'a:' },
        { verb: 'write', prefix: 'b:' },
        { verb: 'admin', prefix: '' },
      ],
    });
    expect(policy.bindings.at(-1)).toEqual({ principal: 'client/*', role: 'ops' });
    expect((await cashe(['unbind', 'client/*', 'ops'])).code).toBe(0);
    expect((await cashe(['unbind', 'client/*', 'ops'])).code).toBe(1);
    await cashe(['bind', 'client/*', 'ops']);
    await cashe(['role', 'remove', 'ops']);
    expect(await place.policy(node)).toMatchObject({
      roles: [{ name: 'root' }, { name: 'app' }],
      bindings: [{ role: 'root' }, { role: 'app' }],
    });
  });

  it.each([
    [['bind', 'client/x', 'nothing'], 'no role'],
    [['bind', 'somebody', 'app'], 'it must be anonymous, or client/'],
    [['token', 'add', 'a b'], 'it must be 1 to 64 of'],
    [['role', 'remove', 'root'], 'would take admin away from token/root'],
  ])('refuses %j and says why', async (words, message) => {
    const { code, complaints } = await cashe(words);
    expect([code, complaints]).toEqual([5, expect.stringContaining(message)]);
  });

  it('asks before the first restriction, which takes the rights of everybody else', async () => {
    const { clientAddress } = await place.node({ id: 'open' });
    const open = { ...node, clientAddress } as RunningNode;
    const io = fakeIo();
    const run = (words: readonly string[]): Promise<number> =>
      runProgram(
        ['access', ...words, `--endpoint=${open.clientAddress}`],
        accessActions(openCluster, io) as Actions,
        io,
        '1.2.3',
      );
    expect(await run(['role', 'set', 'ops', '--admin'])).toBe(5);
    expect(io.complaints.join()).toContain('--restrict');
    // A file is meant as it is; here it leaves admin to whoever asks, as without TLS it must.
    const file = join(directory, 'first.json');
    const first = {
      ...openPolicy,
      roles: [{ name: 'ops', grants: grants('', 'admin') }],
      bindings: [{ principal: 'anonymous', role: 'ops' }],
    };
    await writeFile(file, JSON.stringify(first));
    expect(await run(['set', file])).toBe(0);
    expect(await run(['role', 'set', 'more', '--read='])).toBe(0);
  });
});

describe('flags', () => {
  it('name a token file that must be there, and a token that is one', async () => {
    const io = fakeIo();
    const actions = accessActions(openCluster, io) as Actions;
    const run = (flag: string): Promise<number> =>
      runProgram(['access', 'get', flag], actions, io, '1.2.3');
    expect(await run('--token-file=/nowhere')).toBe(2);
    expect(await run('--token=a b')).toBe(2);
    expect(io.complaints.join()).not.toContain('a b');
  });
});
