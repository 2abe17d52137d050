/** Crashes, pauses and stalls of processes, and leadership that is handed over. */
import { OPERATOR } from '../principals.js';
import type { SimulatedNode } from '../simulated-node.js';
import { crash, type Fault, type FaultContext, shuffled } from './context.js';
import type { ProcessFaultKind } from './kinds.js';

const PAUSE_MS_MAX = 2_000;
/** As of a collection of garbage, or of a step that does too much. */
const STALL_MS_MAX = 150;
const STALLS_MAX = 6;
const STALL_GAP_MS_MAX = 200;
const TRANSFER_MS_MAX = 3_000;

function crashAll(context: FaultContext, nodes: readonly SimulatedNode[]): boolean {
  const survivors = context.random.pick([0, 0.5, 0.9, 1]);
  for (const node of nodes) crash(context, node, survivors);
  return true;
}

/** All at one moment, without what was not synced, and up again soon. */
function powerLoss(context: FaultContext): boolean {
  const { world, random } = context;
  const survivors = random.pick([0, 0, 0.5]);
  for (const node of world.nodes) crash(context, node, survivors, random.pick([50, 500]));
  return true;
}

function pause({ later }: FaultContext, node: SimulatedNode, maxMs: number): boolean {
  node.pause();
  later(maxMs, () => node.resume());
  return true;
}

function stall(context: FaultContext): boolean {
  const { random, any, later } = context;
  const stallMs = random.pick([30, STALL_MS_MAX, PAUSE_MS_MAX]);
  const again = (left: number): void => {
    pause(context, any, stallMs);
    if (left > 0) later(stallMs + STALL_GAP_MS_MAX, () => again(left - 1));
  };
  again(random.below(STALLS_MAX));
  return true;
}

function transfer({ world, leader, any }: FaultContext): boolean {
  const call = { kind: 'transferLeadership', group: 0, nodeId: any.nodeId } as const;
  leader.calls?.admin(call, OPERATOR, TRANSFER_MS_MAX, (answer) => {
    world.trace(() => `transfer to ${any.nodeId}: ${JSON.stringify(answer)}`);
  });
  return leader.calls !== undefined;
}

export const processFaults: Readonly<Record<ProcessFaultKind, Fault>> = {
  crashAny: (context) => crashAll(context, [context.any]),
  crashLeader: (context) => crashAll(context, [context.leader]),
  crashMajority: (context) => {
    const { world, random } = context;
    const majority = Math.floor(world.nodes.length / 2) + 1;
    return crashAll(context, shuffled(world.nodes, random).slice(0, majority));
  },
  crashAll: (context) => crashAll(context, context.world.nodes),
  powerLoss,
  pause: (context) => pause(context, context.any, PAUSE_MS_MAX),
  pauseLeader: (context) => pause(context, context.leader, PAUSE_MS_MAX),
  stall,
  transfer,
};
