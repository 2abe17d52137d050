import type { Clock, Random, Scheduler, TimerHandle } from './ports.js';

/** Exponential delays with jitter: each is between half and all of its step. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: Random;
  #stepMs = 0;

  constructor(minMs: number, maxMs: number, random: Random) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  nextMs(): number {
    this.#stepMs = Math.min(this.#maxMs, Math.max(this.#minMs, this.#stepMs * 2));
    return this.#stepMs * (0.5 + this.#random.fraction() / 2);
  }

  reset(): void {
    this.#stepMs = 0;
  }
}

interface HoldPorts {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
}

/** Keeps a lane from sending for a while after a refusal; at most one timer. */
export class Hold {
  readonly #scheduler: Scheduler;
  readonly #backoff: Backoff;
  readonly #onEnd: () => void;
  #timer: TimerHandle | undefined;

  constructor(
    ports: HoldPorts,
    bounds: { readonly minMs: number; readonly maxMs: number },
    onEnd: () => void,
  ) {
    this.#scheduler = ports.scheduler;
    this.#backoff = new Backoff(bounds.minMs, bounds.maxMs, ports.random);
    this.#onEnd = onEnd;
  }

  get isActive(): boolean {
    return this.#timer !== undefined;
  }

  begin(): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.#scheduler.schedule(this.#backoff.nextMs(), () => {
      this.#timer = undefined;
      this.#onEnd();
    });
  }

  /** Something was answered well: the next refusal starts with the shortest pause. */
  succeeded(): void {
    this.#backoff.reset();
  }

  /** Ends the pause now, without calling onEnd. */
  end(): void {
    if (this.#timer !== undefined) this.#scheduler.cancel(this.#timer);
    this.#timer = undefined;
  }
}
