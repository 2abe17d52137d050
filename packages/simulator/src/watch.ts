/**
 * The canonical history of a run, against which every replica is held: one leader per term, one
 * entry per (index, term), one committed entry and one state per index, no leader without a
 * committed entry, no change of members before the last one is committed. After every turn only
 * the node that took it is looked at, and only at what is new; scans come now and then.
 */
import { crc32 } from 'node:zlib';
import { type Configuration, Raft, type RaftStatus } from '@cashe/raft';
import type { PeerMessage } from '@cashe/server/host';
import { checkInvariants } from '@cashe/store';
import { SimulationFailure } from './failure.js';
import { Promises } from './promises.js';
import type { Replica, SimulatedNode } from './simulated-node.js';

/** A scan is linear in the memory tail of every replica. */
const LOOKS_PER_SCAN = 32;

interface StateAt {
  readonly high: number;
  readonly low: number;
  readonly nodeId: string;
}

/** What a process was when it was last looked at. */
interface Seen {
  readonly generation: number;
  status: RaftStatus;
  comparedIndex: number;
}

export class Watch {
  elections = 0;
  commitIndexMax = 0;
  #leaderTermMax = 0;
  #looks = 0;
  readonly #promises = new Promises();
  readonly #leaders = new Map<number, number>();
  readonly #entries = new Map<string, number>();
  /** Term of the committed entry at an index. */
  readonly #committed = new Map<number, number>();
  readonly #states = new Map<number, StateAt>();
  readonly #seen = new Map<SimulatedNode, Seen>();

  /** Every message of a node, before the network has it. */
  sent(node: SimulatedNode, message: PeerMessage): void {
    this.#promises.sent(message);
    if (message.kind === 'appendEntriesRequest') {
      this.#leads(message.term, message.from);
      for (const { index, term, data } of message.entries) {
        const key = `${index}/${term}`;
        const crc = crc32(data);
        const known = this.#entries.get(key);
        if (known === undefined) this.#entries.set(key, crc);
        else if (known !== crc) refute(`${node.nodeId} sent another entry ${key}`);
      }
    } else if (message.kind === 'heartbeatRequest') {
      this.#leads(message.term, message.from);
    }
  }

  /** A process has read its state back, before its first turn. */
  restored({ replica }: SimulatedNode): void {
    if (replica !== undefined) this.#promises.restored(replica.raft.status());
  }

  /** The node took a turn: what is new since its last one. */
  stepped(node: SimulatedNode): void {
    const { replica, generation } = node;
    if (replica === undefined) return;
    checkRaft(node, replica, false);
    const status = replica.raft.status();
    let seen = this.#seen.get(node);
    if (seen?.generation !== generation) {
      seen = { generation, status, comparedIndex: 0 };
      this.#seen.set(node, seen);
    }
    this.#checkCommit(node, replica, seen.status, status);
    if (status.role === 'leader') this.#checkLeader(node, replica, seen.status, status);
    if (!replica.restoring) this.#compare(node, replica, seen);
    seen.status = status;
  }

  /** The core's own invariants, of all running replicas. */
  look(nodes: readonly SimulatedNode[]): void {
    this.#looks += 1;
    const scan = this.#looks % LOOKS_PER_SCAN === 0;
    for (const node of nodes) {
      if (node.replica === undefined) continue;
      checkRaft(node, node.replica, scan);
      this.stepped(node);
    }
  }

  /** Scans the whole state machine: for now and then. */
  lookInside(nodes: readonly SimulatedNode[]): void {
    for (const { nodeId, replica } of nodes) {
      if (replica === undefined || replica.restoring) continue;
      try {
        checkInvariants(replica.store);
      } catch (error) {
        throw new SimulationFailure('safety', `${nodeId}: ${(error as Error).message}`, error);
      }
    }
  }

