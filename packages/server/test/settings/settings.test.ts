// Settings that change while a real node serves (R11, R25): through gRPC as it is on the wire, and
// through `cashe config get` and `set` as an operator types them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@cashe/client';
import {
  type ChangeSettingsResponse,
  ClusterClient,
  type ConfigureNodeResponse,
  Eviction,
  type GetSettingsResponse,
  LogLevel,
  type StatusResponse,
} from '@cashe/proto';
import { credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { openCluster } from '../../src/cli/cluster-client.js';
import { configSetActions } from '../../src/cli/config-set-actions.js';
import { type Actions, runProgram } from '../../src/cli/program.js';
import { type RunningNode, startNode } from '../../src/index.js';
import { answer } from '../support/api-fixture.js';
import { fakeIo } from '../support/cli.js';

// A real node is founded and started again: seconds on a busy machine.
jest.setTimeout(30_000);

let directory = '';
let node: RunningNode;
let cluster: ClusterClient;

function start(options: Parameters<typeof startNode>[0] = {}): Promise<RunningNode> {
  const ports = { listen: '127.0.0.1:0', raftListen: '127.0.0.1:0' };
  return startNode({ id: 'one', ...ports, dataDir: join(directory, 'one'), ...options });
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cashe-settings-'));
  node = await start({ capacity: 100 });
  await node.ready;
  cluster = new ClusterClient(node.clientAddress, credentials.createInsecure());
});
afterAll(async () => {
  cluster.close();
  await node.stop();
});
afterAll(() => rm(directory, { recursive: true }));

type Ran = { readonly code: number; readonly out: string; readonly complaints: readonly string[] };

async function config(...argv: readonly string[]): Promise<Ran> {
  const io = fakeIo();
  const actions = configSetActions(openCluster, io) as Actions;
  const endpoint = `--endpoint=${node.clientAddress}`;
  const code = await runProgram(['config', ...argv, endpoint], actions, io, '1.2.3');
  return { code, out: io.out.join(''), complaints: io.complaints };
}

/** The status and the details of a call that is refused. */
async function refusal(call: Promise<unknown>): Promise<readonly [string | undefined, string]> {
  const error = await call.then(
    () => undefined,
    (reason: ServiceError) => reason,
  );
  return [error && status[error.code], error?.details ?? ''];
}

function change(changes: object): Promise<ChangeSettingsResponse> {
  const request = { changes: { eviction: Eviction.UNSPECIFIED, ...changes } };
  return answer((done) => cluster.changeSettings(request, done));
}

function configure(request: object): Promise<ConfigureNodeResponse> {
  const unchanged = { logLevel: LogLevel.UNSPECIFIED };
  return answer((done) => cluster.configureNode({ ...unchanged, ...request }, done));
}

describe('ChangeSettings', () => {
  it('changes what is stated and answers with all, as GetSettings does', async () => {
    const before = await answer<GetSettingsResponse>((done) => cluster.getSettings({}, done));
    const changed = await change({ sessionsMax: 77, eviction: Eviction.NOEVICTION });
    expect(changed.revision).toBe(before.revision + 1);
    expect(changed.settings).toMatchObject({
      sessionsMax: 77,
      cache: { entriesMax: 100, eviction: Eviction.NOEVICTION },
    });
    const after = await answer<GetSettingsResponse>((done) => cluster.getSettings({}, done));
    expect(after).toEqual(changed);
    await change({ eviction: Eviction.LRU });
  });

  it('says what is allowed when something is not', async () => {
    expect(await refusal(change({ replicationFactor: 10 }))).toEqual([
      'INVALID_ARGUMENT',
      'replicationFactor is 10; it must be an integer from 1 to 9',
    ]);
    expect(await refusal(change({ eviction: 9 }))).toEqual([
      'INVALID_ARGUMENT',
      'eviction is 9; EVICTION_LRU and EVICTION_NOEVICTION are allowed',
    ]);
    expect(await refusal(change({}))).toEqual(['INVALID_ARGUMENT', 'no setting is stated']);
    const missing = answer((done) => cluster.changeSettings({ changes: undefined }, done));
    expect(await refusal(missing)).toEqual(['INVALID_ARGUMENT', 'changes is missing']);
  });

  it('shrinks an idle cache to a lowered limit, and Status tells it', async () => {
    const client = await connect({ endpoints: [node.clientAddress] });
    for (let at = 0; at < 50; at++) await client.set(`k${at}`, 'v');
    await change({ entriesMax: 10 });
    const entries = async (): Promise<number | undefined> => {
      const { groups, cache } = await answer<StatusResponse>((done) => cluster.status({}, done));
      expect(cache?.entriesMax).toBe(10);
      return groups[0]?.entries;
    };
    let left = await entries();
    while (left !== 10) left = await entries();
    expect(await client.get('k39')).toBeUndefined();
    expect(await client.get('k40')).toBe('v');
    await client.close();
  });
});

