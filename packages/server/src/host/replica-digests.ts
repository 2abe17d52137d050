/**
 * Comparing replicas (R12): the leader attaches its digest now and then, every replica answers
 * with its own at that index, the leader counts. Who differs from the majority stops the node.
 */
import type { StateDigest } from '@cashe/codec';
import type { LogIndex } from '@cashe/raft';
import { DigestVotes } from './digest-votes.js';
import type { Digest, DigestReport, DigestVerdict } from './ports.js';
import type { ReplicaContext, ReplicaView } from './replica-context.js';

class DivergenceError extends Error {
  override readonly name = 'DivergenceError';
}

export class ReplicaDigests {
  readonly #replica: ReplicaView;
  readonly #context: ReplicaContext;
  readonly #votes: DigestVotes = new DigestVotes();
  #lastIndex: LogIndex = 0;

  constructor(replica: ReplicaView, context: ReplicaContext) {
    this.#replica = replica;
    this.#context = context;
  }

  clear(): void {
    this.#votes.clear();
  }

  /** Leader: the digest to attach to the next entry, now and then. */
  due(): StateDigest | undefined {
    const { appliedIndex } = this.#replica.store;
    if (appliedIndex - this.#lastIndex < this.#context.config.digestEntries) return undefined;
    this.#lastIndex = appliedIndex;
    return this.#replica.store.digestAt(appliedIndex);
  }

  /** An applied entry carried the leader's digest: answer with this replica's. */
  applied(index: LogIndex, carried: StateDigest | undefined): void {
    if (carried === undefined) return;
    this.#lastIndex = index;
    const own = this.#replica.store.digestAt(carried.index);
    const { leaderId, replicaId, term } = this.#replica;
    if (own === undefined || leaderId === 0) return;
    if (leaderId === replicaId) this.#count(replicaId, own);
    else {
      const report = { kind: 'digestReport', from: replicaId, to: leaderId, term } as const;
      this.#context.transport.send(this.#replica.group, { ...report, digest: own });
    }
  }

  onReport(message: DigestReport): void {
    if (this.#replica.leads) this.#count(message.from, message.digest);
  }

  onVerdict(message: DigestVerdict): void {
    this.#obey(message.digest, message.agreed);
  }

  #count(from: number, digest: Digest): void {
    const { configuration } = this.#replica.raft.status();
    const decision = this.#votes.report(from, digest, configuration);
    if (decision.kind === 'open') return;
    if (decision.kind === 'split') {
      this.#announce({ index: decision.index, high: 0, low: 0 }, false);
      this.#obey({ index: decision.index, high: 0, low: 0 }, false);
    } else if (decision.differing.length > 0) {
      this.#announce(decision.digest, true);
      this.#obey(decision.digest, true);
    }
  }

  #announce(digest: Digest, agreed: boolean): void {
    const { raft, replicaId, term, group } = this.#replica;
    for (const { replicaId: to } of raft.status().progress) {
      const verdict = { kind: 'digestVerdict', from: replicaId, to, term, digest, agreed } as const;
      this.#context.transport.send(group, verdict);
    }
  }

  #obey(digest: Digest, agreed: boolean): void {
    const own = this.#replica.store.digestAt(digest.index);
    if (own === undefined) return;
    if (agreed && own.high === digest.high && own.low === digest.low) return;
    const reason = agreed ? 'differs from the majority' : 'no majority agrees';
    this.#context.fatal(
      new DivergenceError(
        `group ${this.#replica.group}: state digest at index ${digest.index}: ${reason}`,
      ),
    );
  }
}
