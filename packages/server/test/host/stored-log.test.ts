// A follower behind the leader's memory tail is served from the log on disk, and gets a snapshot
// only where that no longer reaches (R6). The named case, scaled: full write load, a follower is
// down, comes back under the same load and catches up without one snapshot after the other.
import { Code } from '@cashe/codec';
import { describe, expect, it, jest } from '@jest/globals';
import { HostClient, set } from '../support/host-client.js';
import { HostCluster } from '../support/host-cluster.js';
import type { SimNode } from '../support/sim-node.js';

/** Virtual time bounds what a test waits for; this only ends one that hangs. */
jest.setTimeout(30_000);

/** The leader takes a snapshot every 50 writes or so, and keeps about 20 in memory. */
const config = { snapshotTriggerBytes: 20_000, tailBytesMax: 8_000, appendBytesMax: 2_000 };
const value = 'v'.repeat(200);
const keysCount = 50;

class Scene {
  readonly sim: HostCluster;
  readonly leader: SimNode;
  readonly away: SimNode;
  readonly client: HostClient;
  /** Snapshots that began to arrive at the node that was away. */
  snapshots = 0;
  #written = 0;
  #refused = 0;

  private constructor(sim: HostCluster, leader: SimNode, client: HostClient) {
    this.sim = sim;
    this.leader = leader;
    this.client = client;
    this.away = sim.nodes.find((node) => node !== leader) as SimNode;
  }

  static async start(): Promise<Scene> {
    const sim = await HostCluster.start({ config });
    const leader = await sim.waitForLeader();
    const client = new HostClient(sim);
    await client.open(leader);
    await sim.converge();
    return new Scene(sim, leader, client);
  }

  /** One write per millisecond, whatever happens; none waits for another. */
  async load(writes: number): Promise<void> {
    for (let i = 0; i < writes; i += 1) {
      this.#written += 1;
      const op = set(`k${this.#written % keysCount}`, `${value}${this.#written}`);
      this.client.send(this.leader, [op], ({ code }) => {
        if (code !== Code.OK) this.#refused += 1;
      });
      await this.sim.time.run(1);
    }
  }

  async comeBack(): Promise<void> {
    await this.away.start();
    const { replica } = this.away;
    const receive = replica.receiveSnapshot.bind(replica);
    replica.receiveSnapshot = (message) => {
      this.snapshots += 1;
      return receive(message);
    };
  }

  get isCaughtUp(): boolean {
    const { replica } = this.away;
    return replica.store.appliedIndex >= this.leader.replica.raft.status().firstIndex;
  }

  /** Loads until the node that was away has what the leader still keeps in memory. */
  async loadUntilCaughtUp(writesMax: number): Promise<void> {
    for (let i = 0; i < writesMax && !this.isCaughtUp; i += 1) await this.load(1);
    expect(this.isCaughtUp).toBe(true);
  }

  async end(): Promise<void> {
    await this.sim.converge();
    expect(this.away.replica.store.digest()).toEqual(this.leader.replica.store.digest());
    expect(this.sim.nodes.map(({ failure }) => failure)).toEqual(
      this.sim.nodes.map(() => undefined),
    );
    expect(this.#refused).toBe(0);
  }
}

describe('a follower behind the memory tail', () => {
  it('is served from the log on disk, also what snapshots cover already', async () => {
    const scene = await Scene.start();
    const { lastIndex } = scene.away.replica.raft.status();
    scene.away.crash();
    await scene.load(250);
    expect(scene.leader.replica.snapshotIndex).toBeGreaterThan(lastIndex + 100);
    expect(scene.leader.replica.raft.status().firstIndex).toBeGreaterThan(lastIndex + 100);
    await scene.comeBack();
    await scene.end();
    expect(scene.snapshots).toBe(0);
  });

  it('catches up under full write load without a snapshot', async () => {
    const scene = await Scene.start();
    scene.away.crash();
    await scene.load(200);
    await scene.comeBack();
    await scene.loadUntilCaughtUp(150);
    await scene.load(100);
    expect(scene.snapshots).toBe(0);
    await scene.end();
  });

  it('that was away for longer than the log reaches gets one snapshot, no series', async () => {
    const scene = await Scene.start();
    scene.away.crash();
    await scene.load(1_200);
    await scene.comeBack();
    await scene.loadUntilCaughtUp(300);
    await scene.load(500);
    expect(scene.snapshots).toBe(1);
    await scene.end();
  });

  it('is served by a leader that has only just started', async () => {
    const scene = await Scene.start();
    const { lastIndex } = scene.away.replica.raft.status();
    scene.away.crash();
    await scene.load(250);
    for (const node of scene.sim.nodes) if (node !== scene.away) node.crash();
    for (const node of scene.sim.nodes) if (node !== scene.away) await node.start();
    const next = await scene.sim.waitForLeader();
    expect(next.replica.raft.status().firstIndex).toBeGreaterThan(lastIndex);
    await scene.comeBack();
    await scene.sim.converge();
    expect(scene.away.replica.store.digest()).toEqual(next.replica.store.digest());
  });
});

describe('a log that cannot be read back', () => {
  it('stops its node (R39)', async () => {
    const scene = await Scene.start();
    scene.away.crash();
    await scene.load(100);
    for (const name of scene.leader.disk.names('wal')) {
      scene.leader.disk.bytesOf(`wal/${name}`).fill(1, 8192);
    }
    await scene.comeBack();
    const { sim, leader } = scene;
    await sim.time.until(() => leader.failure !== undefined, 1_000, 'the end of the leader');
    expect(leader.failure).toMatchObject({ kind: 'corrupt' });
  });
});
