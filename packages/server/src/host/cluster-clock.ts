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

  /** This replica's estimate; 0 while nothing has told the time since it started. */
  estimate(nowMs: number): number {
    return this.#known ? this.#timeMs + (nowMs - this.#atMs) : 0;
  }

  /** A message of the current term's leader carried `timeMs`. */
  observe(timeMs: number, nowMs: number): void {
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
   * nor a voter has an estimate. Returns true in that case: leases restart at full length.
   */
  lead(lastStampMs: number, wallGapMs: number, nowMs: number): boolean {
    const told = this.#known || this.#voteMs > 0;
    const gapMs = told ? 0 : Math.min(Math.max(wallGapMs, 0), WALL_GAP_MS_MAX);
    this.#timeMs = Math.max(lastStampMs + gapMs, this.estimate(nowMs), this.#voteMs);
    this.#atMs = nowMs;
    this.#known = true;
    return !told && lastStampMs > 0;
  }

  /** Integer stamp for an entry or a message; only while leading. */
  stamp(nowMs: number): number {
    return Math.floor(this.estimate(nowMs));
  }
}

/** Clock fallback never jumps further than this (R16). */
const WALL_GAP_MS_MAX = 3_600_000;
