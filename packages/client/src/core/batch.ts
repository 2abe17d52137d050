import { type Consistency, encodedOpBytes, type Limits, OpsEncoder } from '@cashe/codec';
import type { CallLedger } from './call-ledger.js';
import type { CallQueue } from './call-queue.js';
import type { CallTrace, OpCall } from './op-call.js';

/**
 * `live` callers wait · `executed` answered · `abandoned` its callers were told that the outcome is
 * unknown; it may still be sent to fill its number · `dead` its callers were told that it is not
 * committed: it must never be sent again.
 */
type WriteBatchState = 'live' | 'executed' | 'abandoned' | 'dead';

/** A batch of writes: same bytes in every transmission (R15). */
export class NumberedBatch {
  readonly calls: readonly OpCall[];
  readonly ops: Uint8Array;
  /** Trace context of the first traced call; it travels beside the ops. */
  readonly traceparent: string | undefined;
  /** The latest deadline of its callers. */
  readonly deadlineMs: number;
  /** No caller that waits has an earlier deadline. */
  earliestMs: number;
  /** 0 until it is numbered; its place in its session. */
  sequence = 0;
  state: WriteBatchState = 'live';
  needsSend = true;
  /** Transmissions without an answer on links that live. */
  pending = 0;
  /** Transmissions that may execute or have executed, without an answer that says so. */
  lost = 0;
  /** Number of its latest transmission. */
  transmission = 0;
  /** Term of the leader known when it was last sent. */
  sentTerm = 0;
  /** Answers that were not final: the first few are followed by a resend at once. */
  refusals = 0;
  /** What was answered last, for the error message. */
  refusal = '';

  constructor(calls: readonly OpCall[], ops: Uint8Array) {
    this.calls = calls;
    this.ops = ops;
    this.traceparent = traceOf(calls);
    this.deadlineMs = latestDeadline(calls);
    this.earliestMs = earliestDeadline(calls);
  }

  /** R15: only then may it be reported as not committed. Also true before the first one. */
  get isEveryTransmissionRefused(): boolean {
    return this.pending === 0 && this.lost === 0;
  }
}

/** A batch of reads; may be sent again at any time. */
export class ReadBatchCalls {
  readonly calls: readonly OpCall[];
  readonly ops: Uint8Array;
  readonly traceparent: string | undefined;
  readonly consistency: Consistency;
  readonly deadlineMs: number;
  earliestMs: number;
  /** Session and number of the last write called before these reads; see WriteLane. */
  readonly session: number;
  readonly sequence: number;
  /** Session that the latest transmission named; 0: none. */
  sentAfterSession = 0;
  needsSend = true;
  transmission = 0;
  sentTerm = 0;
  refusals = 0;
  refusal = '';

  constructor(
    calls: readonly OpCall[],
    ops: Uint8Array,
    consistency: Consistency,
    after: { readonly session: number; readonly sequence: number },
  ) {
    this.calls = calls;
    this.ops = ops;
    this.traceparent = traceOf(calls);
    this.consistency = consistency;
    this.session = after.session;
    this.sequence = after.sequence;
    this.deadlineMs = latestDeadline(calls);
    this.earliestMs = earliestDeadline(calls);
  }
}

/** A batch belongs to one trace: that of its first traced call; the others hear of it. */
function traceOf(calls: readonly OpCall[]): string | undefined {
  let first: CallTrace | undefined;
  let last: CallTrace | undefined;
  for (const { caller } of calls) {
    const { trace } = caller;
    // The ops of a *Many call are one call.
    if (trace === undefined || trace === last) continue;
    last = trace;
    if (first === undefined) first = trace;
    else trace.joined(first.traceparent);
  }
  return first?.traceparent;
}

function latestDeadline(calls: readonly OpCall[]): number {
  let latest = 0;
  for (const { caller } of calls) if (caller.deadlineMs > latest) latest = caller.deadlineMs;
  return latest;
}

export function earliestDeadline(calls: readonly OpCall[]): number {
  let earliest = Infinity;
  for (const call of calls) {
    const { deadlineMs } = call.caller;
    if (!call.isSettled && deadlineMs < earliest) earliest = deadlineMs;
  }
  return earliest;
}

/** Builds batches out of queued calls; one per core, its buffer is used over and over. */
export class Batcher {
  readonly #ledger: CallLedger;
  #encoder: OpsEncoder | undefined;
  #limits: Limits | undefined;

  constructor(ledger: CallLedger) {
    this.#ledger = ledger;
  }

  /**
   * Takes calls from the queue while they fit into one batch and were called before `position`.
   * `tag`: ends the bytes of a write batch (R14). Undefined when nothing was taken.
   */
  seal(
    queue: CallQueue,
    bounds: { readonly limits: Limits; readonly bytesMax: number; readonly position: number },
    makeTag: (() => Uint8Array) | undefined,
  ): { readonly calls: readonly OpCall[]; readonly ops: Uint8Array } | undefined {
    const { limits, bytesMax, position } = bounds;
    const encoder = this.#encoderFor(limits);
    const calls: OpCall[] = [];
    while (calls.length < limits.batchOpsMax) {
      const call = queue.peek();
      if (call === undefined || call.position > position) break;
      if (this.#isTooLarge(call, limits)) {
        queue.shift();
        continue;
      }
      // The estimate is never below the encoded size; 8: the tag.
      if (calls.length > 0 && encoder.byteLength + call.bytes + 8 > bytesMax) break;
      if (!encoder.add(call.op)) break;
      calls.push(call);
      this.#ledger.sealed(call);
      queue.shift();
    }
    if (calls.length === 0) return undefined;
    const ops = encoder.finish(makeTag?.());
    encoder.reset();
    return { calls, ops };
  }

  #encoderFor(limits: Limits): OpsEncoder {
    if (this.#encoder === undefined || this.#limits?.batchBytesMax !== limits.batchBytesMax) {
      this.#encoder = new OpsEncoder(limits.batchBytesMax);
    }
    this.#limits = limits;
    return this.#encoder;
  }

  #isTooLarge(call: OpCall, limits: Limits): boolean {
    const { key, value } = call.op;
    let message = '';
    if (value.length > limits.valueBytesMax) {
      message = `the value has ${value.length} bytes, more than ${limits.valueBytesMax}`;
    } else if (call.bytes > limits.opBytesMax && encodedOpBytes(call.op) > limits.opBytesMax) {
      message = `the op with key ${key.slice(0, 64)} has more than ${limits.opBytesMax} bytes`;
    }
    if (message === '') return false;
    this.#ledger.failed(call, { code: 'TOO_LARGE', message, outcome: 'notCommitted' });
    return true;
  }
}
