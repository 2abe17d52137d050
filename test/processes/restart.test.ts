// Goal: nodes may be killed at any time, in any number and any order, and nothing acknowledged is
// missing afterwards. Method: rounds of kill -9 on seeded choices while a writer goes on.
import { ClusterProcess } from '@cashe/bench';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { report } from './support/report.js';
import { ServerProcess } from './support/server-process.js';
import { Writer } from './support/writer.js';

const seed = 20_260;
/** How many nodes each round kills. */
const rounds = [1, 2, 3, 1, 3];

let cluster: ClusterProcess;
let writer: Writer;

beforeAll(async () => {
  cluster = await ClusterProcess.start();
  writer = await Writer.connect(cluster.endpoints);
}, 60_000);

afterAll(async () => {
  await writer?.close();
  await cluster?.stop('kill');
}, 30_000);

/** Small whole numbers, the same in every run. */
function generator(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % below;
  };
}

function shuffled<T>(items: readonly T[], random: (below: number) => number): T[] {
  const rest = [...items];
  return items.map(() => rest.splice(random(rest.length), 1)[0] as T);
}

it('loses nothing when nodes are killed and restarted in any order', async () => {
  const random = generator(seed);
  for (const count of rounds) {
    writer.run();
    await writer.acknowledges(200 + random(2_000));
    const killed = shuffled(cluster.nodes, random).slice(0, count);
    await Promise.all(killed.map((node) => node.kill()));
    if (count === 1) await writer.acknowledges(random(2_000));
    for (const node of shuffled(killed, random)) node.start();
    await writer.acknowledges(500);
    const gapMs = await writer.halt();
    report(`longest gap between acknowledgements, kill -9 of ${count} of 3`, `${gapMs} ms`);
    expect(writer.errors).toEqual([]);
    expect(await writer.differences()).toEqual([]);
  }
  await cluster.waitUntilServing();
  expect(await cluster.waitUntilEqual()).toHaveLength(3);
}, 120_000);

it('leaves directories that `cashe verify` finds sound once no node runs there', async () => {
  const verify = async (dataDir: string): Promise<readonly [number | null, string]> => {
    const command = new ServerProcess(['verify', dataDir]);
    const { code } = await command.exited;
    return [code, command.stdout];
  };
  for (const node of cluster.nodes) {
    expect(await verify(node.dataDir)).toEqual([2, '']);
    await node.kill();
    const [code, text] = await verify(node.dataDir);
    expect(text).toMatch(/\nsound(, [0-9]+ bytes of unsynced tail will be dropped)?\n$/);
    expect([code, text]).toEqual([0, expect.stringContaining(node.id)]);
  }
}, 60_000);
