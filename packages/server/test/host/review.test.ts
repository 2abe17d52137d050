// Findings of a review of the host: each test names a promise that was once broken.

import { Code, Consistency, type WriteAnswer } from '@cashe/codec';
import type { NodeRecord } from '@cashe/store';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { GroupCommit } from '../../src/host/group-commit.js';
import { planMembership } from '../../src/host/membership-plan.js';
import { Peers } from '../../src/host/peers.js';
import type { AdminAnswer, AdminCall } from '../../src/host/ports.js';
import type { SnapshotStore, Wal } from '../../src/host/storage-ports.js';
import { FileWal } from '../../src/wal/file-wal.js';
import { openSnapshotStore } from '../../src/wal/snapshot-store.js';
import { HostClient, set } from '../support/host-client.js';
import { HostCluster } from '../support/host-cluster.js';
import { MemoryDisk } from '../support/memory-disk.js';
import type { SimNode } from '../support/sim-node.js';
import { randomBytes } from '../support/wal.js';

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

function failures(sim: HostCluster): unknown[] {
  return sim.nodes.map((node) => node.failure?.message).filter((text) => text !== undefined);
}

describe('replica ids (R8)', () => {
  it("of a node that joins right after genesis are none of the founders'", async () => {
    const sim = await HostCluster.start();
    const leader = await sim.waitForLeader();
    const call: AdminCall = {
      kind: 'addMember',
      nodeId: 'joiner',
      nodeUid: 'f'.repeat(32),
      clientAddress: 'joiner:3000',
      raftAddress: 'joiner:4000',
      formatVersionMax: 1,
      clusterId: '',
      rejoin: false,
    };
    const client = new HostClient(sim);
    const answer = await client.wait<AdminAnswer>((done) =>
      leader.calls?.admin(call, 'anonymous', 5_000, done),
    );
    expect(answer).toMatchObject({ result: 'added' });
    const ids = leader.replica.store.nodes().map((node) => node.replicaId);
    expect(new Set(ids).size).toBe(4);
  });
});

describe('one write to the log (R37)', () => {
  it('is never larger than a block, however much one turn proposes', async () => {
    const { sim, client, leader } = await ready({ config: { entryOpsMax: 1 } });
    const answers: WriteAnswer[] = [];
    for (let i = 0; i < 10; i += 1) {
      client.send(leader, [set(`k${i}`, 'v'.repeat(10_000))], (answer) => answers.push(answer), {
        firstOutstanding: 1,
      });
    }
    await sim.time.run(500);
    expect(failures(sim)).toEqual([]);
    expect(answers.map((answer) => answer.code)).toEqual(Array(10).fill(Code.OK));
  });
});

describe('a node that must stop', () => {
  it('is not held up by a write that the log never took', () => {
    const records = {
      group: 0,
      replicaId: 1,
      hardState: undefined,
      entries: [],
      snapshot: undefined,
      tombstone: false,
    };
    const append = (): void => {
      throw new Error('refused');
    };
    const wal = { append, bytesOf: () => 1, blockBytesMax: 10 } as Partial<Wal> as Wal;
    const ignore = (): void => undefined;
    const parts = { wal, nowMs: () => 0, onDurable: ignore, onFailed: ignore };
    const commit = new GroupCommit(parts);
    commit.add({ durable: ignore }, records, 1);
    expect(() => commit.flush()).toThrow('refused');
    let idle = false;
    commit.whenIdle(() => {
      idle = true;
    });
    expect(idle).toBe(true);
  });
});

describe('cluster time after all nodes were down (R16)', () => {
  it('restarts leases even when the first leader dies before it could say so', async () => {
    const { sim, client, leader } = await ready();
    await client.write(leader, [set('a', '1', 600_000)]);
    await sim.converge();
    for (const node of sim.nodes) node.crash();
    for (const node of sim.nodes) {
      // The clamped fallback alone is longer than the lease.
      node.wallOffsetMs = 73 * 365 * 86_400_000;
      // What the first leader appends is not acknowledged before it is gone.
      node.syncMs = 5;
      await node.start();
    }
    const first = (): SimNode | undefined => sim.nodes.find((node) => node.leads);
    await sim.time.until(() => first() !== undefined, 5_000, 'the first leader');
    const gone = first() as SimNode;
    // Its first heartbeat or append arrives; then it is gone.
    await sim.time.run(2);
    gone.crash();
    const next = await sim.waitForLeader(gone);
    const read = await client.read(next, ['a']);
    expect(read.results[0]?.found).toBe(true);
    expect(read.results[0]?.ttlMs ?? 0).toBeGreaterThan(590_000);
  });
});

