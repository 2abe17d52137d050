import type { Configuration, MembershipChange, MembershipResult, ReplicaId } from './types.js';

export type RefusedReason = Extract<MembershipResult, { kind: 'refused' }>['reason'];

type ChangeOutcome =
  | { readonly kind: 'changed'; readonly configuration: Configuration }
  | { readonly kind: 'refused'; readonly reason: RefusedReason };

export function isJoint(configuration: Configuration): boolean {
  return configuration.votersOutgoing.length > 0;
}

/** A voter of either half; only such a replica may campaign (R8). */
export function isVoter(configuration: Configuration, id: ReplicaId): boolean {
  return configuration.voters.includes(id) || configuration.votersOutgoing.includes(id);
}

export function isMember(configuration: Configuration, id: ReplicaId): boolean {
  return isVoter(configuration, id) || configuration.learners.includes(id);
}

/** True when `id` alone decides. */
export function isLoneVoter(configuration: Configuration, id: ReplicaId): boolean {
  return (
    configuration.voters.length === 1 && configuration.voters[0] === id && !isJoint(configuration)
  );
}

/** Every member once: voters of both halves, then learners. */
export function memberIds(configuration: Configuration): ReplicaId[] {
  const { voters, votersOutgoing, learners } = configuration;
  return [...new Set([...voters, ...votersOutgoing, ...learners])];
}

/**
 * Was a member, or can never become one: ids only grow (R8). True of every later configuration as
 * well, so even a node that lags far behind may say so, provided `configuration` is committed.
 */
export function isGone(configuration: Configuration, id: ReplicaId): boolean {
  return id <= configuration.replicaIdMax && !isMember(configuration, id);
}

/** The configuration that ends a joint one (thesis section 4.3: C-new). */
export function leaveJoint(configuration: Configuration): Configuration {
  return { ...configuration, votersOutgoing: [] };
}

/**
 * The configuration `change` leads to, or why it must not be made. Pure: the rules that need the
 * log or the progress of members are the leader's (membership.ts). `current` must not be joint.
 */
export function changeConfiguration(
  current: Configuration,
  change: MembershipChange,
): ChangeOutcome {
  switch (change.kind) {
    case 'addLearner':
      return addLearner(current, change.replicaId);
    case 'removeLearner':
      if (!current.learners.includes(change.replicaId)) return refused('unknownReplica');
      return changed({ ...current, learners: without(current.learners, change.replicaId) });
    case 'removeVoter':
      if (!current.voters.includes(change.replicaId)) return refused('unknownReplica');
      if (current.voters.length === 1) return refused('lastVoter');
      return changed({ ...current, voters: without(current.voters, change.replicaId) });
    case 'joint':
      return enterJoint(current, change.voters, change.learners);
  }
}

function addLearner(current: Configuration, id: ReplicaId): ChangeOutcome {
  if (isMember(current, id)) return refused('alreadyMember');
  if (id <= current.replicaIdMax) return refused('idNotAboveMax');
  return changed({ ...current, learners: [...current.learners, id], replicaIdMax: id });
}

function enterJoint(
  current: Configuration,
  voters: readonly ReplicaId[],
  learners: readonly ReplicaId[],
): ChangeOutcome {
  if (voters.length === 0) return refused('lastVoter');
  const wanted = [...voters, ...learners];
  // An id named twice, as voter and learner or within one list, has no single meaning.
  if (new Set(wanted).size !== wanted.length) return refused('alreadyMember');
  // New ids enter only as learners, so that replicaIdMax and catch-up are always accounted for.
  if (wanted.some((id) => !isMember(current, id))) return refused('unknownReplica');
  return changed({
    voters: [...voters],
    votersOutgoing: [...current.voters],
    learners: [...learners],
    replicaIdMax: current.replicaIdMax,
  });
}

function changed(configuration: Configuration): ChangeOutcome {
  return { kind: 'changed', configuration };
}

function refused(reason: RefusedReason): ChangeOutcome {
  return { kind: 'refused', reason };
}

function without(ids: readonly ReplicaId[], id: ReplicaId): ReplicaId[] {
  return ids.filter((other) => other !== id);
}