  /** One committed entry per index (I2); of a leader's own term when it counted (I3). */
  #checkCommit(
    { nodeId }: SimulatedNode,
    { raft }: Replica,
    before: RaftStatus,
    { role, currentTerm, commitIndex }: RaftStatus,
  ): void {
    if (!(raft instanceof Raft)) return;
    if (commitIndex > before.commitIndex) {
      const led = role === 'leader' && before.role === 'leader';
      const isOwn = raft.termAt(commitIndex) === currentTerm;
      // Section 5.4.2: entries of earlier terms are committed by one of the leader's own.
      if (led && before.currentTerm === currentTerm && !isOwn) {
        refute(`${nodeId} leads term ${currentTerm} and commits ${commitIndex} of another term`);
      }
    }
    for (let index = commitIndex; index > before.commitIndex; index -= 1) {
      const term = raft.termAt(index);
      if (term === undefined) break;
      const known = this.#committed.get(index);
      if (known === undefined) this.#committed.set(index, term);
      else if (known !== term) {
        refute(`${nodeId} commits ${index} of term ${term}; it was committed with term ${known}`);
      }
    }
    this.commitIndexMax = Math.max(this.commitIndexMax, commitIndex);
  }

  #checkLeader(
    { nodeId }: SimulatedNode,
    { raft }: Replica,
    before: RaftStatus,
    status: RaftStatus,
  ): void {
    const { currentTerm, replicaId, lastIndex, persistedIndex } = status;
    this.#leads(currentTerm, replicaId);
    this.#promises.holds(replicaId, currentTerm, persistedIndex);
    const led = before.role === 'leader' && before.currentTerm === currentTerm;
    if (led) {
      checkChange(nodeId, before, status);
    } else if (currentTerm >= this.#leaderTermMax) {
      const index = this.commitIndexMax;
      const term = raft instanceof Raft ? raft.termAt(index) : undefined;
      const committed = this.#committed.get(index);
      const isOther = term !== undefined && committed !== undefined && term !== committed;
      if (lastIndex < index || isOther) {
        refute(
          `${nodeId} leads term ${currentTerm} with a log up to ${lastIndex}, ${index} of term ` +
            `${term}; ${index} is committed with term ${committed}`,
        );
      }
    }
  }

  /** Equal states after equal indexes (I4). */
  #compare({ nodeId }: SimulatedNode, { store }: Replica, seen: Seen): void {
    for (let index = store.appliedIndex; index > seen.comparedIndex; index -= 1) {
      const digest = store.digestAt(index);
      if (digest === undefined) break;
      const known = this.#states.get(index);
      if (known === undefined) {
        this.#states.set(index, { high: digest.high, low: digest.low, nodeId });
      } else if (known.high !== digest.high || known.low !== digest.low) {
        refute(`${nodeId} and ${known.nodeId} differ after index ${index}`);
      }
    }
    seen.comparedIndex = store.appliedIndex;
  }

  #leads(term: number, replicaId: number): void {
    const known = this.#leaders.get(term);
    if (known !== undefined && known !== replicaId) {
      refute(`replicas ${known} and ${replicaId} both lead term ${term}`);
    }
    if (known === undefined) {
      this.#leaders.set(term, replicaId);
      this.elections += 1;
      this.#leaderTermMax = Math.max(this.#leaderTermMax, term);
    }
  }
}

/** I8: one change at a time, and every majority before it meets every majority after it. */
function checkChange(nodeId: string, before: RaftStatus, after: RaftStatus): void {
  if (after.configurationIndex === before.configurationIndex) return;
  const { configuration: from, configurationIndex } = before;
  const { configuration: to, commitIndex } = after;
  if (configurationIndex > commitIndex) {
    refute(`${nodeId} changes its members before the change at ${configurationIndex} is committed`);
  }
  if (!overlaps(from, to)) {
    refute(`${nodeId} goes from ${JSON.stringify(from)} to ${JSON.stringify(to)}`);
  }
}

function overlaps(from: Configuration, to: Configuration): boolean {
  if (to.votersOutgoing.length > 0) return isSame(to.votersOutgoing, from.voters);
  if (from.votersOutgoing.length > 0) return isSame(to.voters, from.voters);
  const joined = to.voters.filter((id) => !from.voters.includes(id));
  const left = from.voters.filter((id) => !to.voters.includes(id));
  return joined.length + left.length <= 1;
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}

function checkRaft({ nodeId }: SimulatedNode, { raft }: Replica, scan: boolean): void {
  if (!(raft instanceof Raft)) return;
  try {
    raft.checkInvariants(scan);
  } catch (error) {
    throw new SimulationFailure('safety', `${nodeId}: ${(error as Error).message}`, error);
  }
}

function refute(message: string): never {
  throw new SimulationFailure('safety', message);
}