describe('peers and members (R8, R26)', () => {
  const record = (id: number, raftAddress: string): NodeRecord => ({
    nodeId: `n${id}`,
    nodeUid: `${id}`.repeat(32),
    clientAddress: `client-${raftAddress}`,
    raftAddress,
    replicaId: id,
    formatVersionMax: 1,
    leaving: false,
  });

  it('are dialled at the address that group 0 records once it changes', () => {
    const peers = new Peers('1'.repeat(32), [record(1, 'a:1'), record(2, 'b:1')]);
    peers.replace([record(1, 'a:1'), record(2, 'b:2')]);
    expect(peers.byReplica(2)?.raftAddress).toBe('b:2');
  });

  it('are replaced step by step even when every voter is asked to leave at once', () => {
    const ids = [1, 2, 3, 4, 5, 6];
    const action = planMembership({
      self: 1,
      nodes: ids.map((replicaId) => ({ replicaId, leaving: replicaId <= 3 })),
      configuration: {
        voters: [1, 2, 3],
        votersOutgoing: [],
        learners: [4, 5, 6],
        replicaIdMax: 6,
      },
      demotes: true,
      replicationFactor: 3,
      caughtUp: new Set(ids),
    });
    expect(action).toMatchObject({ kind: 'change', change: { kind: 'joint' } });
  });
});

/** Whoever is behind the memory tail needs a snapshot. */
const SMALL = { snapshotTriggerBytes: 20_000, tailBytesMax: 8_000, followerLogBytesMax: 0 };
const VALUE = 'v'.repeat(200);

async function writeMany(client: HostClient, node: SimNode, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const answer = await client.write(node, [set(`k${i % 50}`, `${VALUE}${i}`)]);
    expect(answer.code).toBe(Code.OK);
  }
}

/** The first snapshot that `node` installs takes three seconds to be read; says its name. */
async function slowRestore(sim: HostCluster, node: SimNode): Promise<readonly string[]> {
  const delayed: string[] = [];
  const store = await openSnapshotStore(
    new MemoryDisk().root,
    randomBytes(() => 0),
  );
  const prototype = Object.getPrototypeOf(store) as SnapshotStore;
  const { open } = prototype;
  jest.spyOn(prototype, 'open').mockImplementation(function (this: SnapshotStore, name, done) {
    const restores = node.cluster !== undefined && node.replica.restoring;
    if (delayed.length > 0 || !restores || !node.disk.names('snapshots').includes(name)) {
      open.call(this, name, done);
      return;
    }
    delayed.push(name);
    open.call(this, name, (error, reader) => {
      sim.time.at(sim.time.nowMs + 3_000, () => done(error, reader));
    });
  });
  return delayed;
}

