import type { OpCall } from './op-call.js';

const compactAt = 1024;

/**
 * Calls that wait to be sealed into a batch, in call order. Settled ones may still be in it until
 * the next sweep. Bounded by waitingOpsMax over all queues of a core.
 */
export class CallQueue {
  #calls: OpCall[] = [];
  #head = 0;
  /** No call in the queue has an earlier deadline. */
  #earliestMs = Infinity;

  get isEmpty(): boolean {
    return this.#head === this.#calls.length;
  }

  get length(): number {
    return this.#calls.length - this.#head;
  }

  push(call: OpCall): void {
    this.#calls.push(call);
    if (call.caller.deadlineMs < this.#earliestMs) this.#earliestMs = call.caller.deadlineMs;
  }

  /** The first call that is not settled. */
  peek(): OpCall | undefined {
    for (;;) {
      const call = this.#calls[this.#head];
      if (call === undefined || !call.isSettled) return call;
      this.shift();
    }
  }

  shift(): void {
    this.#head += 1;
    if (this.#head === this.#calls.length) {
      this.#calls = [];
      this.#head = 0;
      this.#earliestMs = Infinity;
    } else if (this.#head >= compactAt && this.#head * 2 >= this.#calls.length) {
      this.#calls.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Puts calls that were sealed before back in front of all others. */
  unshift(calls: readonly OpCall[]): void {
    const rest = this.#calls.slice(this.#head);
    this.#calls = [];
    this.#head = 0;
    for (const call of calls) this.push(call);
    for (const call of rest) this.push(call);
  }

  /** Gives every call to `expire` whose deadline is over, and forgets the settled ones. */
  sweep(nowMs: number, hasAborted: boolean, expire: (call: OpCall) => void): void {
    if (nowMs < this.#earliestMs && !hasAborted) return;
    const calls = this.#calls.slice(this.#head);
    this.#calls = [];
    this.#head = 0;
    this.#earliestMs = Infinity;
    for (const call of calls) {
      if (call.caller.deadlineMs <= nowMs) expire(call);
      if (!call.isSettled) this.push(call);
    }
  }

  /** Empties the queue. */
  takeAll(): OpCall[] {
    const calls = this.#calls.slice(this.#head);
    this.#calls = [];
    this.#head = 0;
    this.#earliestMs = Infinity;
    return calls;
  }
}
