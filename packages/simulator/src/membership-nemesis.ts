/**
 * Changes the members at random while everything else breaks (R26): nodes join, leave, are removed
 * while they lead, are down or cut off, lose their disk, and come back.
 */
import { currentLeader, nodeOf, recordsAt } from './members.js';
import { OPERATOR } from './principals.js';
import type { SeededRandom } from './random.js';
import type { SimulatedNode } from './simulated-node.js';
import type { MembershipFault } from './swarm.js';
import type { World } from './world.js';

const JOINERS_MAX = 3;
const CALL_MS_MAX = 4_000;
const AWAY_MS_MAX = 3_000;
/** Within it every leader stops counting on a voter that is gone, whatever its clock does. */
const LOSS_NOTICED_MS = 5_000;
/** Fewer stay only now and then. */
const STAYING_MIN = 2;

export class MembershipNemesis {
  readonly counts: Map<MembershipFault, number> = new Map();
  readonly #world: World;
  /** One generator per fault, so that leaving one out changes no other's. */
  readonly #generators: SeededRandom;
  #random: SeededRandom;
  #joiners = 0;
  /** When somebody was last asked to go, and the last disk was lost. */
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #lostAtMs = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
    this.#generators = world.random.fork();
    this.#random = this.#generators.fork();
  }

  start(): void {
    const { membershipFaults, membershipGapMs } = this.#world.swarm;
    if (membershipFaults.length === 0) return;
    this.#world.time.after(this.#generators.between(0, 2 * membershipGapMs), () => {
      if (this.#isOver) return;
      this.#random = this.#generators.fork();
      const kind = this.#random.pick(membershipFaults);
      const number = this.#world.nextFault();
      if (number !== undefined) this.#inject(kind, number);
      this.start();
    });
  }

  stop(): void {
    this.#isOver = true;
  }

  #inject(kind: MembershipFault, number: number): void {
    const { nodes } = this.#world;
    const leader = currentLeader(nodes);
    const members = nodes.filter(({ isUp }) => isUp);
    if (members.length === 0) return;
    const any = this.#random.pick(members);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#world.trace(
      () => `fault ${number}: membership ${kind}, any ${any.nodeId}, leader ${leader?.nodeId}`,
    );
    switch (kind) {
      case 'join':
        this.#join(any, false);
        // Two learners are promoted together, by one joint change of all voters (R26).
        if (this.#random.chance(0.5)) this.#join(any, false);
        break;
      case 'joinLate':
        this.#join(any, true);
        break;
      case 'leave':
        this.#remove(any, any);
        break;
      case 'removeLeader':
        if (leader !== undefined) this.#remove(leader, leader);
        break;
      case 'removeIsolated':
        this.#removeIsolated(any);
        break;
      case 'removeCrashed':
        this.#removeCrashed(any);
        break;
      case 'twoAdmins':
        this.#remove(any, this.#random.pick(members));
        this.#remove(this.#random.pick(members), this.#random.pick(members));
        break;
      case 'loseDisk':
        if (leader !== undefined) this.#loseDisk(any, leader);
        break;
      case 'rejoin':
        this.#rejoin(any);
        break;
      case 'splitJoint':
        this.#join(any, false);
        this.#join(any, false);
        onJointChange(this.#world, (leader, outgoing) => this.#split(leader, outgoing));
        break;
      case 'crashJoint': {
        this.#join(any, false);
        const survival = this.#random.pick([0, 0.5, 1]);
        onJointChange(this.#world, (leader) => this.#crash(leader, survival));
        break;
      }
    }
  }

  #join(member: SimulatedNode, isLate: boolean): void {
    if (this.#joiners >= JOINERS_MAX) return;
    this.#joiners += 1;
    const node = this.#world.addNode();
    node.joinThrough = member.clientAddress;
    node.start();
    if (!isLate) return;
    // A learner that lags: it is away while the log goes on.
    this.#later(500, () => {
      node.pause();
      this.#later(AWAY_MS_MAX, () => node.resume());
    });
  }

  /**
   * Asks `through` to remove the node; not while the leader may still count on a voter whose disk
   * is lost: whom it removes then can be the one that the quorum would have needed.
   */
  #remove(node: SimulatedNode, through: SimulatedNode, onRemoved?: () => void): void {
    if (this.#world.time.nowMs < this.#lostAtMs + LOSS_NOTICED_MS) return;
    const leader = currentLeader(this.#world.nodes);
    const staying = leader === undefined ? [] : recordsAt(leader).filter((one) => !one.leaving);
    if (staying.length <= STAYING_MIN && this.#random.chance(0.8)) return;
    this.#ask(node, through, onRemoved);
  }

  #ask({ nodeId }: SimulatedNode, through: SimulatedNode, onRemoved?: () => void): void {
    const call = { kind: 'removeMember', nodeId } as const;
    this.#askedAtMs = this.#world.time.nowMs;
    through.calls?.admin(call, OPERATOR, CALL_MS_MAX, (answer) => {
      this.#world.trace(() => `${nodeId} asked to go: ${JSON.stringify(answer)}`);
      if (answer.result === 'removed' && !this.#isOver) onRemoved?.();
    });
  }

  /** It comes back without having heard of it: it must not disturb, and must learn it (R8, R9). */
  #removeIsolated(node: SimulatedNode): void {
    const { network, nodes } = this.#world;
    for (const { nodeId } of nodes) {
      network.cut(nodeId, node.nodeId);
      network.cut(node.nodeId, nodeId);
    }
    this.#removeThroughAnother(node);
    this.#later(AWAY_MS_MAX, () => network.heal());
  }

  #removeCrashed(node: SimulatedNode): void {
    node.crash(() => true);
    this.#removeThroughAnother(node);
    this.#later(AWAY_MS_MAX, () => node.start());
  }

  #removeThroughAnother(node: SimulatedNode): void {
    const others = this.#world.nodes.filter((other) => other.isUp && other !== node);
    if (others.length > 0) this.#remove(node, this.#random.pick(others));
  }

  /** The node comes back blank under its old id: refused until the old one is removed (R25). */
  #loseDisk(node: SimulatedNode, leader: SimulatedNode): void {
    if (!this.#canLose()) return;
    const through = leader === node ? undefined : leader;
    this.#world.trace(() => `${node.nodeId} loses its disk`);
    node.wipe();
    this.#lostAtMs = this.#world.time.nowMs;
    if (this.#isLastFounder(node, leader)) node.joinThrough = leader.clientAddress;
    if (this.#random.chance(0.5)) node.start();
    this.#later(AWAY_MS_MAX, () => {
      const others = this.#world.nodes.filter((other) => other.isUp && other !== node);
      if (others.length === 0) return;
      const member = through?.isUp === true ? through : this.#random.pick(others);
      this.#ask(node, member, () => {
        node.crash(() => true);
        node.joinThrough = member.clientAddress;
        node.start();
      });
    });
  }

  /** When no founder is left that knows the cluster, blank ones would found another (R25). */
  #isLastFounder({ nodeId }: SimulatedNode, leader: SimulatedNode): boolean {
    const { founders, nodes } = this.#world;
    const known = recordsAt(leader).filter((record) => nodeOf(record, nodes) !== undefined);
    const others = new Set(known.map((record) => record.nodeId).filter((id) => id !== nodeId));
    return !founders.some(({ id }) => others.has(id));
  }

  /**
   * A correct quorum survives the loss: everybody is there, so that all configurations that may
   * come into force are known; each has three voters or more, and none lost one before or is about
   * to lose one that works.
   */
  #canLose(): boolean {
    const { nodes, time } = this.#world;
    if (time.nowMs < this.#askedAtMs + CALL_MS_MAX) return false;
    for (const node of nodes) {
      const { configuration } = node.replica?.raft.status() ?? {};
      if (configuration === undefined) continue;
      const { voters, votersOutgoing } = configuration;
      if (voters.length < 3 || (votersOutgoing.length > 0 && votersOutgoing.length < 3)) {
        return false;
      }
      for (const record of recordsAt(node)) {
        if (record.leaving || nodeOf(record, nodes)?.isUp !== true) return false;
      }
    }
    return true;
  }

  /** The other voters of the old half against the leader and whoever the new half brings. */
  #split(leader: SimulatedNode, outgoing: ReadonlySet<number>): void {
    const { network, nodes } = this.#world;
    const isOld = (node: SimulatedNode): boolean => node !== leader && outgoing.has(node.replicaId);
    for (const one of nodes) {
      for (const other of nodes) {
        if (isOld(one) !== isOld(other)) network.cut(one.nodeId, other.nodeId);
      }
    }
    this.#later(AWAY_MS_MAX, () => network.heal());
  }

  #crash(node: SimulatedNode, survival: number): void {
    node.crash(() => this.#random.chance(survival));
    this.#later(AWAY_MS_MAX, () => node.start());
  }

  #rejoin(member: SimulatedNode): void {
    const retired = this.#world.nodes.filter((node) => node.isRetired && !node.isRunning);
    if (retired.length === 0) return;
    const node = this.#random.pick(retired);
    node.rejoin = true;
    node.joinThrough = member.clientAddress;
    node.start();
  }

  #later(maxMs: number, run: () => void): void {
    this.#world.time.after(this.#random.between(10, maxMs), () => {
      if (!this.#isOver) run();
    });
  }
}

/**
 * Strikes while the first message of the next joint change is on its way (thesis section 4.3): of
 * the two majorities it needs, one half alone must not do.
 */
function onJointChange(
  world: World,
  strike: (leader: SimulatedNode, outgoing: ReadonlySet<number>) => void,
): void {
  const outgoingOf = (node: SimulatedNode): readonly number[] => {
    return node.replica?.raft.status().configuration.votersOutgoing ?? [];
  };
  world.traps.arm({
    matches: ({ kind, from, message }) =>
      kind === 'sent' &&
      message.kind === 'appendEntriesRequest' &&
      message.entries.some((entry) => entry.kind === 'configuration') &&
      outgoingOf(from).length > 0,
    spring: ({ from }) => {
      const outgoing = new Set(outgoingOf(from));
      world.time.after(0, () => strike(from, outgoing));
    },
  });
}
