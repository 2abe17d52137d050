import type { SeededRandom } from '../random.js';
import type { SimulatedNode } from '../simulated-node.js';
import type { World } from '../world.js';

/** What one fault may use. */
export interface FaultContext {
  readonly world: World;
  /** Of this fault alone. */
  readonly random: SeededRandom;
  /** Places of clients on the network. */
  readonly clients: readonly string[];
  readonly any: SimulatedNode;
  /** The newest leader; any node while there is none. */
  readonly leader: SimulatedNode;
  /** Runs after the event that runs now, unless everything is healed before. */
  soon(run: () => void): void;
  after(ms: number, run: () => void): void;
  /** Runs within `maxMs`, unless everything is healed before. */
  later(maxMs: number, run: () => void): void;
}

/** Injects itself; false: there was nothing to do it to. */
export type Fault = (context: FaultContext) => boolean;

export function shuffled<Item>(items: readonly Item[], random: SeededRandom): Item[] {
  const places = items.map((item) => ({ item, place: random.fraction() }));
  return places.sort((a, b) => a.place - b.place).map(({ item }) => item);
}

/** A removed node is not started again: that is for whoever lets it rejoin (R25). */
export function startAgain(node: SimulatedNode): void {
  if (!node.isRetired) node.start();
}

const DOWN_MS_MAX = 2_000;

/** Of a power loss unsynced pages survive by chance; of a killed process all of them. */
export function crash(
  { world, random, later }: FaultContext,
  node: SimulatedNode,
  survivors: number,
  downMs: number = DOWN_MS_MAX,
): void {
  if (!node.isRunning) return;
  world.trace(() => `${node.nodeId} crashes, unsynced pages survive at ${survivors}`);
  node.crash(() => random.chance(survivors));
  node.clock.jumpWall(random.pick(WALL_JUMPS_MS));
  later(downMs, () => startAgain(node));
}

/** A restarted node's wall clock may be years off (R16): the last is about the year 2099. */
const WALL_JUMPS_MS: readonly number[] = [0, 0, -5_000, 3_600_000, 2_370_000_000_000];
