import { Code, Consistency, type ReadAnswer, type ReadBatch } from '@cashe/codec';
import { earliestDeadline, ReadBatchCalls } from './batch.js';
import { CallQueue } from './call-queue.js';
import type { CasheErrorCode } from './error.js';
import { Hold } from './hold.js';
import { immediateResendsMax, type LaneContext, remainingMs } from './lane-context.js';
import type { NodeLink } from './node-link.js';
import type { OpCall } from './op-call.js';
import { decideRead, describeAnswer, errorCodeOf } from './retry.js';
import type { Answer, Transmission, TransmissionOwner } from './transmission.js';
import type { WriteLane } from './write-lane.js';

/** The reads of one group with one consistency; sent again until answered or too late (R13). */
export class ReadLane implements TransmissionOwner {
  readonly #context: LaneContext;
  readonly #group: number;
  readonly #consistency: Consistency;
  /** undefined: STALE reads wait for no writes. */
  readonly #writes: WriteLane | undefined;
  readonly #queue = new CallQueue();
  readonly #hold: Hold;
  /** Sent and not answered; bounded by the grants of the links. */
  readonly #outstanding = new Set<ReadBatchCalls>();

  constructor(context: LaneContext, group: number, writes: WriteLane | undefined) {
    this.#context = context;
    this.#group = group;
    this.#writes = writes;
    this.#consistency = writes === undefined ? Consistency.STALE : Consistency.LINEARIZABLE;
    const { resendMinMs, resendMaxMs } = context.options;
    this.#hold = new Hold(context, { minMs: resendMinMs, maxMs: resendMaxMs }, () => this.#wake());
  }

  push(call: OpCall): void {
    this.#queue.push(call);
  }

