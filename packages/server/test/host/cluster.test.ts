// Whole nodes on virtual time: the promises of the host that need more than one replica.

import { Code, Consistency, Outcome, type WriteAnswer } from '@cashe/codec';
import { describe, expect, it, jest } from '@jest/globals';
import type { AdminAnswer } from '../../src/host/ports.js';
import { HostClient, set } from '../support/host-client.js';
import { HostCluster } from '../support/host-cluster.js';
import type { SimNode } from '../support/sim-node.js';

/** Virtual time bounds what a test waits for; this only ends one that hangs. */
jest.setTimeout(30_000);

async function ready(
  options: Parameters<typeof HostCluster.start>[0] = {},
): Promise<{ sim: HostCluster; client: HostClient; leader: SimNode; others: SimNode[] }> {
  const sim = await HostCluster.start(options);
  const leader = await sim.waitForLeader();
  const client = new HostClient(sim);
  await client.open(leader);
  const others = sim.nodes.filter((node) => node !== leader);
  return { sim, client, leader, others };
}

function digests(sim: HostCluster): unknown[] {
  return sim.nodes.filter((node) => node.cluster).map((node) => node.replica.store.digest());
}

describe('any node serves (R30)', () => {
  it('forwards writes and reads once to the leader', async () => {
    const { sim, client, others } = await ready();
    const [follower] = others as [SimNode];
    expect(await client.write(follower, [set('a', '1')])).toMatchObject({ code: Code.OK });
    expect(await client.text(follower, 'a')).toBe('1');
    await sim.converge();
    expect(new Set(digests(sim).map((one) => JSON.stringify(one))).size).toBe(1);
  });

  it('refuses what a second hop would need, as not committed', async () => {
    const { sim, client, leader, others } = await ready();
    const [follower, third] = others as [SimNode, SimNode];
    const answer = await client.wait<WriteAnswer>((done) => {
      const hop = { kind: 'write', principal: 'anonymous' } as const;
      client.send({ ...third, calls: undefined } as SimNode, [set('a', '1')], () => undefined);
      const batch = {
        kind: 'write',
        transmission: 3,
        group: 0,
        session: client.session,
        sequence: 1,
        firstOutstanding: 1,
        remainingMs: 1000,
        ops: new Uint8Array(9),
      } as const;
      follower.calls?.forwarded({ ...hop, batch }, (one) => done(one as WriteAnswer));
    });
    expect(answer).toMatchObject({ code: Code.NOT_LEADER, outcome: Outcome.NOT_COMMITTED });
    expect(sim.leader()).toBe(leader);
  });

  it('asks a leader it hears but does not reach again, until the deadline', async () => {
    const { sim, client, others } = await ready();
    const [follower] = others as [SimNode];
    const ask = (remainingMs: number): Promise<AdminAnswer> =>
      client.wait((done) =>
        follower.calls?.admin({ kind: 'getSettings' }, 'anonymous', remainingMs, done),
      );
    follower.reachesOthers = false;
    const startedMs = sim.time.nowMs;
    expect(await ask(500)).toMatchObject({ result: 'refused', code: Code.UNAVAILABLE });
    expect(sim.time.nowMs - startedMs).toBeGreaterThan(300);
    sim.time.at(sim.time.nowMs + 300, () => {
      follower.reachesOthers = true;
    });
    expect(await ask(500)).toMatchObject({ result: 'settings' });
  });

  it('serves STALE reads on a follower, with their age', async () => {
    const { sim, client, leader, others } = await ready();
    const [follower] = others as [SimNode];
    await client.write(leader, [set('a', '1')]);
    await sim.converge();
    sim.isolate(follower, true);
    await client.write(leader, [set('a', '2')]);
    await sim.time.run(500);
    const stale = await client.read(follower, ['a'], { consistency: Consistency.STALE });
    expect(Buffer.from(stale.results[0]?.value ?? []).toString()).toBe('1');
    expect(stale.ageMs).toBeGreaterThanOrEqual(400);
    expect(stale.ageMs).toBeLessThanOrEqual(600);
  });
});

