// A follower whose log is at its bound (R6): it takes no entries while a snapshot can free some of
// it. When what fills the log is not committed none can, and refusing would hold up the commit that
// does. Found by the simulator: four of five followers full, and a leader that never committed.
import { Code, type WriteAnswer } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import { HostClient, set } from '../support/host-client.js';
import { HostCluster } from '../support/host-cluster.js';
import type { SimNode } from '../support/sim-node.js';

/** Both followers' logs are full for good; `snapshotIndex` says what their snapshots cover. */
async function withFullFollowers(
  snapshotIndex: (follower: SimNode) => number,
): Promise<{ sim: HostCluster; leader: SimNode; client: HostClient }> {
  const sim = await HostCluster.start();
  const leader = await sim.waitForLeader();
  const client = new HostClient(sim);
  await client.open(leader);
  await sim.converge();
  for (const follower of sim.nodes.filter((node) => node !== leader)) {
    const { replica } = follower;
    Object.defineProperty(replica, 'snapshotIndex', { get: () => snapshotIndex(follower) });
    const setLogFull = replica.setLogFull.bind(replica);
    replica.setLogFull = () => setLogFull(true);
  }
  await sim.time.run(50);
  return { sim, leader, client };
}

describe('a full log', () => {
  it('takes what the leader sends when no snapshot can free any of it', async () => {
    const { leader, client } = await withFullFollowers(({ replica }) => replica.store.appliedIndex);
    const answer: WriteAnswer = await client.write(leader, [set('k', 'v')]);
    expect(answer.code).toBe(Code.OK);
  });

  it('takes nothing while a snapshot can', async () => {
    const { sim, leader } = await withFullFollowers(() => 0);
    const before = leader.replica.raft.status().commitIndex;
    const client = new HostClient(sim);
    await expect(client.open(leader)).rejects.toThrow('not in time');
    expect(leader.replica.raft.status().commitIndex).toBe(before);
  });
});
