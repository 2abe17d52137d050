import type { Configuration, ReplicaId } from './types.js';

type VoteResult = 'won' | 'lost' | 'pending';

/**
 * The highest number that a majority of `voters` has reached. An empty set decides nothing and
 * therefore never holds back the other half of a joint configuration.
 */
export function majorityReached(
  voters: readonly ReplicaId[],
  reached: (id: ReplicaId) => number,
): number {
  if (voters.length === 0) return Number.MAX_SAFE_INTEGER;
  const values = voters.map(reached);
  values.sort((a, b) => b - a);
  return values[Math.floor(values.length / 2)] ?? 0;
}

/** As majorityReached, over both halves of a joint configuration (thesis section 4.3). */
export function quorumReached(
  configuration: Configuration,
  reached: (id: ReplicaId) => number,
): number {
  const incoming = majorityReached(configuration.voters, reached);
  const value = Math.min(incoming, majorityReached(configuration.votersOutgoing, reached));
  // No voters at all: a blank joiner's configuration, in which nothing can be decided.
  return value === Number.MAX_SAFE_INTEGER ? 0 : value;
}

/** What a majority of `voters` says; an id without an answer is absent from `votes`. */
export function majorityVote(
  voters: readonly ReplicaId[],
  votes: ReadonlyMap<ReplicaId, boolean>,
): VoteResult {
  const needed = Math.floor(voters.length / 2) + 1;
  let granted = 0;
  let rejected = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === true) granted += 1;
    else if (vote === false) rejected += 1;
  }
  if (granted >= needed) return 'won';
  return voters.length - rejected < needed ? 'lost' : 'pending';
}

/** The outcome of an election: joint configurations need both majorities. */
export function quorumVote(
  configuration: Configuration,
  votes: ReadonlyMap<ReplicaId, boolean>,
): VoteResult {
  const incoming = majorityVote(configuration.voters, votes);
  if (configuration.votersOutgoing.length === 0) return incoming;
  const outgoing = majorityVote(configuration.votersOutgoing, votes);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';
}
