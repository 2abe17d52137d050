/**
 * What a replica told others holds after a crash (I7, R1): its term, its vote in that term, and
 * the entries it acknowledged to the leader of that term.
 */
import type { RaftStatus, ReplicaId } from '@cashe/raft';
import type { PeerMessage } from '@cashe/server/host';
import { SimulationFailure } from './failure.js';

interface Promised {
  term: number;
  voteTerm: number;
  votedFor: ReplicaId;
  ackTerm: number;
  ackIndex: number;
}

export class Promises {
  /** A replica id is never reused (R8). */
  readonly #replicas = new Map<ReplicaId, Promised>();

  sent(message: PeerMessage): void {
    const promised = this.#of(message.from);
    switch (message.kind) {
      case 'requestVoteRequest':
        // A pre-vote promises nothing.
        if (message.preVote) return;
        this.#vote(promised, message.from, message.term, message.from);
        break;
      case 'requestVoteResponse':
        if (message.voteGranted && !message.preVote) {
          this.#vote(promised, message.from, message.requestTerm, message.to);
        }
        break;
      case 'appendEntriesResponse':
        if (message.success) this.holds(message.from, message.term, message.matchIndex);
        break;
      case 'appendEntriesRequest':
      case 'heartbeatRequest':
      case 'heartbeatResponse':
      case 'installSnapshotRequest':
      case 'installSnapshotResponse':
      case 'timeoutNowRequest':
        break;
      case 'goneNotice':
      case 'digestReport':
      case 'digestVerdict':
        // The term in these is no promise.
        return;
    }
    promised.term = Math.max(promised.term, message.term);
  }

  /** Everything up to `index` is durable at the replica and as the leader of `term` has it. */
  holds(replicaId: ReplicaId, term: number, index: number): void {
    const promised = this.#of(replicaId);
    if (term < promised.ackTerm) return;
    promised.ackIndex = term === promised.ackTerm ? Math.max(promised.ackIndex, index) : index;
    promised.ackTerm = term;
  }

  /** A process read its state back, and has handled nothing yet. */
  restored({ replicaId, currentTerm, votedFor, lastIndex }: RaftStatus): void {
    const { term, voteTerm, votedFor: vote, ackTerm, ackIndex } = this.#of(replicaId);
    if (currentTerm < term) {
      refute(`replica ${replicaId} spoke in term ${term} and starts in term ${currentTerm}`);
    }
    if (currentTerm === voteTerm && votedFor !== vote) {
      refute(`replica ${replicaId} voted for ${vote} in term ${voteTerm} and forgot it`);
    }
    if (currentTerm === ackTerm && lastIndex < ackIndex) {
      refute(
        `replica ${replicaId} acknowledged ${ackIndex} in term ${ackTerm} and starts with a log ` +
          `up to ${lastIndex}`,
      );
    }
  }

  #vote(promised: Promised, voter: ReplicaId, term: number, candidate: ReplicaId): void {
    if (promised.voteTerm === term && promised.votedFor !== candidate) {
      refute(`replica ${voter} votes for ${promised.votedFor} and ${candidate} in term ${term}`);
    }
    promised.voteTerm = term;
    promised.votedFor = candidate;
  }

  #of(replicaId: ReplicaId): Promised {
    let promised = this.#replicas.get(replicaId);
    if (promised === undefined) {
      promised = { term: 0, voteTerm: 0, votedFor: 0, ackTerm: 0, ackIndex: 0 };
      this.#replicas.set(replicaId, promised);
    }
    return promised;
  }
}

function refute(message: string): never {
  throw new SimulationFailure('safety', message);
}
