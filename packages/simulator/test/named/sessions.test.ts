// Named cases of sessions and retries (R14, R15, R29), each on a whole simulated cluster. That
// nothing took effect twice is what every scenario checks at its end, against the log itself.
import { Code, Outcome, opFor, type WriteAnswer } from '@cashe/codec';
import { describe, expect, it, jest } from '@jest/globals';
import type { CallRecord } from '../../src/call-record.js';
import type { SimNode } from '../../src/sim-node.js';
import { batchOf } from '../support/raw-session.js';
import { Scenario } from '../support/scenario.js';

// Whole clusters are simulated: seconds of work on a busy machine.
jest.setTimeout(60_000);

const text = new TextEncoder();

function setBatch(tag: number, value: string): Uint8Array {
  return batchOf(tag, opFor.set('k', text.encode(value)));
}

/** How often the key was set: the log says it, and every node agrees with the log. */
function versionOf({ simulation: { ledger } }: Scenario): number | undefined {
  return ledger.at('k', ledger.index)?.version;
}

describe('a retry', () => {
  it('in an evicted session is told that nobody knows, and does not execute again', async () => {
    const scenario = await Scenario.start({ sessionsMax: 2, sessionIdleMs: 100 });
    const leader = await scenario.leader();
    const session = await scenario.session(leader);
    const ops = setBatch(1, 'once');
    const first = await scenario.write(session, leader, { sequence: 1, ops });
    expect(first).toMatchObject({ code: Code.OK, outcome: Outcome.COMMITTED });
    await scenario.simulation.pass(200);
    // Two others need the room.
    await scenario.session(leader);
    await scenario.session(leader);
    const retry = await scenario.write(session, leader, { sequence: 1, ops });
    expect(retry.code).toBe(Code.SESSION_UNKNOWN);
    expect(versionOf(scenario)).toBe(1);
    await scenario.finish();
  });

  it('of the SDK after an eviction is unknown or done once, and the next call works', async () => {
    const scenario = await Scenario.start({ sessionsMax: 2, sessionIdleMs: 100 });
    const leader = await scenario.leader();
    const client = scenario.client();
    await scenario.call(client, 'set', 'k');
    await scenario.simulation.pass(200);
    await scenario.session(leader);
    await scenario.session(leader);
    await scenario.simulation.pass(200);
    expect(await scenario.call(client, 'set', 'k')).toMatchObject({ outcome: 'committed' });
    expect(versionOf(scenario)).toBe(2);
    await scenario.finish();
  });

  it('of the SDK whose answer was lost before the eviction is reported as unknown', async () => {
    const scenario = await Scenario.start({ sessionsMax: 2, sessionIdleMs: 100 });
    const { simulation, nodes } = scenario;
    const leader = await scenario.leader();
    const client = scenario.client();
    await scenario.call(client, 'set', 'k');
    for (const { nodeId } of nodes) simulation.network.cut(nodeId, client.name);
    const done: CallRecord[] = [];
    const spec = { kind: 'set', key: 'k', ttlMs: 0, keepTtl: false, isStale: false } as const;
    client.call([spec], 5_000, (records) => done.push(...records));
    await simulation.until(() => versionOf(scenario) === 2, 1_000, 'its execution');
    await simulation.pass(200);
    await scenario.session(leader);
    await scenario.session(leader);
    simulation.network.heal();
    await simulation.until(() => done.length > 0, 6_000, 'the outcome');
    expect(done).toMatchObject([{ outcome: 'unknown' }]);
    expect(versionOf(scenario)).toBe(2);
    await scenario.finish();
  });

  it('of an executed batch gets its answer, after a denied one and a failover too', async () => {
    const scenario = await Scenario.start();
    const leader = await scenario.leader();
    const session = await scenario.session(leader);
    const ops = setBatch(1, 'once');
    const first = await scenario.write(session, leader, { sequence: 1, ops });
    scenario.crash(leader);
    const next = await scenario.leader();
    const wrongBytes = { sequence: 1, ops: setBatch(2, 'other') };
    const denied = await scenario.write(session, next, wrongBytes);
    expect(denied).toMatchObject({
      code: Code.SESSION_CONFLICT,
      outcome: Outcome.NOT_COMMITTED,
    });
    const again = await scenario.write(session, next, { sequence: 1, ops });
    expect(again).toMatchObject({ code: Code.OK, firstRevision: first.firstRevision });
    expect(versionOf(scenario)).toBe(1);
    await scenario.finish();
  });
});

describe('a delayed copy of an abandoned batch', () => {
  it('takes effect no more once the client has called its number settled', async () => {
    const scenario = await Scenario.start();
    const [leader, follower] = [await scenario.leader(), await scenario.follower()];
    const session = await scenario.session(leader);
    const abandoned = { sequence: 1, ops: setBatch(1, 'late') };
    const later = { sequence: 2, firstOutstanding: 2, ops: setBatch(2, 'kept') };
    expect(await scenario.write(session, leader, later)).toMatchObject({ code: Code.OK });
    const copy = await scenario.write(session, follower, abandoned);
    expect(copy).toMatchObject({ code: Code.STALE, outcome: Outcome.NOT_COMMITTED });
    const { ledger } = scenario.simulation;
    expect(ledger.at('k', ledger.index)).toMatchObject({ value: 'kept', version: 1 });
    await scenario.finish();
  });
});

