/**
 * Keeps a message with an absurd term away from the core. A replica adopts the term of whatever a
 * peer sends (section 5.1) and writes it down: after the largest number there is, no campaign could
 * ever follow. Terms grow by one with an election, so no correct peer is that far ahead.
 */
import type { Term } from '@cashe/raft';
import type { Clock, Logger, PeerMessage } from './ports.js';

/** An election every 200 ms takes 27 years to get so far ahead of a replica that is away. */
export const TERM_AHEAD_MAX: Term = 2 ** 32;

/** Between two warnings; what is refused meanwhile is counted in the next one. */
const WARNING_MS = 60_000;

export class TermGate {
  readonly #clock: Clock;
  readonly #log: Logger;
  #warnedAtMs = Number.NEGATIVE_INFINITY;
  #refusedCount = 0;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** False for a message that a replica in `currentTerm` must not see: as if it were lost. */
  admits(message: PeerMessage, group: number, currentTerm: Term): boolean {
    const { kind, from, term } = message;
    if (term <= currentTerm + TERM_AHEAD_MAX) return true;
    this.#refusedCount += 1;
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#warnedAtMs >= WARNING_MS) {
      const messages = this.#refusedCount;
      this.#log.warn('term too far ahead', { group, kind, from, term, currentTerm, messages });
      this.#warnedAtMs = nowMs;
      this.#refusedCount = 0;
    }
    return false;
  }
}
