/**
 * The leader's count of the replicas' digests (R12). Once a majority of the voters agrees on the
 * digest of an index, whoever differs must stop; when all voters answered and no majority agrees,
 * nobody can be trusted and all stop.
 */
import type { Configuration, LogIndex, ReplicaId } from '@cashe/raft';
import type { Digest } from './ports.js';

type DigestDecision =
  | { readonly kind: 'open' }
  | { readonly kind: 'agreed'; readonly digest: Digest; readonly differing: readonly ReplicaId[] }
  | { readonly kind: 'split'; readonly index: LogIndex };

/** Indices counted at a time; the oldest goes, which only loses one comparison. */
const INDICES_MAX = 8;

export class DigestVotes {
  readonly #votes: Map<LogIndex, Map<ReplicaId, Digest>> = new Map();

  clear(): void {
    this.#votes.clear();
  }

  report(from: ReplicaId, digest: Digest, configuration: Configuration): DigestDecision {
    let votes = this.#votes.get(digest.index);
    if (votes === undefined) {
      votes = new Map();
      this.#votes.set(digest.index, votes);
      const oldest = this.#votes.keys().next().value;
      if (this.#votes.size > INDICES_MAX && oldest !== undefined) this.#votes.delete(oldest);
    }
    votes.set(from, digest);
    return decide(votes, configuration, digest.index);
  }
}

function decide(
  votes: ReadonlyMap<ReplicaId, Digest>,
  configuration: Configuration,
  index: LogIndex,
): DigestDecision {
  // While joint two majorities count; the next digest comes when the change is through.
  if (configuration.votersOutgoing.length > 0) return { kind: 'open' };
  const { voters } = configuration;
  for (const voter of voters) {
    const digest = votes.get(voter);
    if (digest === undefined) continue;
    const agreeing = voters.filter((other) => same(votes.get(other), digest));
    if (agreeing.length * 2 <= voters.length) continue;
    const differing = [...votes].filter(([, other]) => !same(other, digest)).map(([id]) => id);
    return { kind: 'agreed', digest, differing };
  }
  return voters.every((voter) => votes.has(voter)) ? { kind: 'split', index } : { kind: 'open' };
}

function same(a: Digest | undefined, b: Digest): boolean {
  return a !== undefined && a.high === b.high && a.low === b.low;
}
