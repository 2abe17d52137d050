// Findings of a review of the host: each test names a promise that was once broken.

import { Code, type WriteAnswer } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import type { AdminAnswer, AdminCall } from '../../src/host/ports.js';
import { HostClient, set } from '../support/host-client.js';
import { HostCluster, type SimNode } from '../support/host-cluster.js';

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
