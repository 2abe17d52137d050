/**
 * Faults at one moment of the protocol, where random ones strike too seldom: between a promise and
 * its sync, between two followers of one append, between a round of reads and its answers.
 */
import type { SimulatedNode } from '../simulated-node.js';
import type { TrapEvent } from '../traps.js';
import { crash, type Fault, type FaultContext, shuffled } from './context.js';
import type { MomentFaultKind } from './kinds.js';

const SOON_MS = 60;
const CUT_MS_MAX = 1_500;
const PAUSE_MS_MAX = 1_500;
/** A leader that is paused this long has a successor, and does not know. */
const DEPOSED_MS_MIN = 400;
const DEPOSED_MS_MAX = 900;
const LATE_ACKS_MS_MAX = 30;
const CHUNKS_MAX = 4;
/** A round of heartbeats and its answers. */
const ROUND_MS = 40;

type When = (event: TrapEvent) => boolean;

/** Springs at the first event of the kind; `strike` runs once the turn is over. */
function trap(context: FaultContext, matches: When, strike: (event: TrapEvent) => void): boolean {
  const { world } = context;
  const spring = (event: TrapEvent): void => {
    world.trace(() => `trap: ${event.from.nodeId} ${event.message.kind} ${event.to.nodeId}`);
    context.soon(() => strike(event));
  };
  world.traps.arm({ matches, spring });
  return true;
}

function termMax({ world }: FaultContext): number {
  return Math.max(0, ...world.nodes.map(({ replica }) => replica?.term ?? 0));
}

/** A vote that was answered before it was durable is forgotten, and asked for again. */
function crashAfterVote(context: FaultContext): boolean {
  const { world, later } = context;
  const isVote: When = ({ kind, message }) =>
    kind === 'sent' &&
    message.kind === 'requestVoteResponse' &&
    message.voteGranted &&
    !message.preVote;
  return trap(context, isVote, ({ from }) => {
    crash(context, from, 0, SOON_MS);
    later(2 * SOON_MS, () => world.network.replayStale());
  });
}

/** The first append of a new leader. */
function winning(context: FaultContext): When {
  const before = termMax(context);
  return ({ kind, message }) =>
    kind === 'sent' && message.kind === 'appendEntriesRequest' && message.term > before;
}

function crashNewLeader(context: FaultContext): boolean {
  const survivors = context.random.pick([0, 0.5, 1]);
  return trap(context, winning(context), ({ from }) => {
    crash(context, from, survivors, context.random.pick([SOON_MS, CUT_MS_MAX]));
  });
}

/** Of its peers a new leader reaches one at most: its entries are on few nodes (figure 8). */
function isolateNewLeader(context: FaultContext): boolean {
  const { world, random, later } = context;
  const spring = ({ from, to }: TrapEvent): void => {
    const keeps = random.chance(0.5);
    for (const node of world.nodes) {
      if (node === from || (keeps && node === to)) continue;
      world.network.cut(from.nodeId, node.nodeId);
      world.network.cut(node.nodeId, from.nodeId);
    }
    later(CUT_MS_MAX, () => world.network.heal());
  };
  world.traps.arm({ matches: winning(context), spring });
  return true;
}

/** Figure 8 (a): an entry is on the leader and on one follower when the leader goes. */
function crashAfterAppend(context: FaultContext): boolean {
  const { world, random, later } = context;
  const survivors = random.pick([0, 1]);
  const matches: When = ({ kind, message }) =>
    kind === 'sent' && message.kind === 'appendEntriesRequest' && message.entries.length > 0;
  const spring = ({ from, to }: TrapEvent): void => {
    for (const node of world.nodes) {
      if (node !== to && node !== from) world.network.cut(from.nodeId, node.nodeId);
    }
    const reached: When = (event) => event.kind === 'delivered' && event.from === from;
    trap(context, reached, () => crash(context, from, survivors, SOON_MS));
    later(CUT_MS_MAX, () => world.network.heal());
  };
  world.traps.arm({ matches, spring });
  return true;
}