describe('an installed snapshot (R38)', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('may be followed by another one while it is still being read', async () => {
    const { sim, client, leader, others } = await ready({ config: SMALL });
    const [away] = others as [SimNode];
    away.crash();
    await writeMany(client, leader, 300);
    const delayed: string[] = [];
    const store = await openSnapshotStore(
      new MemoryDisk().root,
      randomBytes(() => 0),
    );
    const prototype = Object.getPrototypeOf(store) as SnapshotStore;
    const open = prototype.open;
    jest.spyOn(prototype, 'open').mockImplementation(function (this: SnapshotStore, name, done) {
      const restores = away.cluster !== undefined && away.replica.restoring;
      if (delayed.length > 0 || !restores || !away.disk.names('snapshots').includes(name)) {
        open.call(this, name, done);
        return;
      }
      delayed.push(name);
      open.call(this, name, (error, reader) => {
        sim.time.at(sim.time.nowMs + 3_000, () => done(error, reader));
      });
    });
    await away.start();
    await sim.time.until(() => delayed.length === 1, 5_000, 'the first snapshot');
    await writeMany(client, leader, 600);
    await sim.time.run(4_000);
    await writeMany(client, leader, 10);
    expect(failures(sim)).toEqual([]);
    await sim.converge();
    expect(away.replica.store.digest()).toEqual(leader.replica.store.digest());
  });

  it('may be followed by leadership, and by a follower that needs one too', async () => {
    const { sim, client, leader, others } = await ready({ nodes: 5, config: SMALL });
    const [away, behind] = others as [SimNode, SimNode];
    away.crash();
    behind.crash();
    await writeMany(client, leader, 300);
    const delayed = await slowRestore(sim, away);
    await away.start();
    await sim.time.until(() => delayed.length === 1, 5_000, 'the snapshot');
    await sim.time.run(100);
    leader.replica.raft.transferLeadership(away.replicaId);
    await sim.time.until(() => away.leads, 1_000, 'the new leader');
    expect(away.replica.restoring).toBe(true);
    await behind.start();
    await sim.time.run(4_000);
    expect(failures(sim)).toEqual([]);
    await sim.converge();
  });

  it('outlives an own one whose marker was on its way to the disk', async () => {
    const { sim, client, leader, others } = await ready({ config: SMALL });
    const [away] = others as [SimNode];
    await writeMany(client, leader, 5);
    await sim.converge();
    away.crash();
    await writeMany(client, leader, 300);
    let own: FileWal | undefined;
    const groupLogs = FileWal.prototype.groupLogs;
    jest.spyOn(FileWal.prototype, 'groupLogs').mockImplementation(function (this: FileWal) {
      own = this;
      return groupLogs.call(this);
    });
    const bytesSince = FileWal.prototype.bytesSince;
    jest.spyOn(FileWal.prototype, 'bytesSince').mockImplementation(function (this: FileWal, group) {
      const due = this === own && away.disk.names('snapshots').length === 0;
      return due ? SMALL.snapshotTriggerBytes * 2 : bytesSince.call(this, group);
    });
    await away.start();
    away.syncMs = 100;
    await sim.converge();
    away.syncMs = 0;
    await sim.time.run(500);
    expect(failures(sim)).toEqual([]);
    away.crash();
    await away.start();
    await sim.converge();
    expect(away.replica.store.digest()).toEqual(leader.replica.store.digest());
  });
});

describe('the age of a STALE answer (R24)', () => {
  const STALE = { consistency: Consistency.STALE };

  it('is not that of the last heartbeat while the log is still missing', async () => {
    const { sim, client, leader, others } = await ready({ config: SMALL });
    const [away] = others as [SimNode];
    await client.write(leader, [set('k0', 'old')]);
    await sim.converge();
    away.crash();
    await writeMany(client, leader, 300);
    await sim.time.run(5_000);
    await away.start();
    // Heartbeats arrive; what it missed does not, since its inbox of snapshots is closed.
    away.replica.receiveSnapshot = () => undefined;
    await sim.time.run(500);
    expect(away.replica.leaderId).toBe(leader.replicaId);
    const stale = await client.read(away, ['k0'], STALE);
    const current = stale.results[0]?.value.length !== 'old'.length;
    expect(current || stale.ageMs >= 5_000).toBe(true);
  });

  it('is never small before any leader was heard', async () => {
    const { sim, client, leader, others } = await ready();
    const [away] = others as [SimNode];
    await client.write(leader, [set('a', '1')]);
    await sim.converge();
    away.crash();
    sim.isolate(away, true);
    await sim.time.run(5_000);
    const startedMs = sim.time.nowMs;
    await away.start();
    await sim.time.run(100);
    const { code, ageMs } = await client.read(away, ['a'], STALE);
    // How old its state is nobody told it: not as young as its process.
    expect(code === Code.UNAVAILABLE || ageMs > startedMs + 1_000).toBe(true);
  });
});
