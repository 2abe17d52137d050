// Goal: the public client over real sockets: verbs, values, failures, closing.
// Method: grpc-js servers in this process that answer from a model group.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Cashe, CasheError, type ConnectOptions, connect } from '../src/index.js';
import { leaderOf } from './support/harness.js';
import { ModelGroup } from './support/model-group.js';
import { SocketServer } from './support/socket-server.js';

let group: ModelGroup;
let server: SocketServer;
let spare: SocketServer;
const clients: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  group = new ModelGroup(16);
  server = new SocketServer('n1', group);
  spare = new SocketServer('n2', group);
  await Promise.all([server.start(), spare.start()]);
});

afterEach(async () => {
  server.isSilent = false;
  await Promise.all(clients.splice(0).map((client) => client.close()));
  server.stop();
  spare.stop();
});

async function client(more: Partial<ConnectOptions<'string'>> = {}): Promise<Cashe> {
  const cashe = await connect({ endpoints: [server.address], ...more });
  clients.push(cashe);
  return cashe;
}

async function failure(promise: Promise<unknown>): Promise<CasheError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof CasheError) return error;
  throw new Error(`not a CasheError: ${String(error)}`);
}

/** Resolves at the first status event of the kind. */
function event(cashe: Cashe, kind: 'connected' | 'disconnected'): Promise<void> {
  return new Promise((resolve) => {
    const stop = cashe.onStatus((one) => {
      if (one.kind !== kind) return;
      stop();
      resolve();
    });
  });
}

describe('the verbs', () => {
  it('set, get, has and delete a key', async () => {
    const cashe = await client();
    expect(await cashe.get('k')).toBeUndefined();
    expect(await cashe.set('k', 'wört')).toEqual({ revision: 1 });
    expect(await cashe.get('k')).toBe('wört');
    expect(await cashe.has('k')).toBe(true);
    expect(await cashe.delete('k')).toBe(true);
    expect(await cashe.delete('k')).toBe(false);
    expect(await cashe.has('k')).toBe(false);
  });

  it('see, in one turn, what was called before', async () => {
    const cashe = await client();
    const values = await Promise.all([
      cashe.set('k', '1'),
      cashe.get('k'),
      cashe.set('k', '2'),
      cashe.get('k'),
    ]);
    // Both reads may be served after both writes: these were called at the same time.
    expect(['1', '2']).toContain(values[1]);
    expect(values[3]).toBe('2');
  });

  it('tell revision and version of an entry', async () => {
    const cashe = await client();
    await cashe.set('k', '1');
    await cashe.set('k', '2');
    const entry = { value: '2', revision: 2, version: 2, ttlMs: undefined };
    expect(await cashe.getEntry('k')).toEqual(entry);
    expect(await cashe.getEntry('none')).toBeUndefined();
  });

  it.each([
    [
      'a Map',
      new Map([
        ['a', '1'],
        ['b', '2'],
      ]),
    ],
    ['an object', { a: '1', b: '2' }],
    [
      'pairs',
      [
        ['a', '1'],
        ['b', '2'],
      ] as const,
    ],
    [
      'entries',
      [
        { key: 'a', value: '1' },
        { key: 'b', value: '2', ttlMs: 5_000 },
      ],
    ],
  ])('take many keys from %s', async (_name, entries) => {
    const cashe = await client();
    expect(await cashe.setMany(entries)).toEqual([{ revision: 1 }, { revision: 2 }]);
    expect(await cashe.getMany(['b', 'none', 'a', 'b'])).toEqual(['2', undefined, '1', '2']);
    expect(await cashe.deleteMany(new Set(['a', 'none']))).toEqual([true, false]);
    expect(await cashe.getMany([])).toEqual([]);
  });

  it('take more keys than may wait at once', async () => {
    const cashe = await client({ waitingOpsMax: 100 });
    const keys = Array.from({ length: 5_000 }, (_, index) => `k${index}`);
    const entries = keys.map((key) => [key, `v${key}`] as const);
    await cashe.setMany(entries);
    expect(await cashe.getMany(keys)).toEqual(entries.map(([, value]) => value));
  });

  it('send how long a key lives', async () => {
    const cashe = await client();
    await cashe.set('a', '1', { ttlMs: 60_000 });
    await cashe.set('b', '1', { keepTtl: true });
    const [first, second] = group.applied;
    expect(first).toMatchObject({ key: 'a', ttlMs: 60_000, keepTtl: false });
    expect(second).toMatchObject({ key: 'b', ttlMs: 0, keepTtl: true });
  });
});