describe('SetAccess', () => {
  it('refuses what is no policy, naming the place', async () => {
    const set = (policy: object | undefined, expectedRevision: number): Promise<unknown> => {
      const empty = { roles: [], bindings: [], tokens: [] };
      const whole = policy && { ...empty, ...policy };
      return answer((done) => cluster.setAccess({ policy: whole, expectedRevision }, done));
    };
    expect(await refusal(set(undefined, 1))).toEqual(['INVALID_ARGUMENT', 'policy is missing']);
    expect((await refusal(set({}, 0)))[1]).toContain('expected_revision is 0');
    const grants = [{ verb: 0, prefix: '' }];
    expect(await refusal(set({ roles: [{ name: 'r', grants }] }, 1))).toEqual([
      'INVALID_ARGUMENT',
      'the verb of a grant is 0; VERB_READ, VERB_WRITE and VERB_ADMIN are allowed',
    ]);
    const bindings = [{ principal: 'client/a', role: 'r' }];
    expect(await refusal(set({ bindings }, 1))).toEqual([
      'INVALID_ARGUMENT',
      'binding of client/a: there is no role "r"',
    ]);
    expect(await refusal(set({}, 7))).toEqual([
      'ABORTED',
      expect.stringContaining('at revision 1, not 7'),
    ]);
  });
});

describe('ConfigureNode', () => {
  it('changes limits that count from the next call on, and tells those in force', async () => {
    const before = await configure({});
    expect(before).toMatchObject({ nodeId: 'one', logLevel: LogLevel.INFO });
    const changed = await configure({ watchStreamsMax: 1 });
    expect(changed).toEqual({ ...before, watchStreamsMax: 1 });
    const [first, second] = [cluster.watchTopology({}), cluster.watchTopology({})];
    first.on('error', () => undefined);
    const refused = await new Promise<ServiceError>((resolve) => second.once('error', resolve));
    expect([refused.code, refused.details]).toEqual([
      status.RESOURCE_EXHAUSTED,
      'this node serves 1 topology streams at a time',
    ]);
    first.cancel();
    await configure({ watchStreamsMax: before.watchStreamsMax });
  });

  it('refuses as a whole what is out of range', async () => {
    const before = await configure({});
    const wrong = configure({ unaryCallsMax: 5, totalBytesMax: 1 });
    expect((await refusal(wrong))[1]).toMatch(/^total_bytes_max is 1; 16777216 to /);
    expect((await refusal(configure({ logLevel: 9 })))[1]).toContain('LOG_LEVEL_ERROR');
    expect(await configure({})).toEqual(before);
  });
});

describe('cashe config', () => {
  it('sets what the cluster has, by the key and the value of a file', async () => {
    const set = await config('set', 'cache.max_bytes', '64MiB');
    expect(set).toMatchObject({ code: 0, complaints: [] });
    expect(set.out).toMatch(/^cache\.max_bytes = 64MiB on all nodes \(settings at revision \d+\)/);
    expect(await config('get', 'cache.max_bytes')).toMatchObject({ code: 0, out: '64MiB\n' });
    expect((await config('set', 'cache.capacity', 'none')).code).toBe(0);
    expect((await config('get', 'cache.capacity')).out).toBe('none\n');
  });

  it('sets what one node has', async () => {
    const set = await config('set', 'limits.unary_calls_max', '500');
    expect(set.out).toBe('limits.unary_calls_max = 500 on one, until it stops\n');
    expect((await config('get', 'limits.unary_calls_max')).out).toBe('500\n');
  });

  it('lists everything that can be changed, of whom it is and what it is now', async () => {
    const { out } = await config('get');
    expect(out).toMatch(/^KEY +VALUE +OF$/m);
    expect(out).toMatch(/^cluster\.replication_factor +3 +cluster$/m);
    expect(out).toMatch(/^logging\.level +info +one$/m);
    const lines = JSON.parse((await config('get', '--json')).out);
    expect(lines).toContainEqual({ key: 'cache.eviction', value: 'lru', of: 'cluster' });
  });

  it('says what is wrong with a key or a value', async () => {
    const unknown = await config('set', 'cache.capacty', '5');
    expect(unknown.code).toBe(2);
    expect(unknown.complaints[0]).toMatch(/unknown key "cache\.capacty"; did you mean cache\.cap/);
    const fixed = await config('set', 'listen.client', ':1');
    expect(fixed.complaints[0]).toMatch(/listen\.client counts from the start of a node/);
    const bad = await config('set', 'cache.eviction', 'fifo');
    expect(bad.complaints[0]).toMatch(/cache\.eviction must be one of lru, noeviction/);
    // The log belongs to this test's process.
    const level = await config('set', 'log.level', 'debug');
    expect([level.code, level.complaints[0]]).toEqual([
      5,
      expect.stringContaining('belongs to the program that this node is embedded in'),
    ]);
  });
});

describe('a start that states other settings than the cluster has (R25)', () => {
  it('is refused with the way to change either, by what was set last', async () => {
    await config('set', 'cache.capacity', '123');
    await node.stop();
    const stale = await start({ capacity: 100 });
    const reason = await stale.closed;
    expect(reason).toMatchObject({ kind: 'failed' });
    expect(reason).toHaveProperty(
      'message',
      '--capacity (cache.capacity) is 100, but the cluster has 123: leave it out or state the ' +
        "same value here, or change the cluster's with 'cashe config set cache.capacity 100'",
    );
    node = await start({ capacity: 123 });
    await node.ready;
    cluster.close();
    cluster = new ClusterClient(node.clientAddress, credentials.createInsecure());
    const { settings } = await answer<GetSettingsResponse>((done) => cluster.getSettings({}, done));
    expect(settings?.cache?.entriesMax).toBe(123);
  });
});
