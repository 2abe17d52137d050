// Goal: a follower that was down under full write load catches up from its leader's log, without
// one snapshot after the other (R6). Method: real processes; it stays down until what it lacks has
// left the leader's memory, and comes back while the writes go on. At full size:
// CATCH_UP_KEYS=1000000 CATCH_UP_DOWN_MS=60000 npx jest test/processes/named-catch-up
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterProcess, type NodeProcess, nodeStatus, waitUntil } from '@cashe/bench';
import type { GroupStatus } from '@cashe/proto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { report } from './support/report.js';
import { Writer } from './support/writer.js';

const keyCount = Number(process.env['CATCH_UP_KEYS'] ?? 20_000);
const downMs = Number(process.env['CATCH_UP_DOWN_MS'] ?? 0);
/** The memory that a leader keeps is full after some 70,000 of them. */
const valueBytes = 1_000;
const statusMs = 5_000;
const withinMs = 240_000;

let cluster: ClusterProcess;
let writer: Writer;
beforeAll(async () => {
  cluster = await ClusterProcess.start({ logLevel: 'info' });
  writer = await Writer.connect(cluster.endpoints, { inFlight: 1_000, keyCount, valueBytes });
}, withinMs);
afterAll(async () => {
  await writer?.close();
  await cluster?.stop('kill');
}, withinMs);

async function groupOf(node: NodeProcess): Promise<GroupStatus> {
  const [group] = (await nodeStatus(node.clientAddress, statusMs)).groups;
  if (group === undefined) throw new Error(`${node.id} has no group yet`);
  return group;
}

function transfersStarted(): number {
  const logs = cluster.nodes.map(({ id }) => readFileSync(join(cluster.dir, `${id}.log`), 'utf8'));
  return logs.join('').split('snapshot transfer started').length - 1;
}

it(
  'a follower that was down under full load catches up without a snapshot',
  async () => {
    const leader = await cluster.leader();
    const follower = cluster.nodes.find((node) => node !== leader) as NodeProcess;
    writer.run();
    await writer.acknowledges(keyCount);
    const { lastIndex } = await groupOf(follower);
    await follower.kill();
    const downSinceMs = performance.now();
    const totalBefore = writer.total;
    await waitUntil('what it lacks to leave the memory of its leader', withinMs, async () => {
      if (performance.now() - downSinceMs < downMs) return undefined;
      return (await groupOf(leader)).firstIndex > lastIndex ? true : undefined;
    });
    const missed = writer.total - totalBefore;
    await follower.start();
    const backMs = performance.now();
    await waitUntil('it to have caught up', withinMs, async () => {
      const { firstIndex } = await groupOf(leader);
      return (await groupOf(follower)).appliedIndex >= firstIndex ? true : undefined;
    });
    const seconds = ((performance.now() - backMs) / 1000).toFixed(1);
    report(`catching up on ${missed} writes, with writes going on`, `${seconds} s`);
    await writer.halt();
    expect(transfersStarted()).toBe(0);
    expect(writer.errors).toEqual([]);
    expect(await writer.differences()).toEqual([]);
  },
  2 * withinMs,
);
