// Goal: a node that waits is added by its raft address, once, whatever breaks on the way, and who
// must not be added leaves no trace in the cluster.
// Method: real nodes in this process; for what breaks in between, the steps with doors of the test.

import { Code, Outcome, openPolicy } from '@cashe/codec';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunningNode } from '../../src/index.js';
import { addByAddress } from '../../src/node/adding.js';
import { realScheduler } from '../../src/node/real-ports.js';
import { genesisSettings, newGenesisRecord } from '../../src/node/records.js';
import { Introductions, WaitingForJoin } from '../../src/node/waiting-for-join.js';
import { type Introduced, IntroductionError } from '../../src/rpc/index.js';
import { ask, post, RestNodes } from '../rest/support/rest-nodes.js';
import { clusterId, FakeCalls, member } from '../support/fake-calls.js';

const nodes = new RestNodes();
let first: RunningNode;

const add = (nodeId: string, address: string, to = first) =>
  post(to, '/v1/cluster/members', { node_id: nodeId, raft_address: address });
const memberIds = async (): Promise<readonly string[]> => {
  const { json } = await ask(first, 'GET', '/v1/cluster/members');
  const { members } = json as { members: readonly { node_id: string }[] };
  return members.map((one) => one.node_id);
};

describe('a node that waits to be added', () => {
  beforeEach(async () => {
    first = await nodes.one({ id: 'w0' });
  });
  afterEach(() => nodes.stopAll(), 30_000);

  it('may be stopped and started again before, and is the same node', async () => {
    const before = await nodes.start({ id: 'w1', waitForJoin: true });
    const uidOf = async (node: RunningNode): Promise<unknown> =>
      ((await ask(node, 'GET', '/v1/cluster')).json as { node_uid: string }).node_uid;
    const uid = await uidOf(before);
    await before.stop();
    expect((await before.closed).kind).toBe('stopped');
    const after = await nodes.start({ id: 'w1', waitForJoin: true });
    expect(await uidOf(after)).toBe(uid);
    expect((await add('w1', after.raftAddress)).status).toBe(200);
    await after.ready;
    // Its directory is not blank any more: the flag means nothing at the next start.
    await after.stop();
    const again = await nodes.one({ id: 'w1', waitForJoin: true });
    expect((await ask(again, 'GET', '/v1/cluster')).json).toMatchObject({ waiting_for: '' });
  }, 30_000);

  it('is added once when it is asked for many times at once', async () => {
    const joiner = await nodes.start({ id: 'w1', waitForJoin: true });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => add('w1', joiner.raftAddress)),
    );
    const ids = answers.map(({ status, json }) => [
      status,
      (json as { replica_id: number }).replica_id,
    ]);
    expect(new Set(ids.map((one) => one.join(' '))).size).toBe(1);
    expect(ids[0]?.[0]).toBe(200);
    await joiner.ready;
    expect(await memberIds()).toEqual(['w0', 'w1']);
  }, 30_000);

  it.each([
    ['another id', { id: 'w1' }, 'w9', 400, 'is node w1, not w9'],
    ['other settings', { id: 'w1', capacity: 7 }, 'w1', 400, '--capacity'],
  ])('with %s is not added, and leaves no trace', async (_, options, asked, status, message) => {
    const joiner = await nodes.start({ ...options, waitForJoin: true });
    const answer = await add(asked, joiner.raftAddress);
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ message: expect.stringContaining(message) });
    expect(await memberIds()).toEqual(['w0']);
  });

  it('is told apart from one that does not wait, and from one of another cluster', async () => {
    const joining = await nodes.start({ id: 'w1', join: '127.0.0.1:1' });
    const refused = await add('w1', joining.raftAddress);
    expect(refused.json).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'node w1 does not wait to be added: start it with --wait-for-join',
    });
    const other = await nodes.one({ id: 'w2' });
    const foreign = await add('w2', other.raftAddress);
    expect([foreign.status, foreign.json]).toMatchObject([409, { code: 'CLUSTER_MISMATCH' }]);
    expect(await memberIds()).toEqual(['w0']);
  });
});

const uid = 'ab'.repeat(16);
const genesisRecord = newGenesisRecord(
  [{ nodeId: 'm0', nodeUid: uid, clientAddress: '127.0.0.1:1', raftAddress: '127.0.0.1:2' }],
  { settings: genesisSettings({}), access: openPolicy },
);

const waits: Introduced = {
  nodeId: 'w1',
  nodeUid: uid,
  clientAddress: '127.0.0.1:3001',
  raftAddress: '127.0.0.1:4001',
  formatVersionMax: 1,
  clusterId: '',
  waiting: true,
  problem: '',
};

