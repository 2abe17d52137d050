/**
 * What to do next about a group's members (R26): a pure decision, taken again and again by the
 * leader until there is nothing left to do, so that any new leader continues where the last one
 * stopped. Unreachable nodes never cause a change by themselves.
 */
import type { Configuration, MembershipChange, ReplicaId } from '@cashe/raft';

interface PlannedNode {
  readonly replicaId: ReplicaId;
  readonly leaving: boolean;
}

interface MembershipInput {
  readonly self: ReplicaId;
  readonly nodes: readonly PlannedNode[];
  readonly configuration: Configuration;
  readonly replicationFactor: number;
  /** Voters above the factor become learners. */
  readonly demotes: boolean;
  /** Members that answer and whose log is close enough to the leader's to vote. */
  readonly caughtUp: ReadonlySet<ReplicaId>;
}

export type MembershipAction =
  | { readonly kind: 'change'; readonly change: MembershipChange }
  /** The leader itself must go: hand over first. */
  | { readonly kind: 'transfer'; readonly to: ReplicaId }
  /** The node is in no configuration any more: drop its record. */
  | { readonly kind: 'dropNode'; readonly replicaId: ReplicaId };

/** Largest odd number not above both the factor and the nodes that stay. */
export function targetVoters(replicationFactor: number, nodeCount: number): number {
  const most = Math.max(1, Math.min(replicationFactor, nodeCount));
  return most % 2 === 1 ? most : most - 1;
}

export function planMembership(input: MembershipInput): MembershipAction | undefined {
  const { configuration, nodes } = input;
  if (configuration.votersOutgoing.length > 0) return undefined;
  return (
    planDrop(nodes, configuration) ??
    planAdmission(nodes, configuration) ??
    planRemoval(input) ??
    planPromotion(input) ??
    planDemotion(input)
  );
}

function isMember(configuration: Configuration, id: ReplicaId): boolean {
  return configuration.voters.includes(id) || configuration.learners.includes(id);
}

/** A node that was asked to leave and has left. */
function planDrop(
  nodes: readonly PlannedNode[],
  configuration: Configuration,
): MembershipAction | undefined {
  const gone = nodes.find((node) => node.leaving && !isMember(configuration, node.replicaId));
  return gone && { kind: 'dropNode', replicaId: gone.replicaId };
}

function planAdmission(
  nodes: readonly PlannedNode[],
  configuration: Configuration,
): MembershipAction | undefined {
  const fresh = nodes.find((node) => !node.leaving && !isMember(configuration, node.replicaId));
  return fresh && change({ kind: 'addLearner', replicaId: fresh.replicaId });
}

function planRemoval(input: MembershipInput): MembershipAction | undefined {
  const { configuration, nodes } = input;
  const known = new Map(nodes.map((node) => [node.replicaId, node]));
  const mustGo = (id: ReplicaId): boolean => known.get(id)?.leaving ?? true;
  const learner = configuration.learners.find(mustGo);
  if (learner !== undefined) return change({ kind: 'removeLearner', replicaId: learner });
  const going = configuration.voters.filter(mustGo);
  // The leader goes last, so that it can see the others off.
  const others = going.filter((id) => id !== input.self);
  const voter = others.length > 0 ? others.find((id) => canDoWithout(input, id)) : going[0];
  if (voter === undefined) return undefined;
  const alone = configuration.voters.length === 1;
  if (voter === input.self && !alone) return planHandOver(input, mustGo);
  const staying = nodes.filter((node) => !node.leaving).length;
  const target = targetVoters(input.replicationFactor, staying);
  if (configuration.learners.length > 0 && (alone || configuration.voters.length <= target)) {
    // Another member could vote instead: swap once it has caught up, in one joint change.
    const spare = configuration.learners.find((id) => input.caughtUp.has(id));
    if (spare === undefined) return undefined;
    return change({
      kind: 'joint',
      voters: [...configuration.voters.filter((id) => id !== voter), spare],
      learners: configuration.learners.filter((id) => id !== spare),
    });
  }
  // The last voter cannot leave: it only stops (R26).
  return alone ? undefined : change({ kind: 'removeVoter', replicaId: voter });
}

/**
 * Whether a quorum of the voters that remain answers now: while one voter is lost, removing another
 * that works would leave a group in which nothing commits any more, its own repair included.
 */
function canDoWithout({ configuration, caughtUp }: MembershipInput, id: ReplicaId): boolean {
  const remaining = configuration.voters.filter((voter) => voter !== id);
  const answering = remaining.filter((voter) => caughtUp.has(voter));
  return remaining.length === 0 || answering.length > remaining.length / 2;
}

function planHandOver(
  input: MembershipInput,
  mustGo: (id: ReplicaId) => boolean,
): MembershipAction | undefined {
  const others = input.configuration.voters.filter((id) => id !== input.self && !mustGo(id));
  const to = others.find((id) => input.caughtUp.has(id));
  return to === undefined ? undefined : { kind: 'transfer', to };
}

/** Caught-up learners are promoted together, and only when that reaches the target. */
function planPromotion(input: MembershipInput): MembershipAction | undefined {
  const { configuration } = input;
  const staying = input.nodes.filter((node) => !node.leaving).length;
  const missing = targetVoters(input.replicationFactor, staying) - configuration.voters.length;
  if (missing <= 0) return undefined;
  const candidates = configuration.learners.filter((id) => input.caughtUp.has(id));
  if (candidates.length < missing) return undefined;
  const promoted = candidates.slice(0, missing);
  return change({
    kind: 'joint',
    voters: [...configuration.voters, ...promoted],
    learners: configuration.learners.filter((id) => !promoted.includes(id)),
  });
}

/**
 * After the factor was lowered: the leader stays, then who answers, and all others become learners
 * in one change; not while those that stay would have no quorum that answers.
 */
function planDemotion(input: MembershipInput): MembershipAction | undefined {
  const { self, configuration, replicationFactor, caughtUp } = input;
  const { voters, learners } = configuration;
  if (!input.demotes || voters.length <= replicationFactor) return undefined;
  const staying = input.nodes.filter((node) => !node.leaving).length;
  const rank = (id: ReplicaId): number => (id === self ? 0 : caughtUp.has(id) ? 1 : 2);
  const ranked = [...voters].sort((a, b) => rank(a) - rank(b) || a - b);
  const kept = ranked.slice(0, targetVoters(replicationFactor, staying));
  const answering = kept.filter((id) => caughtUp.has(id));
  if (answering.length <= kept.length / 2) return undefined;
  const demoted = voters.filter((id) => !kept.includes(id));
  return change({
    kind: 'joint',
    voters: voters.filter((id) => kept.includes(id)),
    learners: [...learners, ...demoted],
  });
}

function change(membershipChange: MembershipChange): MembershipAction {
  return { kind: 'change', change: membershipChange };
}
