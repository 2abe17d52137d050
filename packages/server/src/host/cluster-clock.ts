/**
 * Cluster time (R16): ms since genesis, carried by the log and by the leader's messages. Not wall
 * time. Every estimate is a lower bound of what the leader has reached, so a new leader that
 * starts from the highest one known to its voters never goes back and never expires a key early.
 */
export class ClusterClock {
  /** Highest known cluster time and the local monotonic time it was known at. */
  #timeMs = 0;
  #atMs = 0;
  /** Whether anything but the log told the time since this process started. */
  #known = false;
  #voteMs = 0;
  /** Leading on the fallback of R16, and the entry that restarts all leases is not applied yet. */
  #provisional = false;

  /** This replica's estimate; 0 while nothing has told the time since it started. */
  estimate(nowMs: number): number {
    return this.#known ? this.#timeMs + (nowMs - this.#atMs) : 0;
  }

  /** What others may be told; 0 while the time rests on the fallback alone. */
  told(nowMs: number): number {
    return this.#provisional ? 0 : this.stamp(nowMs);
  }

  /** A message of the current term's leader carried `timeMs`; 0: it does not say. */
  observe(timeMs: number, nowMs: number): void {
    if (timeMs === 0) return;
    if (this.#known && timeMs <= this.estimate(nowMs)) return;
    this.#timeMs = timeMs;
    this.#atMs = nowMs;
    this.#known = true;
  }

  /** A voter's estimate; 0 when it has none. */
  observeVote(timeMs: number): void {
    this.#voteMs = Math.max(this.#voteMs, timeMs);
  }

  /**
   * Starts counting as leader. `lastStampMs` is the stamp of the last entry in the log and
   * `wallGapMs` the wall time since that entry was written, used only when neither this replica
   * nor a voter has an estimate. In that case all leases must restart at full length, and until an
   * entry that says so is applied nobody is told the time: `isProvisional`.
   */
  lead(lastStampMs: number, wallGapMs: number, nowMs: number): void {
    const told = this.#known || this.#voteMs > 0;
    const gapMs = told ? 0 : Math.min(Math.max(wallGapMs, 0), WALL_GAP_MS_MAX);
    this.#timeMs = Math.max(lastStampMs + gapMs, this.estimate(nowMs), this.#voteMs);
    this.#atMs = nowMs;
    this.#known = true;
    this.#provisional = !told && lastStampMs > 0;
  }

  get isProvisional(): boolean {
    return this.#provisional;
  }

  /** The entry that restarts the leases is applied: from here on the time is the cluster's. */
  confirm(): void {
    this.#provisional = false;
  }

  /** No longer leader. A time that was never confirmed is forgotten. */
  stepDown(): void {
    if (this.#provisional) this.#known = false;
    this.#provisional = false;
  }

  /** The estimate as an integer: for an entry, or for what is read. */
  stamp(nowMs: number): number {
    return Math.floor(this.estimate(nowMs));
  }
}

/** Clock fallback never jumps further than this (R16). */
const WALL_GAP_MS_MAX = 3_600_000;
