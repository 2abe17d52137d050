/**
 * When a leader proposes, and what it adds to its entries: cluster time, recency hints, now and
 * then its digest (R12, R16, R18); when an entry is due for the clock's sake alone (R16, R17).
 */
import { recencyHintBytesMax } from '@cashe/codec';
import type { LogIndex } from '@cashe/raft';
import { RecencyHints } from '@cashe/store';
import type { LogStamp } from './log-stamp.js';
import type { ReplicaContext, ReplicaView } from './replica-context.js';
import type { ReplicaDigests } from './replica-digests.js';
import type { EntryStamp } from './writes.js';

export class LeaderStamp {
  readonly hints: RecencyHints = new RecencyHints();
  readonly #replica: ReplicaView;
  readonly #context: ReplicaContext;
  readonly #digests: ReplicaDigests;
  readonly #log: LogStamp;
  /** Where the entry that restarts the leases was appended; 0: it is still to be proposed. */
  #restartIndex: LogIndex = 0;
  /** Entry last proposed for the clock's sake; another one waits until it is applied. */
  #clockIndex: LogIndex = 0;
  #clockAtMs = 0;
  #isSettled = false;

  constructor(
    replica: ReplicaView,
    context: ReplicaContext,
    digests: ReplicaDigests,
    log: LogStamp,
  ) {
    this.#replica = replica;
    this.#context = context;
    this.#digests = digests;
    this.#log = log;
  }

  /** This replica became leader: cluster time goes on from the highest that is known (R16). */
  lead(): void {
    const { clusterClock, store } = this.#replica;
    const { clock } = this.#context;
    const nowMs = clock.nowMs();
    const last = {
      timeMs: Math.max(this.#log.clusterTimeMs(), store.stats().clusterTimeMs),
      term: this.#log.term(),
      wallGapMs: this.#log.wallGapMs(clock.wallMs()),
    };
    clusterClock.lead(last, this.#replica.term, nowMs);
    this.#isSettled = false;
    this.#restartIndex = 0;
    this.#clockIndex = 0;
    this.#clockAtMs = nowMs;
  }

  /**
   * A new leader proposes for clients only once it has applied everything from before its term: the
   * policy that decides about them may be changed by what it has not applied yet (R40).
   */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  stepDown(): void {
    this.#replica.clusterClock.stepDown();
    this.hints.take();
    this.#digests.clear();
  }

  /** For the next entry; hints only as far as `roomBytes` allow. */
  next(roomBytes: number): EntryStamp {
    const { clusterClock } = this.#replica;
    return {
      clusterTimeMs: clusterClock.stamp(this.#context.clock.nowMs()),
      restartLeases: clusterClock.isProvisional && this.#restartIndex === 0,
      recencyHints: roomBytes > 0 ? latestWithin(this.hints.take(), roomBytes) : [],
      digest: this.#digests.due(),
    };
  }

  /** Entries were appended from `firstIndex` on; the first that restarts the leases is enough. */
  appended(stamps: readonly { readonly restartLeases: boolean }[], firstIndex: LogIndex): void {
    if (!this.#replica.clusterClock.isProvisional || this.#restartIndex !== 0) return;
    const place = stamps.findIndex((stamp) => stamp.restartLeases);
    if (place >= 0) this.#restartIndex = firstIndex + place;
  }

  /** True when the leader has just settled: what is queued can be proposed. */
  applied(index: LogIndex): boolean {
    const { clusterClock, raft } = this.#replica;
    if (clusterClock.isUnsettled && raft.status().ownTermCommitted) clusterClock.settle();
    if (this.#restartIndex !== 0 && index >= this.#restartIndex) clusterClock.confirm();
    if (this.#isSettled || !this.#replica.leads) return false;
    const { commitIndex, ownTermCommitted } = raft.status();
    this.#isSettled = ownTermCommitted && index >= commitIndex;
    return this.#isSettled;
  }

  /** Whether an entry is due that carries nothing but the clock. */
  clockDue(readWaits: boolean): boolean {
    const { store, clusterClock } = this.#replica;
    if (this.#clockIndex > store.appliedIndex) return false;
    const nowMs = this.#context.clock.nowMs();
    if (readWaits || store.nextExpiryMs() <= clusterClock.stamp(nowMs)) return true;
    const old = nowMs - this.#clockAtMs >= this.#context.config.clockEntryMs;
    const restart = clusterClock.isProvisional && this.#restartIndex === 0;
    return (old || restart) && store.needsClock();
  }

  /** The clock's entry was appended at `index`; 0: it was not. */
  clockProposed(index: LogIndex): void {
    this.#clockIndex = index;
    this.#clockAtMs = this.#context.clock.nowMs();
  }
}

/** The most recently read keys whose bytes fit; those read longest ago go first (R18). */
function latestWithin(keys: readonly string[], bytesMax: number): readonly string[] {
  let bytes = 0;
  for (let i = keys.length - 1; i >= 0; i -= 1) {
    bytes += recencyHintBytesMax(keys[i] as string);
    if (bytes > bytesMax) return keys.slice(i + 1);
  }
  return keys;
}
