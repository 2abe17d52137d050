// What a policy allows is what a real node does, key by key, on streams that are open already.

import type { Cashe, CasheError } from '@cashe/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RunningNode } from '../../src/index.js';
import { until } from '../support/api-fixture.js';
import { codeOf, everything, grants, Place } from './node.js';

// Real nodes: seconds on a busy machine.
jest.setTimeout(20_000);

const roles = {
  root: everything,
  reader: grants('app:', 'read'),
  writer: grants('app:', 'write'),
  both: grants('app:', 'read', 'write'),
  two: [...grants('a', 'write', 'read'), ...grants('b', 'read')],
  nothing: [],
};
type Name = keyof typeof roles;

const place = new Place();
let node: RunningNode;

beforeAll(async () => {
  node = await place.node({ access: place.policies.of(roles) });
});
afterAll(() => place.end());
beforeEach(() => {
  place.audited.splice(0);
});

const denied = 'PERMISSION_DENIED';

async function using<T>(name: Name, run: (client: Cashe<'string'>) => Promise<T>): Promise<T> {
  const client = await place.client(node, name);
  try {
    return await run(client);
  } finally {
    await client.close();
  }
}

const outcomes = (client: Cashe<'string'>, key: string): Promise<string[]> =>
  Promise.all([
    codeOf(client.get(key)),
    codeOf(client.has(key)),
    codeOf(client.get(key, { consistency: 'stale' })),
    codeOf(client.set(key, 'v')),
    codeOf(client.delete(key)),
  ]);
const reads = ['OK', 'OK', 'OK', denied, denied];
const writes = [denied, denied, denied, 'OK', 'OK'];
const allOf = Array<string>(5).fill('OK');
const noneOf = Array<string>(5).fill(denied);

describe('get, has, stale get, set and delete', () => {
  it.each<[Name, string, readonly string[]]>([
    ['reader', 'app:1', reads],
    ['writer', 'app:1', writes],
    ['both', 'app:1', allOf],
    ['root', 'anything', allOf],
    ['nothing', 'app:1', noneOf],
    // The edges of a prefix: itself, one character less, another one, and its neighbours.
    ['both', 'app:', allOf],
    ['both', 'app', noneOf],
    ['both', 'App:1', noneOf],
    ['both', 'app;', noneOf],
    ['both', 'app9', noneOf],
    ['both', 'xapp:1', noneOf],
    ['both', 'app:é🔑', allOf],
    ['two', 'a', allOf],
    ['two', 'b', reads],
    ['two', 'c', noneOf],
  ])('of %s on %j', async (name, key, expected) => {
    await using(name, async (client) => {
      expect(await outcomes(client, key)).toEqual(expected);
    });
  });

  it('say in a denial what is missing and what to do, and that nothing was changed', async () => {
    await using('reader', async (client) => {
      const error = await client.set('app:1', 'v').catch((reason: CasheError) => reason);
      expect(error).toMatchObject({ code: denied, outcome: 'notCommitted' });
      const reason = 'token/reader needs write on some prefix: ask for a role that grants it';
      expect((error as CasheError).message).toBe(`PERMISSION_DENIED: ${reason}`);
    });
    await using('two', async (client) => {
      const error = await client.set('b', 'v').catch((reason: CasheError) => reason);
      expect(error).toMatchObject({ code: denied, outcome: 'notCommitted', key: 'b' });
      expect(String(error)).toContain('token/two needs write on key "b": ask for a role');
    });
  });
});