describe('exactly once and three outcomes (R14, R15, R29)', () => {
  it('answers a retransmission after failover without executing it again', async () => {
    const { sim, client, leader } = await ready();
    const first = await client.write(leader, [set('a', '1')]);
    leader.crash();
    const next = await sim.waitForLeader();
    const again = await client.write(next, [set('a', '1')], { sequence: 1 });
    expect(again).toMatchObject({ code: Code.OK, firstRevision: first.firstRevision });
    const read = await client.read(next, ['a']);
    expect(read.results[0]).toMatchObject({ version: 1 });
  });

  it('reports unknown when leadership is lost, and the same number finds out', async () => {
    const { sim, client, leader } = await ready();
    await client.write(leader, [set('a', '0')]);
    sim.isolate(leader, true);
    const lost = await client.write(leader, [set('a', '1')]);
    expect(lost).toMatchObject({ code: Code.UNKNOWN_OUTCOME, outcome: Outcome.UNKNOWN });
    const next = await sim.waitForLeader(leader);
    const retried = await client.write(next, [set('a', '1')], { sequence: 2 });
    expect(retried).toMatchObject({ code: Code.OK });
    sim.isolate(leader, false);
    await sim.converge();
    expect((await client.read(next, ['a'])).results[0]).toMatchObject({ version: 2 });
  });

  it('keeps every acknowledged write when all nodes crash at once', async () => {
    const { sim, client, leader } = await ready({ seed: 5 });
    for (let i = 0; i < 20; i += 1) await client.write(leader, [set(`k${i}`, `${i}`)]);
    for (const node of sim.nodes) node.crash();
    for (const node of sim.nodes) await node.start();
    const next = await sim.waitForLeader();
    for (let i = 0; i < 20; i += 1) expect(await client.text(next, `k${i}`)).toBe(`${i}`);
  });
});

describe('linearizable reads (R4)', () => {
  it('are not answered by a leader that lost its quorum', async () => {
    const { sim, client, leader } = await ready();
    await client.write(leader, [set('a', '1')]);
    sim.isolate(leader, true);
    const answer = await client.read(leader, ['a']);
    expect(answer.code).toBe(Code.NOT_LEADER);
  });

  it("wait for the session's own writes, and ask to retry if they do not come (R13)", async () => {
    const { client, leader } = await ready();
    await client.write(leader, [set('a', '1')]);
    const missing = await client.read(leader, ['a'], { afterSequence: 2 });
    expect(missing.code).toBe(Code.RETRY);
    const there = await client.read(leader, ['a'], { afterSequence: 1 });
    expect(there.code).toBe(Code.OK);
  });
});

describe('time to live (R16, R17)', () => {
  it('expires by the log: present before, absent after, removed everywhere', async () => {
    const { sim, client, leader } = await ready();
    await client.write(leader, [set('a', '1', 100)]);
    await sim.time.run(80);
    expect(await client.text(leader, 'a')).toBe('1');
    await sim.time.run(40);
    expect(await client.text(leader, 'a')).toBeUndefined();
    await sim.time.until(
      () => sim.nodes.every((node) => node.replica.store.stats().entries === 0),
      1_000,
      'removal',
    );
    expect(leader.replica.store.stats().expiries).toBe(1);
  });

  it('neither restarts nor shortens a lease at failover', async () => {
    const { sim, client, leader } = await ready();
    await client.write(leader, [set('a', '1', 3_000)]);
    await sim.time.run(1_000);
    leader.crash();
    const next = await sim.waitForLeader();
    const left = (await client.read(next, ['a'])).results[0]?.ttlMs ?? 0;
    expect(left).toBeGreaterThan(1_000);
    expect(left).toBeLessThanOrEqual(2_000);
    await sim.time.run(left);
    expect(await client.text(next, 'a')).toBeUndefined();
  });

  it('keeps 60 minutes correct after 59 idle ones and a failover', async () => {
    const { sim, client, leader } = await ready({ config: { tickMs: 10 } });
    await client.write(leader, [set('a', '1', 3_600_000)]);
    sim.isolate(leader, false);
    // An hour of ticks is many events: move the clock of all nodes at once instead.
    sim.time.nowMs += 59 * 60_000;
    await sim.time.run(500);
    leader.crash();
    const next = await sim.waitForLeader();
    const left = (await client.read(next, ['a'])).results[0]?.ttlMs ?? 0;
    expect(left).toBeGreaterThan(40_000);
    expect(left).toBeLessThanOrEqual(60_000);
  });

  it('restarts leases when all nodes were down, also with a clock of 2099', async () => {
    const { sim, client, leader } = await ready();
    await client.write(leader, [set('a', '1', 10_000)]);
    await sim.time.run(5_000);
    for (const node of sim.nodes) node.crash();
    for (const node of sim.nodes) {
      node.wallOffsetMs = 76 * 365 * 86_400_000;
      await node.start();
    }
    const next = await sim.waitForLeader();
    const left = (await client.read(next, ['a'])).results[0]?.ttlMs ?? 0;
    expect(left).toBeGreaterThan(9_000);
    expect(left).toBeLessThanOrEqual(10_000);
  });
});

