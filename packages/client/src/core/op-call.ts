import type { Op, ReadResult } from '@cashe/codec';
import type { CasheError } from './error.js';

/** The sampled trace that a call belongs to. */
export interface CallTrace {
  /** W3C Trace Context of the call's span. */
  readonly traceparent: string;
  /** The call travels in a batch that belongs to the trace of another call. */
  joined(traceparent: string): void;
}

/**
 * Who waits for one or more ops. Each op it submits is settled by exactly one call of one of the
 * three methods, with the index it was submitted with. They must not throw; they may submit again.
 */
export interface Caller {
  /** Monotonic ms; the op is settled by then (within one sweep). */
  readonly deadlineMs: number;
  /** Reads only: be served by the node that is reached, from what it has applied. */
  readonly isStale: boolean;
  /** undefined: nobody traces this call. */
  readonly trace?: CallTrace | undefined;
  /** `found` is false for a delete of an absent key; the revision is then 0. */
  onWritten(index: number, revision: number, found: boolean): void;
  /**
   * `result.value` is a view on the received message: copy what is kept. `ageMs` is how old the
   * answering replica's state may be; only stale reads are answered with anything but 0.
   */
  onRead(index: number, result: ReadResult, ageMs: number): void;
  onFailed(index: number, error: CasheError): void;
}

/** One submitted op until it is settled. */
export class OpCall {
  readonly caller: Caller;
  readonly op: Op;
  readonly index: number;
  /** Upper bound of its encoded size. */
  readonly bytes: number;
  /** Place among the calls of its core: reads wait for the writes called before them (R13). */
  readonly position: number;
  isSettled = false;
  /** True until it is sealed into a batch: nobody outside has seen it. */
  isWaiting = true;

  constructor(caller: Caller, op: Op, index: number, position: number) {
    this.caller = caller;
    this.op = op;
    this.index = index;
    this.position = position;
    // 3: UTF-8 bytes per UTF-16 unit at most; 32: tags, lengths and TTL.
    this.bytes = op.value.length + op.key.length * 3 + 32;
  }

  get isWrite(): boolean {
    return this.op.kind === 'set' || this.op.kind === 'delete';
  }
}
