/** The entry of every message: addressing and term rules here, the rest in one handler each. */
import { isGone, isMember } from './configuration.js';
import {
  denyVote,
  handleGone,
  handlePreVote,
  handleRequestVote,
  handleTimeoutNow,
  handleVoteResponse,
  isSticky,
} from './election.js';
import { unreachable } from './errors.js';
import { handleAppendEntries, handleHeartbeat, handleInstallSnapshot } from './follower.js';
import { handleHeartbeatResponse } from './read-index.js';
import { handleAppendEntriesResponse, handleInstallSnapshotResponse } from './replication.js';
import { becomeFollower } from './roles.js';
import { send } from './send.js';
import type { RaftState } from './state.js';
import type { GoneNotice, Message } from './types.js';

export function step(state: RaftState, message: Message): void {
  const { replicaId } = state.config;
  if (message.from === replicaId || message.from <= 0) return;
  const isOurs = message.to === replicaId;
  if (message.kind === 'goneNotice') {
    if (isOurs) handleGone(state);
  } else if (senderIsGone(state, message)) {
    // Whomever it was meant for: a node that rejoined is asked under the id it had before, maybe by
    // one that slept meanwhile and knows nobody else (R8).
    answerGone(state, message);
  } else if (isOurs && admitTerm(state, message)) {
    dispatch(state, message);
  }
}

/**
 * True of a sender that the committed configuration has removed (R8). Safe even at a node that
 * lags: ids only grow, so what one committed configuration excludes no later one readmits. A joiner
 * whose addition is not committed here is above replicaIdMax; one that is about to be removed is
 * still a member of the latest configuration or of the committed one.
 */
function senderIsGone(state: RaftState, message: Message): boolean {
  const { log } = state;
  return (
    isGone(log.configurationCommitted, message.from) && !isMember(log.configuration, message.from)
  );
}

/**
 * The term rules of all roles (section 5.1): a newer term is adopted, an older one answered or
 * ignored. False when nothing is left to do with the message.
 */
function admitTerm(state: RaftState, message: Exclude<Message, GoneNotice>): boolean {
  // A pre-vote's term is only prospective, its answer is judged by requestTerm.
  if (message.kind === 'requestVoteRequest' && message.preVote) return true;
  if (message.term > state.currentTerm) {
    if (message.kind === 'requestVoteRequest' && isSticky(state, message)) {
      denyVote(state, message);
      return false;
    }
    // A leader names only who has answered it, in its own term.
    if (message.kind === 'timeoutNowRequest') return false;
    becomeFollower(state, message.term, 0);
    return true;
  }
  if (message.term === state.currentTerm) return true;
  switch (message.kind) {
    case 'requestVoteResponse':
      return true;
    case 'requestVoteRequest':
      denyVote(state, message);
      return false;
    case 'appendEntriesRequest':
    case 'heartbeatRequest':
    case 'installSnapshotRequest':
      answerStaleLeader(state, message);
      return false;
    default:
      return false;
  }
}

function dispatch(state: RaftState, message: Exclude<Message, GoneNotice>): void {
  switch (message.kind) {
    case 'requestVoteRequest':
      if (message.preVote) handlePreVote(state, message);
      else handleRequestVote(state, message);
      break;
    case 'requestVoteResponse':
      handleVoteResponse(state, message);
      break;
    case 'appendEntriesRequest':
      handleAppendEntries(state, message);
      break;
    case 'appendEntriesResponse':
      handleAppendEntriesResponse(state, message);
      break;
    case 'heartbeatRequest':
      handleHeartbeat(state, message);
      break;
    case 'heartbeatResponse':
      handleHeartbeatResponse(state, message);
      break;
    case 'installSnapshotRequest':
      handleInstallSnapshot(state, message);
      break;
    case 'installSnapshotResponse':
      handleInstallSnapshotResponse(state, message);
      break;
    case 'timeoutNowRequest':
      handleTimeoutNow(state);
      break;
    default:
      unreachable(message);
  }
}

/** Without this a replica that reached a newer term alone could never be led again (B10). */
function answerStaleLeader(state: RaftState, message: Message): void {
  send(state, {
    kind: 'appendEntriesResponse',
    from: state.config.replicaId,
    to: message.from,
    term: state.currentTerm,
    success: false,
    matchIndex: 0,
    prevLogIndex: 0,
    hintIndex: 0,
    hintTerm: 0,
  });
}

function answerGone(state: RaftState, message: Message): void {
  send(state, {
    kind: 'goneNotice',
    from: state.config.replicaId,
    to: message.from,
    term: state.currentTerm,
  });
}