describe('a batch with keys of which some are denied', () => {
  it('does what is permitted and denies the rest, each with its own status', async () => {
    await using('two', async (client) => {
      const entries = ['a1', 'b1', 'a2', 'c1', 'a3'].map((key) => [key, 'v'] as const);
      const error = await client.setMany(entries).catch((reason: CasheError) => reason);
      const { errors = [] } = error as CasheError;
      expect(errors.map((one) => one?.code ?? 'OK')).toEqual(['OK', denied, 'OK', denied, 'OK']);
      expect(errors[3]?.message).toContain('"c1"');
    });
    await using('root', async (client) => {
      const found = await client.getMany(['a1', 'b1', 'a2', 'c1', 'a3']);
      expect(found).toEqual(['v', undefined, 'v', undefined, 'v']);
    });
  });

  it('reads what is permitted, and does not tell whether the rest is there', async () => {
    await using('root', (client) => client.setMany({ a1: 'x', b1: 'y', c1: 'z' }));
    await using('two', async (client) => {
      const keys = ['a1', 'c1', 'b1', 'c2'];
      const error = await client.getMany(keys).catch((reason: CasheError) => reason);
      const { errors = [] } = error as CasheError;
      expect(errors.map((one) => one?.code ?? 'OK')).toEqual(['OK', denied, 'OK', denied]);
      const [there, absent] = [errors[1]?.message, errors[3]?.message];
      expect(there?.replace('c1', 'c2')).toBe(absent);
    });
  });
});

describe('an open stream', () => {
  it('has what the policy in force gives, from one call to the next', async () => {
    await using('both', async (client) => {
      await client.set('app:1', 'v');
      await place.setPolicy(node, place.policies.of({ ...roles, both: roles.reader }));
      expect(await codeOf(client.set('app:1', 'w'))).toBe(denied);
      expect(await client.get('app:1')).toBe('v');
      await place.setPolicy(node, place.policies.of({ ...roles, both: grants('b:', 'write') }));
      expect(await codeOf(client.get('app:1'))).toBe(denied);
      expect(await codeOf(client.set('b:1', 'w'))).toBe('OK');
      await place.setPolicy(node, place.policies.of(roles));
      expect(await codeOf(client.set('app:1', 'w'))).toBe('OK');
    });
  });

  it('of a token that is removed ends, and the client says why, at once and finally', async () => {
    const client = await place.client(node, 'both');
    await client.set('app:1', 'v');
    const ended: string[] = [];
    client.onStatus((event) => {
      if (event.kind === 'disconnected') ended.push(event.code);
    });
    const { both: _, ...others } = roles;
    await place.setPolicy(node, place.policies.of(others));
    await until(() => ended.length > 1);
    expect(new Set(ended)).toEqual(new Set(['UNAUTHENTICATED']));
    const startedMs = performance.now();
    const error = await client.set('app:1', 'w').catch((reason: CasheError) => reason);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED', outcome: 'notCommitted' });
    expect(performance.now() - startedMs).toBeLessThan(4_000);
    expect(await codeOf(place.client(node, 'both'))).toBe('UNAUTHENTICATED');
    await place.setPolicy(node, place.policies.of(roles));
    // The client goes on trying: a token that is back serves again.
    await until(() => client.status().nodes.some(({ state }) => state === 'ready'));
    expect(await codeOf(client.set('app:1', 'w'))).toBe('OK');
    await client.close();
  });
});

describe('the audit log of a node', () => {
  it('has reads and writes, too, where it is told to', async () => {
    const all = await place.node({ id: 'all', audit: 'all' });
    place.audited.splice(0);
    const client = await place.client(all);
    await client.setMany({ 'user:1': 'v', 'user:2': 'v' });
    await client.get('user:1');
    const common = { audit: true, principal: 'anonymous', prefix: 'use…', outcome: 'allowed' };
    expect(place.audited).toEqual([
      { ...common, action: 'write', ops: 2 },
      { ...common, action: 'read', ops: 1 },
    ]);
  });

  it('has denials by principal, with a part of the key, and changes of the policy', async () => {
    await using('two', async (client) => {
      const entries = { a1: 'v', 'secret-key-1': 'v', 'secret-key-2': 'v' };
      await expect(client.setMany(entries)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
      await codeOf(client.get('secret-key-1'));
    });
    await place.setPolicy(node, place.policies.of(roles));
    const common = { audit: true, principal: 'token/two', outcome: 'denied', prefix: 'secret…' };
    expect(place.audited).toEqual([
      { ...common, action: 'write', ops: 2 },
      { ...common, action: 'read', ops: 1 },
      { audit: true, principal: 'token/root', action: 'getAccess', target: '', outcome: 'done' },
      { audit: true, principal: 'token/root', action: 'setAccess', target: '', outcome: 'done' },
    ]);
  });
});
