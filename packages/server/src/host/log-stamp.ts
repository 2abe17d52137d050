/**
 * The cluster time of the last normal entry in a replica's log, and when it was written (R16).
 * Decoded only when asked: a replica needs it once, when it becomes leader.
 */
import { decodeEntry } from '@cashe/codec';
import type { Entry, Term } from '@cashe/raft';

export class LogStamp {
  #entry: Entry | undefined;
  /** Wall time in the header of the block that held it; only for entries read at boot. */
  #wallMs: number;
  /** Of the last entry in the newest snapshot this replica was restored from. */
  #snapshotTerm: Term;

  constructor(entry: Entry | undefined, wallMs: number, snapshotTerm: Term) {
    this.#entry = entry;
    this.#wallMs = wallMs;
    this.#snapshotTerm = snapshotTerm;
  }

  /** A snapshot replaces the log. */
  installed(snapshotTerm: Term): void {
    this.#snapshotTerm = snapshotTerm;
  }

  /** Of the leader who stamped last, or of a later one. */
  term(): Term {
    return Math.max(this.#entry?.term ?? 0, this.#snapshotTerm);
  }

  appended(entries: readonly Entry[]): void {
    for (let i = entries.length - 1; i >= 0; i -= 1) {
      const entry = entries[i];
      if (entry?.kind !== 'normal') continue;
      this.#entry = entry;
      this.#wallMs = 0;
      return;
    }
  }

  clusterTimeMs(): number {
    return this.#entry === undefined ? 0 : decodeEntry(this.#entry.data).header.clusterTimeMs;
  }

  /** Wall time since the last entry was written; 0 when this process wrote it. */
  wallGapMs(wallNowMs: number): number {
    return this.#wallMs === 0 ? 0 : wallNowMs - this.#wallMs;
  }
}
