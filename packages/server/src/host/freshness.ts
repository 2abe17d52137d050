/** How old a replica's state is (R24): since when it holds all that the leader had committed. */
import type { LogIndex } from '@cashe/raft';

export class Freshness {
  #heardCommit: LogIndex = 0;
  #heardAtMs = 0;
  #freshAtMs = 0;

  /** A message of the current leader told how far it has committed. */
  heard(commitIndex: LogIndex, nowMs: number): void {
    this.#heardCommit = commitIndex;
    this.#heardAtMs = nowMs;
  }

  applied(index: LogIndex): void {
    if (index >= this.#heardCommit) this.#freshAtMs = this.#heardAtMs;
  }

  /** undefined while nothing was heard since the replica started. */
  ageMs(nowMs: number): number | undefined {
    return this.#freshAtMs === 0 ? undefined : nowMs - this.#freshAtMs;
  }
}
