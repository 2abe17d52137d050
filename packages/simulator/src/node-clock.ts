/**
 * The clocks of one node: monotonic time that may drift or stand still (a suspended machine), and
 * wall time that may jump or freeze (R16, R17: neither may expire a key early).
 */
import type { Clock } from '@cashe/server/host';
import type { VirtualTime } from './virtual-time.js';

const WALL_START_MS = 1_700_000_000_000;
/** A timer of a clock that stands still looks again after this long. */
const STILL_MS = 10;
/** Less than this early is on time: sums of fractions are not exact. */
const EARLY_MS = 1e-6;

export class NodeClock implements Clock {
  readonly #time: VirtualTime;
  /** What this process's clock does by itself. */
  #ownRate = 1;
  #rate = 1;
  #errorMs = 0;
  /** Virtual and local time when the rate last changed. */
  #sinceMs = 0;
  #localMs = 0;
  #wallOffsetMs = WALL_START_MS;
  #frozenWallMs: number | undefined;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  nowMs(): number {
    return this.#localMs + (this.#time.nowMs - this.#sinceMs) * this.#rate;
  }

  wallMs(): number {
    return Math.max(0, this.#frozenWallMs ?? this.#wallOffsetMs + this.nowMs());
  }

  /** A new process: its monotonic time starts anywhere, and has its own slight drift. */
  restart(startMs: number, ownRate: number): void {
    const wallMs = this.#wallOffsetMs + this.nowMs();
    this.#turnTo((this.#rate / this.#ownRate) * ownRate);
    this.#ownRate = ownRate;
    this.#localMs = startMs;
    this.#wallOffsetMs = wallMs - startMs;
  }

  /** How much faster than by itself it goes from now on; 0: it stands still. */
  setRate(rate: number): void {
    this.#turnTo(rate * this.#ownRate);
  }

  /** By how much the rates that were set have moved it so far, either way. */
  errorMs(): number {
    const elapsedMs = this.#time.nowMs - this.#sinceMs;
    return this.#errorMs + Math.abs(this.#rate - this.#ownRate) * elapsedMs;
  }

  #turnTo(rate: number): void {
    this.#errorMs = this.errorMs();
    this.#localMs = this.nowMs();
    this.#sinceMs = this.#time.nowMs;
    this.#rate = rate;
  }

  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  freezeWall(): void {
    this.#frozenWallMs = this.wallMs();
  }

  thawWall(): void {
    this.#frozenWallMs = undefined;
  }

  /** Virtual time until the local clock shows `localMs`; 0: it does already. */
  untilMs(localMs: number): number {
    const leftMs = localMs - this.nowMs();
    if (leftMs < EARLY_MS) return 0;
    return this.#rate === 0 ? STILL_MS : leftMs / this.#rate;
  }
}
