/**
 * The canonical history of a run, against which every replica is held: one leader per term, one
 * entry per (index, term), one state per applied index, and no leader without a committed entry.
 */
import { crc32 } from 'node:zlib';
import { Raft } from '@cashe/raft';
import type { PeerMessage } from '@cashe/server/host';
import { checkInvariants } from '@cashe/store';
import { SimulationFailure } from './failure.js';
import type { Replica, SimulatedNode } from './simulated-node.js';

interface StateAt {
  readonly high: number;
  readonly low: number;
  readonly nodeId: string;
}

export class Watch {
  elections = 0;
  commitIndexMax = 0;
  #leaderTermMax = 0;
  readonly #leaders = new Map<number, number>();
  readonly #entries = new Map<string, number>();
  readonly #states = new Map<number, StateAt>();
  /** Per process: how far its states were compared. */
  readonly #compared = new Map<string, number>();

  /** Every message of a node, before the network has it. */
  sent(node: SimulatedNode, message: PeerMessage): void {
    if (message.kind === 'appendEntriesRequest') {
      this.#leads(message.term, message.from);
      for (const { index, term, data } of message.entries) {
        const key = `${index}/${term}`;
        const crc = crc32(data);
        const known = this.#entries.get(key);
        if (known === undefined) this.#entries.set(key, crc);
        else if (known !== crc) this.#refute(`${node.nodeId} sent another entry ${key}`);
      }
    } else if (message.kind === 'heartbeatRequest') {
      this.#leads(message.term, message.from);
    }
  }

  /** Looks at what every running replica is now. */
  look(nodes: readonly SimulatedNode[]): void {
    for (const node of nodes) {
      const { replica } = node;
      if (replica !== undefined) this.#lookAt(node, replica);
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

  #lookAt(node: SimulatedNode, replica: Replica): void {
    checkRaft(node, replica);
    const status = replica.raft.status();
    const { currentTerm, role, commitIndex, lastIndex } = status;
    if (role === 'leader') {
      this.#leads(currentTerm, status.replicaId);
      if (currentTerm >= this.#leaderTermMax && lastIndex < this.commitIndexMax) {
        this.#refute(
          `${node.nodeId} leads term ${currentTerm} with a log up to ${lastIndex}; ` +
            `${this.commitIndexMax} is committed`,
        );
      }
    }
    this.commitIndexMax = Math.max(this.commitIndexMax, commitIndex);
    if (!replica.restoring) this.#compare(node, replica);
  }

  #compare(node: SimulatedNode, { store }: Replica): void {
    const process = `${node.nodeId}/${node.generation}`;
    const from = this.#compared.get(process) ?? 0;
    for (let index = store.appliedIndex; index > from; index -= 1) {
      const digest = store.digestAt(index);
      if (digest === undefined) break;
      const known = this.#states.get(index);
      if (known === undefined) {
        this.#states.set(index, { high: digest.high, low: digest.low, nodeId: node.nodeId });
      } else if (known.high !== digest.high || known.low !== digest.low) {
        this.#refute(`${node.nodeId} and ${known.nodeId} differ after index ${index}`);
      }
    }
    this.#compared.set(process, store.appliedIndex);
  }

  #leads(term: number, replicaId: number): void {
    const known = this.#leaders.get(term);
    if (known !== undefined && known !== replicaId) {
      this.#refute(`replicas ${known} and ${replicaId} both lead term ${term}`);
    }
    if (known === undefined) {
      this.#leaders.set(term, replicaId);
      this.elections += 1;
      this.#leaderTermMax = Math.max(this.#leaderTermMax, term);
    }
  }

  #refute(message: string): never {
    throw new SimulationFailure('safety', message);
  }
}

function checkRaft({ nodeId }: SimulatedNode, { raft }: Replica): void {
  if (!(raft instanceof Raft)) return;
  try {
    raft.checkInvariants();
  } catch (error) {
    throw new SimulationFailure('safety', `${nodeId}: ${(error as Error).message}`, error);
  }
}