  /** After the writes of the same lane, so that these see what was called before them. */
  pump(nowMs: number): void {
    if (this.#hold.isActive) return;
    const isStale = this.#consistency === Consistency.STALE;
    const link = isStale ? this.#context.routeStale() : this.#context.route(this.#group);
    if (link === undefined) return;
    for (const batch of this.#outstanding) {
      if (!batch.needsSend || !this.#mayRead(batch.calls.at(-1))) continue;
      if (!this.#hasRoom(link, batch.ops.length)) return;
      this.#transmit(batch, link, nowMs);
    }
    this.#sendNew(link, nowMs);
  }

  #sendNew(link: NodeLink, nowMs: number): void {
    const limits = this.#context.limits();
    for (;;) {
      const first = this.#queue.peek();
      if (first === undefined || !this.#mayRead(first)) return;
      if (!this.#hasRoom(link, first.bytes)) return;
      const bytesMax = Math.min(this.#context.batchBytesMax(), link.roomBytes);
      const bounds = { limits, bytesMax, position: this.#writes?.numberedBefore() ?? Infinity };
      const sealed = this.#context.batcher.seal(this.#queue, bounds, undefined);
      if (sealed === undefined) return;
      const after = this.#writes?.mark() ?? { session: 0, sequence: 0 };
      const batch = new ReadBatchCalls(sealed.calls, sealed.ops, this.#consistency, after);
      this.#outstanding.add(batch);
      this.#transmit(batch, link, nowMs);
    }
  }

  #mayRead(call: OpCall | undefined): boolean {
    return (
      this.#writes === undefined ||
      (call !== undefined && call.position < this.#writes.numberedBefore())
    );
  }

  #transmit(batch: ReadBatchCalls, link: NodeLink, nowMs: number): void {
    if (!this.#hasRoom(link, batch.ops.length)) return;
    const id = this.#context.nextTransmission();
    batch.needsSend = false;
    batch.transmission = id;
    batch.sentTerm = this.#context.termOf(this.#group);
    const { session, afterSequence } = this.#writes?.after(batch) ?? nothing;
    const message: ReadBatch = {
      kind: 'read',
      transmission: id,
      group: this.#group,
      session,
      afterSequence,
      consistency: batch.consistency,
      remainingMs: remainingMs(batch.deadlineMs, nowMs),
      ops: batch.ops,
    };
    const { traceparent } = batch;
    const transmission = { id, owner: this, batch, bytes: batch.ops.length, sentMs: nowMs };
    link.send(traceparent === undefined ? message : { ...message, traceparent }, transmission);
    batch.sentAfterSession = session;
  }

  onAnswer(transmission: Transmission, answer: Answer): void {
    const { batch } = transmission;
    if (!(batch instanceof ReadBatchCalls)) return;
    if (answer.kind !== 'read') this.onLost(transmission);
    else if (this.#outstanding.has(batch)) this.#onReadAnswer(transmission, batch, answer);
    this.#wake();
  }

  onLost(transmission: Transmission): void {
    this.#again(transmission);
    this.#wake();
  }

  onSilent(transmission: Transmission): void {
    this.#again(transmission);
    this.#wake();
  }

  #again({ id, batch }: Transmission): void {
    if (batch instanceof ReadBatchCalls && batch.transmission === id) batch.needsSend = true;
  }

  /** R31: a new leader was announced. */
  onLeader(term: number): void {
    if (this.#consistency === Consistency.STALE) return;
    this.#hold.end();
    for (const batch of this.#outstanding) if (batch.sentTerm < term) batch.needsSend = true;
    this.#wake();
  }

  #onReadAnswer(transmission: Transmission, batch: ReadBatchCalls, answer: ReadAnswer): void {
    const next = decideRead(answer.code);
    if (next === 'settle' && answer.results.length === batch.calls.length) {
      this.#hold.succeeded();
      this.#settle(batch, answer);
      return;
    }
    batch.refusal = describeAnswer(answer.code, answer.message);
    if (next === 'fail') {
      this.#fail(batch, errorCodeOf(answer.code), batch.refusal);
      return;
    }
    if (next === 'replaceSession') this.#writes?.evict(batch.sentAfterSession);
    if (transmission.id !== batch.transmission) return;
    batch.needsSend = true;
    batch.refusals += 1;
    if (next !== 'resend' || batch.refusals > immediateResendsMax) this.#hold.begin();
  }

  /** An op answered RETRY or BUSY alone (the answer would be too large) is read again. */
  #settle(batch: ReadBatchCalls, { results, ageMs }: ReadAnswer): void {
    this.#outstanding.delete(batch);
    const { ledger } = this.#context;
    const again: OpCall[] = [];
    for (let index = 0; index < batch.calls.length; index++) {
      const call = batch.calls[index];
      const result = results[index];
      if (call === undefined || result === undefined || call.isSettled) continue;
      if (result.code === Code.UNSPECIFIED || result.code === Code.OK) {
        ledger.read(call, result, ageMs);
      } else if (result.code === Code.RETRY || result.code === Code.BUSY) {
        again.push(call);
      } else {
        const message = describeAnswer(result.code, result.message);
        ledger.failed(call, {
          code: errorCodeOf(result.code),
          message,
          outcome: 'notCommitted',
        });
      }
    }
    if (again.length === 0) return;
    if (again.length === batch.calls.length) this.#hold.begin();
    for (const call of again) ledger.unsealed(call);
    this.#queue.unshift(again);
  }

  #fail(batch: ReadBatchCalls, code: CasheErrorCode, message: string): void {
    this.#outstanding.delete(batch);
    for (const call of batch.calls) {
      this.#context.ledger.failed(call, { code, message, outcome: 'notCommitted' });
    }
  }

  sweep(nowMs: number, hasAborted: boolean): void {
    this.#queue.sweep(nowMs, hasAborted, (call) => this.#expire(call, ''));
    for (const batch of this.#outstanding) {
      if (nowMs < batch.earliestMs && !hasAborted) continue;
      for (const call of batch.calls) {
        if (call.caller.deadlineMs <= nowMs) this.#expire(call, batch.refusal);
      }
      batch.earliestMs = earliestDeadline(batch.calls);
      if (batch.earliestMs === Infinity) this.#outstanding.delete(batch);
    }
  }

  #expire(call: OpCall, reason: string): void {
    const message = `no answer before the deadline${reason === '' ? '' : ` (${reason})`}`;
    this.#context.ledger.failed(call, {
      code: 'DEADLINE_EXCEEDED',
      message,
      outcome: 'notCommitted',
    });
  }

  failAll(code: CasheErrorCode, message: string): void {
    this.#hold.end();
    for (const call of this.#queue.takeAll()) {
      this.#context.ledger.failed(call, { code, message, outcome: 'notCommitted' });
    }
    for (const batch of this.#outstanding) this.#fail(batch, code, message);
  }

  #hasRoom(link: NodeLink, bytes: number): boolean {
    const hasRoom = link.hasRoom(bytes);
    if (!hasRoom) this.#context.blocked(this.#group);
    return hasRoom;
  }

  #wake(): void {
    this.#context.wake(this.#group);
  }
}

const nothing = { session: 0, afterSequence: 0 } as const;
