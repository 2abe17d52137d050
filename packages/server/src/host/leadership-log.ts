/**
 * The log lines about who leads. A network that lets a node hear its leader only now and then makes
 * it lose and find it many times a second: each group has so many lines per window, and what is
 * left out is counted in the next one, which is written when the window ends if not before (R35).
 */
import type { Clock, Logger } from './ports.js';

interface LeadershipLine {
  readonly group: number;
  readonly role: string;
  readonly term: number;
  readonly leader: string;
}

/** What a group has told in the window. */
interface Told {
  readonly windowEndMs: number;
  lines: number;
  leftOut: number;
  /** The newest that was left out. */
  last: LeadershipLine | undefined;
}

const WINDOW_MS = 10_000;
/** An election that goes as it should takes less than ten. */
export const LEADERSHIP_LINES_MAX = 20;

export class LeadershipLog {
  readonly #log: Pick<Logger, 'info'>;
  readonly #clock: Pick<Clock, 'nowMs'>;
  /** One for each group at the most. */
  readonly #told = new Map<number, Told>();

  constructor(log: Pick<Logger, 'info'>, clock: Pick<Clock, 'nowMs'>) {
    this.#log = log;
    this.#clock = clock;
  }

  note(line: LeadershipLine): void {
    const told = this.#current(line.group);
    if (told.lines >= LEADERSHIP_LINES_MAX) {
      told.leftOut += 1;
      told.last = line;
      return;
    }
    told.lines += 1;
    this.#log.info('leadership', { ...line, ...(told.leftOut > 0 && { more: told.leftOut }) });
    told.leftOut = 0;
  }

  /** So that the last line about a group is true, also when nothing changes any more. */
  tick(): void {
    for (const [group, { last, windowEndMs, leftOut }] of this.#told) {
      if (last === undefined || this.#clock.nowMs() < windowEndMs) continue;
      // The line itself is none of those left out.
      this.#told.set(group, this.#window(leftOut - 1));
      this.note(last);
    }
  }

  #current(group: number): Told {
    const before = this.#told.get(group);
    if (before !== undefined && this.#clock.nowMs() < before.windowEndMs) return before;
    const told = this.#window(before?.leftOut ?? 0);
    this.#told.set(group, told);
    return told;
  }

  #window(leftOut: number): Told {
    const windowEndMs = this.#clock.nowMs() + WINDOW_MS;
    return { windowEndMs, lines: 0, leftOut, last: undefined };
  }
}
