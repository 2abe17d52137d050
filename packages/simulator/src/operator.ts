/**
 * Who looks after the members once everything is healed (R26): removes those whose data directory
 * is lost, starts what is down or waits at a node that is no member, and says when all is in order.
 */
import { Code } from '@cashe/codec';
import { currentLeader, type NodeRecord, nodeOf, recordsAt } from './members.js';
import { OPERATOR } from './principals.js';
import type { SimulatedNode } from './simulated-node.js';
import type { World } from './world.js';

const STEP_MS = 200;
/** A node that does not get in is started anew this often. */
const RESTART_MS = 4_000;
const CALL_MS = 4_000;

export class Operator {
  readonly #world: World;
  readonly #asked: Set<string> = new Set();
  #hasSpare = false;
  readonly #startedMs: Map<string, number> = new Map();

  constructor(world: World) {
    this.#world = world;
  }

  start(): void {
    this.#world.time.after(STEP_MS, () => {
      const leader = currentLeader(this.#world.nodes);
      if (leader !== undefined) this.#step(leader, recordsAt(leader));
      this.start();
    });
  }

  /** Undefined when nothing is left to do, else what is. */
  unfinished(): string | undefined {
    const { nodes } = this.#world;
    const leader = currentLeader(nodes);
    const status = leader?.replica?.raft.status();
    if (leader === undefined || status === undefined) return 'there is no leader';
    const { configuration, configurationIndex, commitIndex } = status;
    if (configuration.votersOutgoing.length > 0 || configurationIndex > commitIndex) {
      return 'a membership change is under way';
    }
    const records = recordsAt(leader);
    const { voters, learners } = configuration;
    for (const record of records) {
      const { nodeId, replicaId } = record;
      if (record.leaving) return `${nodeId} is leaving`;
      if (!voters.includes(replicaId) && !learners.includes(replicaId)) return `${nodeId} is out`;
      const node = nodeOf(record, nodes);
      if (node?.isUp !== true || node.replicaId !== replicaId) return `${nodeId} is down`;
    }
    const { replicationFactor } = this.#world.ledger.settings;
    const most = Math.min(replicationFactor, records.length);
    if (voters.length < most - ((most + 1) % 2)) return `${voters.length} voters are too few`;
    const isLowered = replicationFactor !== this.#world.settings.replicationFactor;
    if (isLowered && voters.length > replicationFactor)
      return `${voters.length} voters are too many`;
    const astray = nodes.find((node) => isAstray(node, records));
    return astray && `${astray.nodeId} is neither a member nor gone`;
  }

  #step(leader: SimulatedNode, records: readonly NodeRecord[]): void {
    const { nodes } = this.#world;
    for (const record of records) {
      if (nodeOf(record, nodes) === undefined) this.#remove(leader, record.nodeId);
    }
    for (const node of nodes) {
      if (node.isUp) this.#endIfCutOff(node, records);
      else if (!isGoneForGood(node, records)) this.#bringIn(node, leader, records);
    }
  }

  #remove(leader: SimulatedNode, nodeId: string): void {
    if (this.#asked.has(nodeId)) return;
    this.#asked.add(nodeId);
    const again = this.#world.time.after(2 * CALL_MS, () => this.#asked.delete(nodeId));
    leader.calls?.admin({ kind: 'removeMember', nodeId }, OPERATOR, CALL_MS, (answer) => {
      this.#world.trace(() => `operator removes ${nodeId}: ${JSON.stringify(answer)}`);
      this.#asked.delete(nodeId);
      again.cancel();
      const isLast = answer.result === 'refused' && answer.code === Code.INVALID_ARGUMENT;
      if (isLast) this.#addSpare(leader);
    });
  }

  /** The lost node is the only one that does not leave: somebody else has to be there first. */
  #addSpare(leader: SimulatedNode): void {
    if (this.#hasSpare) return;
    this.#hasSpare = true;
    const spare = this.#world.addNode();
    spare.joinThrough = leader.clientAddress;
    spare.start();
  }

  #bringIn(node: SimulatedNode, leader: SimulatedNode, records: readonly NodeRecord[]): void {
    const { time, trace } = this.#world;
    const other = records.find(({ nodeId }) => nodeId === node.nodeId);
    if (other !== undefined && other.nodeUid !== node.nodeUid && node.nodeUid !== '') return;
    if (time.nowMs - (this.#startedMs.get(node.nodeId) ?? -RESTART_MS) < RESTART_MS) return;
    this.#startedMs.set(node.nodeId, time.nowMs);
    trace.call(this.#world, () => `operator starts ${node.nodeId} through ${leader.nodeId}`);
    if (node.isRunning) node.crash(() => true);
    node.joinThrough = leader.clientAddress;
    node.rejoin ||= node.isRetired;
    node.start();
  }

  /** Removed while away, and everybody it knows is gone too: nobody is left who could tell it. */
  #endIfCutOff(node: SimulatedNode, records: readonly NodeRecord[]): void {
    if (records.some(({ nodeUid }) => nodeUid === node.nodeUid)) return;
    const known = new Set(node.cluster?.members().map(({ nodeUid }) => nodeUid));
    if (records.some(({ nodeUid }) => known.has(nodeUid))) return;
    this.#world.trace(() => `operator ends ${node.nodeId}: nobody it knows is left`);
    node.wipe();
  }
}

/** Its directory is retired and nobody counts on it. */
function isGoneForGood(node: SimulatedNode, records: readonly NodeRecord[]): boolean {
  const isKnown = records.some(({ nodeUid }) => nodeUid === node.nodeUid);
  return node.isRetired && !node.isRunning && !isKnown;
}

function isAstray(node: SimulatedNode, records: readonly NodeRecord[]): boolean {
  const isMember = records.some(({ replicaId }) => replicaId === node.replicaId);
  if (node.isUp) return !isMember;
  return !isGoneForGood(node, records);
}