describe('slow disks (R9)', () => {
  it('on both followers stop writes, not reads, and cause no election', async () => {
    const { sim, client, leader, others } = await ready();
    await client.write(leader, [set('a', '1')]);
    const { term } = leader.replica;
    for (const node of others) node.syncMs = 2_000;
    const started = sim.time.nowMs;
    const box: WriteAnswer[] = [];
    client.send(leader, [set('a', '2')], (answer) => box.push(answer));
    await sim.time.run(1_500);
    expect(box).toEqual([]);
    expect(await client.text(leader, 'a')).toBe('1');
    await sim.time.until(() => box.length > 0, 5_000, 'the write');
    expect(box[0]).toMatchObject({ code: Code.OK });
    expect(sim.time.nowMs - started).toBeGreaterThanOrEqual(2_000);
    expect(sim.leader()?.replica.term).toBe(term);
  });

  it('on the leader hand leadership to a follower whose disk works', async () => {
    const { sim, client, leader } = await ready();
    leader.syncMs = 60_000;
    const answers: WriteAnswer[] = [];
    for (let i = 0; i < 12; i += 1) {
      client.send(leader, [set('a', `${i}`)], (answer) => answers.push(answer));
      await sim.time.run(100);
    }
    const next = await sim.waitForLeader(leader);
    expect(next).not.toBe(leader);
    await sim.time.until(() => answers.length === 12, 1_000, 'every answer');
    expect(answers.map((answer) => answer.code)).not.toContain(Code.UNSPECIFIED);
    const over = { sequence: 12, firstOutstanding: 12 };
    const last = await client.write(next, [set('a', '11')], over);
    expect(last).toMatchObject({ code: Code.OK });
  });
});

describe('a stopped process (R7, R9)', () => {
  it('does not campaign before it has drained its sockets', async () => {
    const { sim, client, leader, others } = await ready();
    const [stopped] = others as [SimNode];
    await client.write(leader, [set('a', '1')]);
    const { term } = leader.replica;
    const may: boolean[] = [];
    const { raft } = stopped.replica;
    const real = raft.setMayCampaign.bind(raft);
    raft.setMayCampaign = (value) => {
      may.push(value);
      real(value);
    };
    stopped.pause();
    await sim.time.run(3_000);
    stopped.resume();
    await sim.time.run(500);
    expect(may).toEqual([false, true]);
    expect(sim.leader()?.replica.term).toBe(term);
  });

  it('that led never answers a read it could not confirm since', async () => {
    const { sim, client, leader } = await ready();
    await client.write(leader, [set('a', '1')]);
    leader.pause();
    const next = await sim.waitForLeader(leader);
    await client.write(next, [set('a', '2')]);
    leader.resume();
    const answer = await client.read(leader, ['a']);
    const text = Buffer.from(answer.results[0]?.value ?? []).toString();
    expect(answer.code === Code.NOT_LEADER || text === '2').toBe(true);
  });

  it('with a stalled disk is not ready unless it leads', async () => {
    const { sim, client, leader, others } = await ready();
    for (const node of others) node.syncMs = 2_000;
    client.send(leader, [set('a', '1')], () => undefined);
    await sim.time.run(1_500);
    expect(sim.nodes.map((node) => node.calls?.serving())).toEqual(
      sim.nodes.map((node) => node === leader),
    );
  });
});