describe('two clones of one session', () => {
  it('that use one number with other bytes: one executes, the other is refused', async () => {
    const scenario = await Scenario.start();
    const [leader, follower] = [await scenario.leader(), await scenario.follower()];
    const session = await scenario.session(leader);
    const answers = await Promise.all([
      scenario.write(session, leader, { sequence: 1, ops: setBatch(1, 'mine') }),
      scenario.write(session, follower, { sequence: 1, ops: setBatch(2, 'yours') }),
    ]);
    const codes = answers.map(({ code }) => code).sort();
    expect(codes).toEqual([Code.OK, Code.SESSION_CONFLICT].sort());
    expect(versionOf(scenario)).toBe(1);
    await scenario.finish();
  });
});

describe('a client that is wrong about the cluster', () => {
  it('and names a group that does not exist is told WRONG_GROUP by every node', async () => {
    const scenario = await Scenario.start();
    const session = await scenario.session(await scenario.leader());
    for (const node of scenario.nodes) {
      const batch = { sequence: 1, group: 1, ops: setBatch(1, 'lost') };
      expect(await scenario.write(session, node, batch)).toMatchObject({
        code: Code.WRONG_GROUP,
        outcome: Outcome.NOT_COMMITTED,
      });
    }
    await scenario.finish();
  });

  it('and newer than its leader: what that does not know is refused, alone', async () => {
    const scenario = await Scenario.start();
    const session = await scenario.session(await scenario.leader());
    const ops = batchOf(1, opFor.set('k', text.encode('old')), opFor.set('new', new Uint8Array(0)));
    // Field 15 of the second set: `x 0`, in place of what follows its key.
    const newer = withUnknownField(ops);
    const answer = await scenario.write(session, await scenario.follower(), {
      sequence: 1,
      ops: newer,
    });
    expect(answer).toMatchObject({ code: Code.OK, outcome: Outcome.COMMITTED });
    expect(answer.exceptions).toMatchObject([{ index: 1, code: Code.INVALID_ARGUMENT }]);
    expect(versionOf(scenario)).toBe(1);
    await scenario.finish();
  });
});

/** Adds `15: 0` to the request in the last op: its lengths grow by two. */
function withUnknownField(ops: Uint8Array): Uint8Array {
  const tagStart = ops.length - 8;
  const lastOp = tagStart - 8;
  const [opLength = 0, kind = 0, requestLength = 0] = ops.subarray(lastOp);
  return Uint8Array.from([
    ...ops.subarray(0, lastOp),
    opLength + 2,
    kind,
    requestLength + 2,
    ...ops.subarray(lastOp + 3, tagStart),
    0x78,
    0,
    ...ops.subarray(tagStart),
  ]);
}

describe('an entry that is overwritten on one node and committed from another', () => {
  it('is never reported as not committed', async () => {
    const scenario = await Scenario.start({ nodeCount: 5, replicationFactor: 5 });
    const { simulation } = scenario;
    const first = await scenario.leader();
    const [keeper, ...rest] = scenario.nodes.filter((node) => node !== first);
    if (keeper === undefined) throw new Error('five nodes');
    const session = await scenario.session(first);
    // The entry reaches the keeper alone.
    for (const node of rest) {
      scenario.separate(first, [node]);
      scenario.separate(keeper, [node]);
    }
    const before = first.replica?.raft.status().lastIndex ?? 0;
    const answers: WriteAnswer[] = [];
    const batch = { sequence: 1, ops: setBatch(1, 'once'), remainingMs: 10_000 };
    session.write(first, batch, (answer) => answers.push(answer));
    const hasEntry = (): boolean => (keeper.replica?.raft.status().lastIndex ?? 0) > before;
    await simulation.until(hasEntry, 5_000, 'the entry at the keeper');
    // A second leader is elected; of its entries the voters hear nothing.
    const candidate = (): SimNode | undefined =>
      rest.find(({ replica }) => replica?.raft.status().role === 'candidate');
    await simulation.until(() => candidate() !== undefined, 5_000, 'a candidate');
    const second = candidate() as SimNode;
    const others = rest.filter((node) => node !== second);
    const hasVoted = (node: SimNode): boolean => termOf(node) >= termOf(second);
    await simulation.until(() => others.every(hasVoted), 5_000, 'the votes');
    for (const node of others) simulation.network.cut(second.nodeId, node.nodeId);
    await simulation.until(() => second.replica?.leads === true, 5_000, 'a second leader');
    // It overwrites the entry on the first, and dies.
    simulation.network.heal();
    scenario.separate(second, [keeper, ...others]);
    scenario.separate(first, [keeper, ...others]);
    const isOverwritten = (): boolean => {
      const progress = second.replica?.raft.status().progress ?? [];
      const { matchIndex = 0 } = progress.find(isOf(first)) ?? {};
      return matchIndex > before;
    };
    await simulation.until(isOverwritten, 5_000, 'the second leader at the first');
    scenario.crash(second);
    scenario.separate(first, [second]);
    const third = (): SimNode | undefined =>
      [keeper, ...others].find(({ replica }) => replica?.leads === true);
    await simulation.until(() => third() !== undefined, 10_000, 'a third leader');
    expect(third()).toBe(keeper);
    await simulation.pass(1_000);
    await scenario.finish();
    expect(versionOf(scenario)).toBe(1);
    expect(answers).toMatchObject([{ outcome: Outcome.UNKNOWN }]);
  });
});

function termOf({ replica }: SimNode): number {
  return replica?.raft.status().currentTerm ?? 0;
}

function isOf({ replicaId }: SimNode): (progress: { readonly replicaId: number }) => boolean {
  return (progress) => progress.replicaId === replicaId;
}