describe('values', () => {
  it('come out as bytes when the client or the call asks for it', async () => {
    const bytes = Uint8Array.of(0, 255, 254);
    const cashe = await connect({ endpoints: [server.address], values: 'bytes' });
    clients.push(cashe);
    await cashe.set('k', bytes);
    const value: Uint8Array | undefined = await cashe.get('k');
    expect(value).toEqual(bytes);
    await cashe.set('k', 'text');
    const text: string | undefined = await cashe.get('k', { as: 'string' });
    expect(text).toBe('text');
    const many: (Uint8Array | undefined)[] = await cashe.getMany(['k']);
    expect(Buffer.from(many[0]!).toString()).toBe('text');
  });

  it('keep no more memory than they need', async () => {
    const cashe = await client();
    await cashe.setMany({ small: 'v', large: 'v'.repeat(10_000) });
    const [small] = await cashe.getMany(['small', 'large'], { as: 'bytes' });
    expect(small?.buffer.byteLength).toBe(1);
  });

  it('that are not text are not garbled into one', async () => {
    const cashe = await client();
    await cashe.set('k', Uint8Array.of(255));
    expect(await failure(cashe.get('k'))).toMatchObject({ code: 'INVALID_ARGUMENT', key: 'k' });
    expect(await cashe.get('k', { as: 'bytes' })).toEqual(Uint8Array.of(255));
  });
});

