import { isGone, isMember } from './configuration.js';
import { ownTermCommitted, type RaftState } from './state.js';
import type { ProgressStatus, RaftStatus } from './types.js';

/** A copy of what may interest others; O(members). */
export function status(state: RaftState): RaftStatus {
  const { config, log } = state;
  const configurationCommitted = log.configurationCommitted;
  return {
    replicaId: config.replicaId,
    role: state.role,
    currentTerm: state.currentTerm,
    votedFor: state.votedFor,
    leaderId: state.leaderId,
    leaderSilentTicks: state.role === 'leader' ? 0 : state.leaderSilentTicks,
    commitIndex: log.commitIndex,
    appliedIndex: log.appliedIndex,
    persistedIndex: log.persistedIndex,
    firstIndex: log.baseIndex + 1,
    lastIndex: log.lastIndex,
    tailBytes: log.bytes,
    ownTermCommitted: ownTermCommitted(state),
    configuration: log.configuration,
    configurationIndex: log.configurationIndex,
    configurationCommitted,
    removed:
      state.gone ||
      (isGone(configurationCommitted, config.replicaId) &&
        !isMember(log.configuration, config.replicaId)),
    transferTarget: state.transferTarget,
    progress: progressOf(state),
  };
}

function progressOf(state: RaftState): ProgressStatus[] {
  const { learners, votersOutgoing } = state.log.configuration;
  const result: ProgressStatus[] = [];
  for (const progress of state.progress.values()) {
    const { replicaId, state: progressState, matchIndex, nextIndex } = progress;
    const { silentTicks, appendSilentTicks } = progress;
    // A voter being demoted still votes while the configuration is joint.
    const learner = learners.includes(replicaId) && !votersOutgoing.includes(replicaId);
    result.push({
      replicaId,
      state: progressState,
      matchIndex,
      nextIndex,
      silentTicks,
      appendSilentTicks,
      learner,
    });
  }
  return result;
}