/** A majority loses power just after one of it acknowledged. */
function crashAfterAck(context: FaultContext): boolean {
  const { world, random } = context;
  const isAck: When = ({ kind, message }) =>
    kind === 'sent' && message.kind === 'appendEntriesResponse' && message.success;
  return trap(context, isAck, ({ from }) => {
    const others = shuffled(
      world.nodes.filter((node) => node !== from),
      random,
    );
    const majority = [from, ...others.slice(0, Math.floor(world.nodes.length / 2))];
    for (const node of majority) crash(context, node, 0, 2 * SOON_MS);
  });
}

const isReadAck: When = ({ kind, message }) =>
  kind === 'delivered' && message.kind === 'heartbeatResponse' && message.readRound > 0;

/** The round of a read is confirmed, and the leader stops before it answers. */
function pauseAfterReadAck(context: FaultContext): boolean {
  const { world, random, later } = context;
  const pause = ({ to }: TrapEvent): void => {
    to.pause();
    later(PAUSE_MS_MAX, () => to.resume());
  };
  if (random.chance(0.5)) return trap(context, isReadAck, pause);
  world.traps.arm({ matches: isReadAck, spring: pause });
  return true;
}

/**
 * The answers to a round come after the leader has a successor it does not know of, and after new
 * reads have arrived: they must not confirm those (B3).
 */
function lateReadAcks(context: FaultContext): boolean {
  const { world, random, after } = context;
  const isRound: When = ({ kind, message }) =>
    kind === 'sent' && message.kind === 'heartbeatRequest' && message.readRound > 0;
  return trap(context, isRound, ({ from: leader }) => {
    const others = world.nodes.filter((node) => node !== leader);
    leaveWith(context, leader, others);
    leader.pause();
    // The answers are held; what comes after them, and would tell of a new term, is lost.
    after(ROUND_MS, () => {
      for (const { nodeId } of others) world.network.cut(nodeId, leader.nodeId);
    });
    after(random.between(DEPOSED_MS_MIN, DEPOSED_MS_MAX), () => {
      leader.resume();
      after(random.between(0, LATE_ACKS_MS_MAX), () => letGo(context, leader, others));
    });
  });
}

/** Some clients see only the leader, and nobody hears from it. */
function leaveWith(
  { world, random, clients }: FaultContext,
  leader: SimulatedNode,
  others: readonly SimulatedNode[],
): void {
  const { network } = world;
  const staying = clients.filter(() => random.chance(0.5));
  for (const { nodeId } of others) {
    network.cut(leader.nodeId, nodeId);
    network.clog(nodeId, leader.nodeId);
    for (const client of staying) {
      network.cut(client, nodeId);
      network.cut(nodeId, client);
    }
  }
}

function letGo(
  { world, later }: FaultContext,
  leader: SimulatedNode,
  others: readonly SimulatedNode[],
): void {
  for (const { nodeId } of others) world.network.unclog(nodeId, leader.nodeId);
  later(CUT_MS_MAX, () => world.network.heal());
}

/** Some chunks into a snapshot. */
function transferring({ random }: FaultContext): When {
  let left = random.below(CHUNKS_MAX);
  return ({ kind, message }) => {
    if (kind !== 'delivered' || message.kind !== 'installSnapshotRequest') return false;
    left -= 1;
    return left < 0;
  };
}

function crashSnapshotEnd(context: FaultContext, end: 'from' | 'to'): boolean {
  const survivors = context.random.pick([0, 0.5, 1]);
  return trap(context, transferring(context), (event) => crash(context, event[end], survivors));
}

export const momentFaults: Readonly<Record<MomentFaultKind, Fault>> = {
  crashAfterVote,
  crashNewLeader,
  isolateNewLeader,
  crashAfterAppend,
  crashAfterAck,
  pauseAfterReadAck,
  lateReadAcks,
  crashSnapshotSender: (context) => crashSnapshotEnd(context, 'from'),
  crashSnapshotReceiver: (context) => crashSnapshotEnd(context, 'to'),
  cutSnapshot: (context) => {
    const { world, later } = context;
    return trap(context, transferring(context), ({ from, to }) => {
      world.network.cut(from.nodeId, to.nodeId);
      world.network.cut(to.nodeId, from.nodeId);
      later(CUT_MS_MAX, () => world.network.heal());
    });
  },
};
