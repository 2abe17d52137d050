/**
 * Virtual time: a binary heap of what is due, in the order (time, order of scheduling). Every event
 * that runs goes into a rolling hash, so that two runs that differ anywhere end with other digests.
 */
import { SimulationFailure } from './failure.js';

/** More events within one virtual millisecond are a loop that never rests. */
const SPINS_MAX = 50_000;

interface Event {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export interface Timer {
  cancel(): void;
}

export class VirtualTime {
  nowMs = 0;
  /** Events run so far. */
  events = 0;
  #hash = 0x811c9dc5;
  #order = 0;
  #spins = 0;
  readonly #heap: Event[] = [];

  get hash(): number {
    return this.#hash >>> 0;
  }

  /** Mixes a number into the run's digest. */
  note(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), 0x01000193);
    this.#hash ^= this.#hash >>> 15;
  }

  after(ms: number, run: () => void): Timer {
    this.#order += 1;
    const event: Event = { atMs: this.nowMs + Math.max(0, ms), order: this.#order, run };
    this.#push(event);
    return {
      cancel: () => {
        event.run = undefined;
      },
    };
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    const event = this.#pop();
    if (event === undefined) return false;
    if (Math.floor(event.atMs) > Math.floor(this.nowMs)) this.#spins = 0;
    this.nowMs = event.atMs;
    const { run } = event;
    if (run === undefined) return true;
    this.#spins += 1;
    if (this.#spins > SPINS_MAX) throw new SimulationFailure('liveness', 'work without end');
    this.events += 1;
    this.note(event.order);
    this.note(event.atMs * 1000);
    run();
    return true;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Event;
      if (!isBefore(event, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      const right = below + 1;
      if (right < heap.length && isBefore(heap[right] as Event, heap[below] as Event)) {
        below = right;
      }
      const child = heap[below] as Event;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
