/** Cuts in every shape, held and repeated messages, and losses of one class. */
import { droppableClasses } from '../message-class.js';
import type { Fault, FaultContext } from './context.js';
import { shuffled } from './context.js';
import type { NetworkFaultKind } from './kinds.js';

const CUT_MS_MAX = 3_000;
const BAD_NETWORK_MS_MAX = 2_000;
const CLOG_MS_MAX = 2_500;

/** Cuts everything between those inside and all others; clients are on either side, too. */
function split({ world, random, clients, later }: FaultContext, names: Iterable<string>): boolean {
  const inside = new Set(names);
  for (const client of clients) if (random.chance(0.5)) inside.add(client);
  const all = [...world.nodes.map(({ nodeId }) => nodeId), ...clients];
  for (const one of all) {
    for (const other of all)
      if (inside.has(one) !== inside.has(other)) world.network.cut(one, other);
  }
  later(CUT_MS_MAX, () => world.network.heal());
  return true;
}

/** Cuts both ways between the nodes of every pair that `isLinked` does not name. */
function keepOnly(
  { world, random, later }: FaultContext,
  isLinked: (one: number, other: number, count: number) => boolean,
): boolean {
  const nodes = shuffled(world.nodes, random);
  for (const [i, one] of nodes.entries()) {
    for (const [j, other] of nodes.entries()) {
      if (i < j && !isLinked(i, j, nodes.length)) {
        world.network.cut(one.nodeId, other.nodeId);
        world.network.cut(other.nodeId, one.nodeId);
      }
    }
  }
  later(CUT_MS_MAX, () => world.network.heal());
  return nodes.length >= 3;
}

function oneWay({ world, random, any, later }: FaultContext): boolean {
  const isDeaf = random.chance(0.5);
  for (const other of world.nodes) {
    if (other === any || random.chance(0.3)) continue;
    if (isDeaf) world.network.cut(other.nodeId, any.nodeId);
    else world.network.cut(any.nodeId, other.nodeId);
  }
  later(CUT_MS_MAX, () => world.network.heal());
  return true;
}

/** Several directions are held and let go at different times (swizzle-clog). */
function clog({ world, random, later }: FaultContext): boolean {
  const { network, nodes } = world;
  let count = 0;
  for (const { nodeId: from } of nodes) {
    for (const { nodeId: to } of nodes) {
      if (from === to || random.chance(0.6)) continue;
      network.clog(from, to);
      later(CLOG_MS_MAX, () => network.unclog(from, to));
      count += 1;
    }
  }
  return count > 0;
}

function dropClass({ world, random, later }: FaultContext): boolean {
  const { dropped } = world.network;
  const kind = random.pick(droppableClasses);
  const chance = random.pick([0.3, 0.9, 1]);
  world.trace(() => `${kind} are lost at ${chance}`);
  dropped.set(kind, chance);
  later(CUT_MS_MAX, () => dropped.delete(kind));
  return true;
}

export const networkFaults: Readonly<Record<NetworkFaultKind, Fault>> = {
  isolateAny: (context) => split(context, [context.any.nodeId]),
  isolateLeader: (context) => split(context, [context.leader.nodeId]),
  halves: (context) => {
    const { world, random } = context;
    const half = shuffled(world.nodes, random).slice(0, Math.ceil(world.nodes.length / 2));
    return split(
      context,
      half.map(({ nodeId }) => nodeId),
    );
  },
  // Two sides that see each other only through the first node.
  bridge: (context) =>
    keepOnly(context, (one, other, count) => {
      const middle = 1 + (count - 1) / 2;
      return one === 0 || one < middle === other < middle;
    }),
  // Everybody sees two neighbours: a majority, but no two the same one.
  ring: (context) =>
    keepOnly(context, (one, other, count) => {
      return other - one === 1 || (one === 0 && other === count - 1);
    }),
  oneWay,
  badNetwork: ({ world, later }) => {
    const { network, swarm } = world;
    network.conditions = swarm.badNetwork;
    later(BAD_NETWORK_MS_MAX, () => {
      network.conditions = swarm.network;
    });
    return true;
  },
  clog,
  dropClass,
  staleReplay: ({ world }) => world.network.replayStale() > 0,
};