describe('snapshots (R6, R38)', () => {
  it('bring back a node that was away too long, sessions and recency included', async () => {
    const config = { snapshotTriggerBytes: 20_000, tailBytesMax: 8_000, followerLogBytesMax: 0 };
    const { sim, client, leader, others } = await ready({ config });
    const [away] = others as [SimNode];
    away.crash();
    const value = 'v'.repeat(200);
    for (let i = 0; i < 300; i += 1) {
      const answer = await client.write(leader, [set(`k${i % 50}`, `${value}${i}`)]);
      expect(answer.code).toBe(Code.OK);
    }
    expect(leader.replica.snapshotIndex).toBeGreaterThan(0);
    await away.start();
    await sim.converge();
    expect(away.replica.snapshotIndex).toBeGreaterThan(0);
    expect(new Set(digests(sim).map((one) => JSON.stringify(one))).size).toBe(1);
    // It can carry on from there: sessions came with the snapshot.
    leader.crash();
    const next = await sim.waitForLeader();
    const again = await client.write(next, [set('k49', `${value}299`)], { sequence: 300 });
    expect(again).toMatchObject({ code: Code.OK });
    expect((await client.read(next, ['k49'])).results[0]).toMatchObject({ version: 6 });
  });

  it('survive a crash of all nodes', async () => {
    const config = { snapshotTriggerBytes: 10_000, tailBytesMax: 4_000 };
    const { sim, client, leader } = await ready({ config, seed: 9 });
    for (let i = 0; i < 200; i += 1) await client.write(leader, [set(`k${i}`, 'v'.repeat(150))]);
    const before = leader.replica.store.digest();
    await sim.converge();
    for (const node of sim.nodes) node.crash();
    for (const node of sim.nodes) await node.start();
    const next = await sim.waitForLeader();
    expect(next.replica.snapshotIndex).toBeGreaterThan(0);
    expect(await client.text(next, 'k0')).toBe('v'.repeat(150));
    expect(await client.text(next, 'k199')).toBe('v'.repeat(150));
    expect(next.replica.store.digestAt(before.index) ?? before).toEqual(before);
  });
});

describe('admission (R8, R25)', () => {
  it('gives a joiner an id that no founder has, also as the first thing in the log', async () => {
    const sim = await HostCluster.start({ nodes: 5 });
    const leader = await sim.waitForLeader();
    const call = {
      kind: 'addMember',
      nodeId: 'late',
      nodeUid: 'f'.repeat(32),
      clientAddress: 'late:3000',
      raftAddress: 'late:4000',
      formatVersionMax: 1,
      clusterId: '',
      rejoin: false,
    } as const;
    const client = new HostClient(sim);
    const startedMs = sim.time.nowMs;
    const answer = await client.wait<AdminAnswer>((done) =>
      leader.calls?.admin(call, 'anonymous', 5_000, done),
    );
    expect(answer).toMatchObject({ result: 'added' });
    expect(answer.result === 'added' ? answer.replicaId : 0).toBeGreaterThan(5);
    // The leader fills the log at once (virtual time): it does not try one index after the other.
    expect(sim.time.nowMs - startedMs).toBeLessThan(300);
  });
});

describe('a removed node (R8)', () => {
  it('that its own configuration names asks everybody it knows whether it is gone', async () => {
    const removed = 3;
    const before = { voters: [1, 2], votersOutgoing: [], learners: [removed], replicaIdMax: 4 };
    const after = { ...before, voters: [4], learners: [] };
    const sim = await HostCluster.start({
      nodes: 4,
      configurationOf: (replicaId) => (replicaId === 4 ? after : before),
    });
    const [first, second, learner, knowing] = sim.nodes as [SimNode, SimNode, SimNode, SimNode];
    // The voters it was told of are gone, too; whoever took their place knows.
    first.crash();
    second.crash();
    expect(await sim.waitForLeader()).toBe(knowing);
    await sim.time.until(() => learner.removed, 2_000, 'the learner hears that it was removed');
    expect(sim.nodes.map((node) => node.removed)).toEqual([false, false, true, false]);
    expect(learner.failure).toBeUndefined();
  });
});

describe('diverging replicas (R12)', () => {
  it('stop the one that differs from the majority', async () => {
    const { sim, client, leader, others } = await ready({ config: { digestEntries: 5 } });
    const [odd] = others as [SimNode];
    // Damage one replica's state: an entry that the others never had.
    const { store } = odd.replica;
    const real = store.digestAt.bind(store);
    store.digestAt = (index) => {
      const digest = real(index);
      return digest && { ...digest, low: (digest.low + 1) >>> 0 };
    };
    for (let i = 0; i < 20; i += 1) await client.write(leader, [set('a', `${i}`)]);
    await sim.time.run(100);
    expect(odd.failure?.message).toContain('differs from the majority');
    expect(sim.nodes.filter((node) => node !== odd).map((node) => node.failure)).toEqual([
      undefined,
      undefined,
    ]);
  });
});