describe('a bad call', () => {
  it.each<readonly [string, (cashe: Cashe) => Promise<unknown>]>([
    ['an empty key', (cashe) => cashe.get('')],
    ['a key that is no string', (cashe) => cashe.get(5 as never)],
    ['a value that is neither text nor bytes', (cashe) => cashe.set('k', 5 as never)],
    ['a value with a lone surrogate', (cashe) => cashe.set('k', 'ä\ud800')],
    ['a ttl of 0', (cashe) => cashe.set('k', 'v', { ttlMs: 0 })],
    ['a timeout of 0', (cashe) => cashe.get('k', { timeoutMs: 0 })],
  ])('with %s rejects with INVALID_ARGUMENT', async (_name, call) => {
    const error = await failure(call(await client()));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', outcome: 'notCommitted' });
  });

  it('among many tells which keys failed, after the others are done', async () => {
    const cashe = await client();
    const error = await failure(cashe.setMany({ a: '1', '': '2', b: 'v'.repeat(70_000) }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', outcome: 'notCommitted' });
    expect(error.errors?.map((one) => one?.code)).toEqual([
      undefined,
      'INVALID_ARGUMENT',
      'TOO_LARGE',
    ]);
    expect(await cashe.get('a')).toBe('1');
  });
});

describe('a call that must not wait', () => {
  it('settles by its timeout when the node is silent', async () => {
    const cashe = await client();
    await cashe.set('k', 'v');
    server.isSilent = true;
    const [write, read] = await Promise.all([
      failure(cashe.set('k', 'v', { timeoutMs: 50 })),
      failure(cashe.get('k', { timeoutMs: 50 })),
    ]);
    expect(write).toMatchObject({ code: 'UNKNOWN_OUTCOME', outcome: 'unknown', key: 'k' });
    expect(read).toMatchObject({ code: 'DEADLINE_EXCEEDED', outcome: 'notCommitted' });
  });

  it('ends when its signal says so', async () => {
    const cashe = await client();
    server.isSilent = true;
    const controller = new AbortController();
    const calls = [
      failure(cashe.get('k', { signal: controller.signal })),
      failure(cashe.getMany(['a', 'b'], { signal: controller.signal })),
    ];
    controller.abort();
    for (const error of await Promise.all(calls)) expect(error.code).toBe('ABORTED');
    const late = await failure(cashe.get('k', { signal: controller.signal }));
    expect(late).toMatchObject({ code: 'ABORTED', outcome: 'notCommitted' });
  });
});

describe('a connection', () => {
  let directory: string | undefined;
  afterEach(() => {
    if (directory !== undefined) rmSync(directory, { recursive: true });
    directory = undefined;
  });

  it('is made through a founders’ file, in YAML or JSON', async () => {
    directory = mkdtempSync(join(tmpdir(), 'cashe-client-'));
    const founder = { id: 'n1', client: server.address, raft: 'localhost:1' };
    const json = join(directory, 'a.json');
    const yaml = join(directory, 'a.yaml');
    writeFileSync(json, JSON.stringify({ node: {}, cluster: { genesis: [founder] } }));
    writeFileSync(yaml, `cluster:\n  genesis:\n    - id: n1\n      client: ${server.address}\n`);
    for (const config of [json, yaml]) {
      const cashe = await client({ endpoints: [], config });
      expect(await cashe.has('k')).toBe(false);
    }
    writeFileSync(yaml, 'cluster: {}');
    const error = await failure(connect({ config: yaml }));
    expect(error.message).toContain('genesis');
    expect((await failure(connect({}))).code).toBe('INVALID_ARGUMENT');
  });

  it('that nobody answers fails in time', async () => {
    const { address } = spare;
    spare.stop();
    const error = await failure(connect({ endpoints: [address], connectTimeoutMs: 100 }));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', outcome: 'notCommitted' });
    expect(error.message).toContain(address);
  });

  it.each(['', 'a b', 'x:y:z', 'localhost:99999', '127.0.0.1:1'])(
    'to the address "%s" fails in time',
    async (address) => {
      const error = await failure(connect({ endpoints: [address], connectTimeoutMs: 50 }));
      expect(error).toMatchObject({ code: 'UNAVAILABLE', outcome: 'notCommitted' });
    },
  );

  it('survives a node that announces an address nobody can read', async () => {
    const cashe = await client();
    const down = event(cashe, 'disconnected');
    server.push(leaderOf({ nodeId: 'n9', address: 'x:y:z' }, 1));
    await down;
    expect(await cashe.has('k')).toBe(false);
  });

  it('to another cluster is refused', async () => {
    const options = { endpoints: [server.address], clusterId: 'other', connectTimeoutMs: 100 };
    expect((await failure(connect(options))).code).toBe('CLUSTER_MISMATCH');
  });

  it('that breaks is made again, and what was under way is sent again', async () => {
    const cashe = await client();
    await cashe.set('k', '1');
    const down = event(cashe, 'disconnected');
    server.stop();
    await down;
    const write = cashe.set('k', '2');
    await server.start();
    expect(await write).toEqual({ revision: 2 });
    expect(await cashe.get('k')).toBe('2');
  });

  it('to a node that falls silent is passed over, once others are known', async () => {
    server.topology = [server, spare];
    spare.topology = [server, spare];
    const cashe = await client({ tuning: { silenceMs: 50 } });
    if (spare.connects === 0) await event(cashe, 'connected');
    server.push(leaderOf({ nodeId: 'n1', address: server.address }, 1));
    await cashe.set('k', '1');
    server.isSilent = true;
    expect(await cashe.set('k', '2')).toEqual({ revision: 2 });
    expect(group.applied.map(({ value }) => value)).toEqual(['1', '2']);
  });
});

describe('closing', () => {
  it('closes the session and fails later calls', async () => {
    const cashe = await client();
    const write = cashe.set('k', 'v');
    await cashe[Symbol.asyncDispose]();
    expect(await write).toEqual({ revision: 1 });
    expect(group.sessionCount).toBe(0);
    expect((await failure(cashe.get('k'))).code).toBe('CLOSED');
    await cashe.close();
  });

  it('does not wait long for a silent node', async () => {
    const cashe = await client({ closeTimeoutMs: 50 });
    server.isSilent = true;
    const write = failure(cashe.set('k', 'v'));
    const many = failure(cashe.getMany(['a', 'b']));
    await cashe.close();
    expect((await write).code).toBe('CLOSED');
    expect((await many).code).toBe('CLOSED');
  });
});
