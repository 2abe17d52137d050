// Goal: whatever happens to a node, no write that was acknowledged is lost or repeated, and no
// caller sees an error. Method: real processes, 64 sets in flight through the SDK on keys that
// the callers share; after each fault the keys must be exactly what was acknowledged.
import { ClusterProcess, type NodeProcess, removeMember, waitUntil } from '@cashe/bench';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { report } from './support/report.js';
import { Writer } from './support/writer.js';

const pauseMs = 3_000;
/** Acknowledged sets that show that writing goes on. */
const progress = 2_000;

let cluster: ClusterProcess;
let writer: Writer;

beforeAll(async () => {
  cluster = await ClusterProcess.start({ logLevel: 'info' });
  writer = await Writer.connect(cluster.endpoints);
}, 60_000);

afterAll(async () => {
  await writer?.close();
  await cluster?.stop('kill');
}, 30_000);

/** Writes before, during and after the fault, then compares. */
async function survives(what: string, fault: () => Promise<void>): Promise<void> {
  writer.run();
  await writer.acknowledges(progress);
  await fault();
  await writer.acknowledges(progress);
  const gapMs = await writer.halt();
  report(`longest gap between acknowledgements, ${what}`, `${gapMs} ms`);
  expect(writer.errors).toEqual([]);
  expect(await writer.differences()).toEqual([]);
}

function isLeaderBut(old: NodeProcess): Promise<NodeProcess> {
  return waitUntil('another leader', 20_000, async () => {
    const leader = await cluster.leader();
    return leader === old ? undefined : leader;
  });
}

describe('64 sets in flight on a three-node cluster', () => {
  it('survive kill -9 of the leader', async () => {
    const old = await cluster.leader();
    await survives('kill -9 of the leader', async () => {
      await old.kill();
      await isLeaderBut(old);
    });
    old.start();
    await cluster.waitUntilServing();
  }, 60_000);

  it('survive a leader that stands still for 3 s', async () => {
    const old = await cluster.leader();
    await survives(`SIGSTOP of the leader for ${pauseMs} ms`, async () => {
      old.pause();
      await new Promise<void>((resolve) => {
        const goOn = (): void => {
          old.resume();
          resolve();
        };
        setTimeout(goOn, pauseMs);
      });
    });
    await cluster.waitUntilServing();
  }, 60_000);

  it('survive kill -9 of all nodes and their restart', async () => {
    await survives('kill -9 of all nodes', async () => {
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      for (const node of cluster.nodes) node.start();
      await cluster.waitUntilServing();
    });
  }, 60_000);

  it('survive a fourth node that joins and the removal of the leader', async () => {
    const leader = await cluster.leader();
    const leaves = leader.exited;
    await survives('a fourth node joins and the leader is removed', async () => {
      const fourth = await cluster.addNode();
      await removeMember(fourth.clientAddress, leader.id, 30_000);
      expect(await leaves).toEqual({ exitCode: 0, signal: null });
      await isLeaderBut(leader);
    });
    expect(cluster.endpoints).toHaveLength(3);
    const groups = await cluster.waitUntilEqual();
    expect(groups).toHaveLength(3);
  }, 60_000);
});
