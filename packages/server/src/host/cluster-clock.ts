/**
 * Cluster time (R16): ms since genesis, carried by the log and by the leader's messages. Not wall
 * time. Every estimate is a lower bound of what its leader has reached, and is worth nothing once a
 * later leader has stamped entries: that one may have started from less, and a lease it began must
 * not be judged by a clock that runs ahead of its own.
 */
interface HeardTime {
  readonly timeMs: number;
  /** Of the leader it comes from. */
  readonly term: number;
}

interface Estimate extends HeardTime {
  /** Local monotonic time it was known at. */
  readonly atMs: number;
  /** Of its growth to that of the local clock: 1 where this replica's own clock is the leader's. */
  readonly rate: number;
}

/** What a new leader's log says of the time. */
export interface LastStamp {
  readonly timeMs: number;
  /** Of the last entry that carries a time. */
  readonly term: number;
  /** Wall time since it was written; used only when nobody has an estimate. */
  readonly wallGapMs: number;
}

/** What a leader's messages say of the time. */
export interface ClockedMessage {
  readonly clusterTime: number;
  readonly term: number;
}

export class ClusterClock {
  /** undefined: nothing but the log told the time since this process started. */
  #estimate: Estimate | undefined;
  #vote: HeardTime | undefined;
  /** What is known apart from leading; undefined: this time is the cluster's, or we do not lead. */
  #beforeLeading: { readonly estimate: Estimate | undefined } | undefined;
  /** Leading on the fallback of R16, and the entry that restarts all leases is not applied yet. */
  #provisional = false;

  /** This replica's estimate; 0 while nothing has told the time since it started. */
  estimate(nowMs: number): number {
    const known = this.#estimate;
    return known === undefined ? 0 : known.timeMs + (nowMs - known.atMs) * known.rate;
  }

  /** What others may be told; 0 while this leader's time may still be replaced by another's. */
  told(nowMs: number): number {
    return this.#beforeLeading !== undefined || this.#provisional ? 0 : this.stamp(nowMs);
  }

  /** Until when a stale read may call a lease over; 0 while all leases are about to restart. */
  hiddenUntil(nowMs: number): number {
    return this.#provisional ? 0 : this.stamp(nowMs);
  }

  /** The term of the leader whose time `told` goes on with. */
  get toldTerm(): number {
    return this.#estimate?.term ?? 0;
  }

  /** A message of the leader of `term` carried `timeMs`; 0: it does not say. */
  observe(timeMs: number, term: number, nowMs: number): void {
    const known = this.#estimate;
    if (timeMs === 0 || (known !== undefined && term < known.term)) return;
    if (known?.term === term && timeMs <= this.estimate(nowMs)) return;
    this.#estimate = { timeMs, atMs: nowMs, term, rate: HEARD_RATE };
  }

  /** A voter's estimate and the term of the leader it has it from; 0 when it has none. */
  observeVote(timeMs: number, term: number): void {
    const vote = this.#vote;
    if (timeMs === 0 || (vote !== undefined && term < vote.term)) return;
    if (vote === undefined || term > vote.term || timeMs > vote.timeMs) {
      this.#vote = { timeMs, term };
    }
  }

  /**
   * Starts counting as leader of `term`. The wall clock serves only when neither this replica nor a
   * voter has an estimate that is still worth something. In that case all leases must restart at
   * full length, and until an entry that says so is applied nobody is told the time.
   */
  lead(last: LastStamp, term: number, nowMs: number): void {
    const before = this.#estimate;
    const own = before !== undefined && before.term >= last.term ? this.estimate(nowMs) : 0;
    const vote = this.#vote !== undefined && this.#vote.term >= last.term ? this.#vote.timeMs : 0;
    this.#vote = undefined;
    const isTold = own > 0 || vote > 0;
    const gapMs = isTold ? 0 : Math.min(Math.max(last.wallGapMs, 0), WALL_GAP_MS_MAX);
    const timeMs = Math.max(last.timeMs + gapMs, own, vote);
    this.#estimate = { timeMs, atMs: nowMs, term, rate: 1 };
    this.#beforeLeading = { estimate: before };
    this.#provisional = !isTold && last.timeMs > 0;
  }

  get isProvisional(): boolean {
    return this.#provisional;
  }

  /** Leading, and no entry of the own term is known to be committed. */
  get isUnsettled(): boolean {
    return this.#beforeLeading !== undefined;
  }

  /** An own entry is committed: every later leader has it, and knows whose time counts. */
  settle(): void {
    this.#beforeLeading = undefined;
  }

  /** The entry that restarts the leases is applied: from here on the time is the cluster's. */
  confirm(): void {
    this.#provisional = false;
  }

  /** No longer leader. A time that was never the cluster's is forgotten. */
  stepDown(): void {
    if (this.#beforeLeading !== undefined) this.#estimate = this.#beforeLeading.estimate;
    else if (this.#provisional) this.#estimate = undefined;
    this.#beforeLeading = undefined;
    this.#provisional = false;
  }

  /** The estimate as an integer: for an entry, or for what is read. */
  stamp(nowMs: number): number {
    return Math.floor(this.estimate(nowMs));
  }
}

/**
 * The clocks of two nodes differ in rate by at most 0.2 %: each has 500 ppm of slewing and as much
 * of its own. What was heard grows by that much less than the local clock. Else the maximum over
 * all messages of a term would keep the error of the whole term, not that since the last message:
 * the estimate of a quicker clock would be ahead of its leader, by more the longer that one leads.
 */
const HEARD_RATE = 1 - 0.002;

/** Clock fallback never jumps further than this (R16). */
const WALL_GAP_MS_MAX = 3_600_000;
