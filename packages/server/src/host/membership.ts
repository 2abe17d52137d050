/** Moves a group towards the members it should have (R26): the leader takes one step at a time. */
import { CATCH_UP_ENTRIES_MAX } from '@cashe/raft';
import type { NodeRecord } from '@cashe/store';
import { type MembershipAction, planMembership } from './membership-plan.js';
import type { Logger } from './ports.js';
import type { ReplicaView } from './replica-context.js';

interface MembershipTerms {
  readonly electionTicks: number;
  readonly foundingFactor: number;
}

/**
 * The next step for the group that `replica` leads; undefined: nothing to do, or not now. A peer
 * that was silent for `electionTicks` is not counted on. With the factor that the cluster was
 * founded with its founders vote, however many they are; only another one takes votes away.
 */
export function nextMembershipStep(
  replica: ReplicaView,
  nodes: readonly NodeRecord[],
  { electionTicks, foundingFactor }: MembershipTerms,
): MembershipAction | undefined {
  if (!replica.leads) return undefined;
  const status = replica.raft.status();
  const pending = status.configurationIndex > status.commitIndex || status.transferTarget !== 0;
  if (pending || !status.ownTermCommitted) return undefined;
  const caughtUp = status.progress.filter(
    (peer) =>
      peer.state === 'replicate' &&
      peer.silentTicks < electionTicks &&
      status.lastIndex - peer.matchIndex <= CATCH_UP_ENTRIES_MAX,
  );
  const { replicationFactor } = replica.store.settings();
  return planMembership({
    self: replica.replicaId,
    nodes,
    configuration: status.configuration,
    replicationFactor,
    demotes: replicationFactor !== foundingFactor,
    caughtUp: new Set([replica.replicaId, ...caughtUp.map((peer) => peer.replicaId)]),
  });
}

/** Carries out a step that only concerns the group's configuration or leadership. */
export function takeMembershipStep(
  replica: ReplicaView,
  action: MembershipAction,
  log: Logger,
): void {
  const { group, raft } = replica;
  if (action.kind === 'transfer') {
    const result = raft.transferLeadership(action.to);
    if (result === 'started') log.info('handing over leadership to leave', { group, ...action });
    return;
  }
  if (action.kind !== 'change') return;
  const result = raft.changeMembership(action.change, raft.status().configurationIndex);
  if (result.kind === 'appended') log.info('membership change', { group, ...action.change });
  else log.debug('membership change has to wait', { group, ...action.change, ...result });
}