describe('adding a node by its address', () => {
  const added = { nodeId: 'w1', raftAddress: '127.0.0.1:4001' };
  let calls: FakeCalls;
  let found: Introduced;
  let admit: () => Promise<void>;

  beforeEach(() => {
    calls = new FakeCalls();
    const answer = { clusterId, replicaId: 2, genesisRecord, members: [member] };
    calls.adminAnswer = { kind: 'admin', result: 'added', ...answer };
    found = waits;
    admit = () => Promise.resolve();
  });

  const run = (remainingMs: number) =>
    addByAddress(
      {
        calls,
        scheduler: realScheduler,
        random: () => 0,
        signal: new AbortController().signal,
        nowMs: () => performance.now(),
        genesisRecord: () => genesisRecord,
        introduce: () => Promise.resolve(found),
        admit: () => admit(),
      },
      added,
      'anonymous',
      remainingMs,
    );

  it('tells the node again until it answers', async () => {
    let failures = 2;
    admit = () => {
      failures -= 1;
      return failures < 0 ? Promise.resolve() : Promise.reject(new IntroductionError('gone'));
    };
    expect(await run(10_000)).toMatchObject({ result: 'added', replicaId: 2 });
    expect(failures).toBe(-1);
  });

  it('has an open outcome when the node could not be told, and may be repeated', async () => {
    admit = () => Promise.reject(new IntroductionError('connection refused'));
    expect(await run(0)).toMatchObject({
      result: 'refused',
      code: Code.UNAVAILABLE,
      outcome: Outcome.UNKNOWN,
      message: expect.stringContaining('could not be told (connection refused): ask again'),
    });
    admit = () => Promise.resolve();
    expect(await run(1_000)).toMatchObject({ result: 'added' });
    expect(calls.adminCalls.map(({ call }) => call)).toEqual([
      expect.objectContaining({ kind: 'addMember', nodeUid: uid }),
      expect.objectContaining({ kind: 'addMember', nodeUid: uid }),
    ]);
  });

  it('of a member only asks the leader again', async () => {
    found = { ...waits, clusterId, waiting: false };
    admit = () => Promise.reject(new Error('not to be told'));
    expect(await run(1_000)).toMatchObject({ result: 'added' });
  });

  it.each([
    [{ nodeUid: 'x' }, 'has no nodeUid'],
    [{ clientAddress: 'nowhere' }, 'the address that node w1 tells'],
    [{ problem: 'settings differ' }, 'node w1: settings differ'],
  ])('does not believe everything: %j', async (told, message) => {
    found = { ...waits, ...told };
    expect(await run(1_000)).toMatchObject({
      result: 'refused',
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining(message),
    });
    expect(calls.adminCalls).toEqual([]);
  });
});

describe('a node that is handed an admission', () => {
  const own = {
    ...{ nodeId: 'w1', nodeUid: uid, clientAddress: 'c:1', raftAddress: 'r:1' },
    formatVersionMax: 1,
  };
  const record = { ...own, replicaId: 2, leaving: false };
  const admission = { nodeId: 'w1', nodeUid: uid, replicaId: 2, genesisRecord, members: [record] };
  let persisted = 0;

  function waitingNode(persist: () => Promise<void>): {
    readonly introductions: Introductions;
    readonly done: Promise<unknown>;
  } {
    const introductions = new Introductions(own);
    const context = {
      ...own,
      signal: new AbortController().signal,
      waitFor: () => undefined,
      scheduler: realScheduler,
      random: () => 0,
    };
    const waiting = new WaitingForJoin(context, { given: {}, persist });
    introductions.waits(waiting);
    return { introductions, done: waiting.run() };
  }

  const counting = async (): Promise<void> => {
    persisted += 1;
  };

  it('keeps it before it answers, once, and says then which cluster it belongs to', async () => {
    persisted = 0;
    const { introductions, done } = waitingNode(counting);
    expect(introductions.onIntroduce({ nodeId: 'w1', genesisRecord, cache: undefined })).toEqual(
      expect.objectContaining({ waiting: true, clusterId: '', problem: '' }),
    );
    await Promise.all([introductions.onAdmit(admission), introductions.onAdmit(admission)]);
    expect(persisted).toBe(1);
    expect(await done).toMatchObject({ identity: { nodeId: 'w1', replicaId: 2 } });
    const now = introductions.onIntroduce({ nodeId: 'w1', genesisRecord, cache: undefined });
    expect([now.waiting, now.clusterId]).toEqual([false, expect.stringMatching(/^[0-9a-f]{32}$/)]);
    await introductions.onAdmit(admission);
  });

  it.each([
    [{ nodeId: 'w2' }, 'this is node w1'],
    [{ nodeUid: 'cd'.repeat(16) }, 'this is node w1'],
    [{ members: [] }, 'the members do not name this node'],
    [{ replicaId: 3 }, 'the members do not name this node'],
    [{ genesisRecord: new Uint8Array(0) }, 'the genesis record is incomplete'],
  ])('refuses what is not for it: %j', async (change, message) => {
    persisted = 0;
    const { introductions } = waitingNode(counting);
    await expect(introductions.onAdmit({ ...admission, ...change })).rejects.toThrow(message);
    expect(persisted).toBe(0);
  });

  it('refuses a second cluster', async () => {
    const { introductions } = waitingNode(counting);
    await introductions.onAdmit(admission);
    const founder = { nodeId: 'm1', nodeUid: uid, clientAddress: 'c:1', raftAddress: 'r:1' };
    const terms = { settings: genesisSettings({}), access: openPolicy };
    const other = { ...admission, genesisRecord: newGenesisRecord([founder], terms) };
    await expect(introductions.onAdmit(other)).rejects.toThrow('just admitted to cluster');
  });

  it('does not answer that it has what it could not keep', async () => {
    const waiting = waitingNode(() => Promise.reject(new Error('disk full')));
    const { introductions } = waiting;
    await Promise.all([
      expect(introductions.onAdmit(admission)).rejects.toThrow('disk full'),
      expect(waiting.done).rejects.toThrow('disk full'),
    ]);
  });
});
