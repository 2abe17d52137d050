/** Time that passes only while a test waits, for everything that runs on one host cluster. */
import type { TimerHandle } from '../../src/host/ports.js';

/** More events than that at one point of time are a loop that never rests. */
const SPINS_MAX = 5_000;

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** Virtual time: what is due runs in order, with all I/O it started finished before the next. */
export class VirtualTime {
  nowMs = 0;
  #order = 0;
  #events: Event[] = [];
  /** Events at one point of time. */
  #spins = 0;

  at(atMs: number, run: () => void): TimerHandle {
    this.#order += 1;
    const event = { atMs, order: this.#order, run, cancelled: false };
    const place = this.#events.findIndex((other) => other.atMs > atMs);
    if (place < 0) this.#events.push(event);
    else this.#events.splice(place, 0, event);
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  /** Runs until `done` holds; throws when it does not within `withinMs` of virtual time. */
  async until(done: () => boolean, withinMs: number, what: string): Promise<void> {
    const endMs = this.nowMs + withinMs;
    while (!done()) {
      const event = this.#events.shift();
      if (event === undefined || event.atMs > endMs) throw new Error(`not in time: ${what}`);
      if (event.atMs > this.nowMs) this.#spins = 0;
      this.#spins += 1;
      if (this.#spins > SPINS_MAX) throw new Error(`turns without end at ${this.nowMs}: ${what}`);
      this.nowMs = Math.max(this.nowMs, event.atMs);
      if (!event.cancelled) event.run();
      // The memory disk answers by microtasks: let them finish.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Waits for something that needs no time to pass, only what is due now. */
  async settle<Value>(promise: Promise<Value>): Promise<Value> {
    let over = false;
    const end = (): void => {
      over = true;
    };
    promise.then(end, end);
    while (!over) {
      const due = this.#events[0];
      if (due !== undefined && due.atMs <= this.nowMs) {
        this.#events.shift();
        if (!due.cancelled) due.run();
      }
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return promise;
  }

  async run(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    let over = false;
    this.at(endMs, () => {
      over = true;
    });
    await this.until(() => over, ms, 'the time itself');
  }
}
