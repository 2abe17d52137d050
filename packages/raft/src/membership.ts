/** Membership changes at the leader (R3, R26; thesis chapter 4). */
import { appendConfiguration } from './append.js';
import { maybeCommit } from './commit.js';
import { changeConfiguration, isJoint, type RefusedReason } from './configuration.js';
import { confirmReads } from './read-index.js';
import { ownTermCommitted, type RaftState } from './state.js';
import type { LogIndex, MembershipChange, MembershipResult, ReplicaId } from './types.js';

/**
 * A learner may become a voter once it replicates and lacks at most this many entries: a voter
 * further behind would hold back every commit that needs it (thesis section 4.2.1).
 */
export const CATCH_UP_ENTRIES_MAX = 256;

/** Appends the configuration that `change` asks for, unless a rule forbids it now. */
export function changeMembership(
  state: RaftState,
  change: MembershipChange,
  expectedIndex: LogIndex,
): MembershipResult {
  if (state.role !== 'leader') return { kind: 'notLeader', leaderId: state.leaderId };
  if (state.transferTarget !== 0) return { kind: 'busy', reason: 'transferring' };
  const { log } = state;
  if (expectedIndex !== log.configurationIndex) return refused('versionMismatch');
  if (log.configurationIndex > log.commitIndex) return refused('changePending');
  if (isJoint(log.configuration)) return refused('changePending');
  // A change made before an own-term commit can race one of an earlier leader (B33).
  if (!ownTermCommitted(state)) return refused('noOwnTermCommit');
  const outcome = changeConfiguration(log.configuration, change);
  if (outcome.kind === 'refused') return outcome;
  if (change.kind === 'joint' && !allCaughtUp(state, change.voters)) {
    return refused('notCaughtUp');
  }
  appendConfiguration(state, outcome.configuration);
  const firstIndex = log.lastIndex;
  const term = state.currentTerm;
  // A smaller quorum may already hold what the larger one did not.
  confirmReads(state);
  maybeCommit(state);
  return { kind: 'appended', term, firstIndex };
}

/** Every voter-to-be that is no voter yet has caught up. */
function allCaughtUp(state: RaftState, voters: readonly ReplicaId[]): boolean {
  const { voters: current } = state.log.configuration;
  return voters.every((id) => current.includes(id) || isCaughtUp(state, id));
}

function isCaughtUp(state: RaftState, id: ReplicaId): boolean {
  const progress = state.progress.get(id);
  if (progress === undefined || progress.state !== 'replicate') return false;
  if (progress.silentTicks >= state.config.electionTicksMin) return false;
  return state.log.lastIndex - progress.matchIndex <= CATCH_UP_ENTRIES_MAX;
}

function refused(reason: RefusedReason): MembershipResult {
  return { kind: 'refused', reason };
}
