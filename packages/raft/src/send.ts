import { unreachable } from './errors.js';
import type { RaftState } from './state.js';
import type { Message } from './types.js';

/**
 * Queues a message for the next Ready. This is the only place that decides whether a message may
 * leave before the writes of its Ready are durable (R1).
 */
export function send(state: RaftState, message: Message): void {
  if (leavesBeforePersist(state, message)) state.outbox.messages.push(message);
  else state.outbox.messagesAfterPersist.push(message);
}

function leavesBeforePersist(state: RaftState, message: Message): boolean {
  switch (message.kind) {
    // Thesis section 10.2.1: a leader may write to its disk in parallel with replicating. Its term
    // is durable already, since it could not have become leader otherwise (election.ts).
    case 'appendEntriesRequest':
    case 'heartbeatRequest':
    case 'installSnapshotRequest':
    case 'timeoutNowRequest':
    case 'goneNotice':
      return true;
    // A pre-vote request promises nothing. A real one does: were it sent before (term, vote) are
    // durable, a crashed candidate could win the same term twice with different entries.
    case 'requestVoteRequest':
      return message.preVote;
    case 'requestVoteResponse':
    case 'installSnapshotResponse':
      return false;
    // Only a success can raise matchIndex. What else these say is that the sender is in `term`.
    case 'appendEntriesResponse':
      return !message.success && state.durableTerm >= message.term;
    case 'heartbeatResponse':
      return state.durableTerm >= message.term;
    default:
      return unreachable(message);
  }
}
