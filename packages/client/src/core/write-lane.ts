import type { SessionAnswer, WriteAnswer, WriteBatch } from '@cashe/codec';
import { earliestDeadline, NumberedBatch } from './batch.js';
import { CallQueue } from './call-queue.js';
import type { CasheErrorCode } from './error.js';
import { Hold } from './hold.js';
import { immediateResendsMax, type LaneContext, remainingMs } from './lane-context.js';
import type { NodeLink } from './node-link.js';
import type { OpCall } from './op-call.js';
import { decideOpen, decideWrite, describeAnswer, errorCodeOf, type NextStep } from './retry.js';
import type { Answer, Transmission, TransmissionOwner } from './transmission.js';
import { settleWritten } from './write-results.js';
import { WriteSession } from './write-session.js';

/** Wire bytes counted for a message that carries no ops. */
const bareMessageBytes = 0;

/** The writes of one group: queue → numbered batches of one session → answers (R13-R15). */
export class WriteLane implements TransmissionOwner {
  readonly #context: LaneContext;
  readonly #group: number;
  readonly #queue = new CallQueue();
  readonly #hold: Hold;
  #session: WriteSession | undefined;
  /** Batches of an evicted session that provably never executed, to be numbered in the next. */
  #carried: NumberedBatch[] = [];
  /** The latest OpenSession or CloseSession under way. */
  #opening: Transmission | undefined;
  #closing: Transmission | undefined;
  #openRefusal = '';
  #isClosing = false;

  constructor(context: LaneContext, group: number) {
    this.#context = context;
    this.#group = group;
    const { resendMinMs, resendMaxMs } = context.options;
    this.#hold = new Hold(context, { minMs: resendMinMs, maxMs: resendMaxMs }, () => this.#wake());
  }

  push(call: OpCall): void {
    this.#queue.push(call);
  }

  /**
   * Reads called before this position may be sent: every write called before them is numbered, and
   * so afterSequence can name it.
   */
  numberedBefore(): number {
    if (this.#carried.length > 0 || this.#session?.isEvicted === true) return 0;
    return this.#queue.peek()?.position ?? Infinity;
  }

  /** The last numbered write: what reads sealed now were called after. */
  mark(): { readonly session: number; readonly sequence: number } {
    const session = this.#session;
    return { session: session?.id ?? 0, sequence: session?.lastSequence ?? 0 };
  }

  /** What a read sealed at `mark` waits for: R13's session and afterSequence. */
  after(mark: { readonly session: number; readonly sequence: number }): {
    readonly session: number;
    readonly afterSequence: number;
  } {
    const session = this.#session;
    if (session === undefined) return { session: 0, afterSequence: 0 };
    const bound = session.id === mark.session ? mark.sequence : session.lastSequence;
    const afterSequence = session.lastLiveSequence(bound);
    return { session: afterSequence === 0 ? 0 : session.id, afterSequence };
  }

  /** Sends what may be sent now: first again, then what was carried over, then new batches. */
  pump(nowMs: number): void {
    if (this.#hold.isActive) return;
    const link = this.#context.route(this.#group);
    if (link === undefined) return;
    const session = this.#session;
    if (session === undefined) {
      this.#open(link, nowMs);
      return;
    }
    if (session.isEvicted) return;
    for (const batch of session.toSend()) {
      if (!this.#hasRoom(link, batch.ops.length)) return;
      this.#transmit(session, batch, link, nowMs);
    }
    if (session.isBlocked) return;
    this.#sendNew(session, link, nowMs);
    this.#maybeClose(session, link, nowMs);
  }

  #sendNew(session: WriteSession, link: NodeLink, nowMs: number): void {
    const { batcher, random } = this.#context;
    const limits = this.#context.limits();
    const bytesMax = this.#context.batchBytesMax();
    while (session.hasRoom(limits.sessionWindow)) {
      let batch = this.#carried[0];
      const first = this.#queue.peek();
      if (batch === undefined && first === undefined) return;
      // An op is not numbered before its batch can leave: unnumbered, its outcome is certain.
      const estimate = batch?.ops.length ?? (first?.bytes ?? 0) + 8;
      if (!this.#hasRoom(link, Math.min(estimate, bytesMax))) return;
      if (batch === undefined) {
        const room = Math.min(bytesMax, link.roomBytes);
        const bounds = { limits, bytesMax: room, position: Infinity };
        const sealed = batcher.seal(this.#queue, bounds, () => random.bytes8());
        if (sealed === undefined) return;
        batch = new NumberedBatch(sealed.calls, sealed.ops);
      } else {
        this.#carried.shift();
      }
      session.number(batch);
      this.#transmit(session, batch, link, nowMs);
    }
  }

  #transmit(session: WriteSession, batch: NumberedBatch, link: NodeLink, nowMs: number): void {
    if (!this.#hasRoom(link, batch.ops.length)) return;
    const id = this.#context.nextTransmission();
    batch.needsSend = false;
    batch.pending += 1;
    batch.transmission = id;
    batch.sentTerm = this.#context.termOf(this.#group);
    // Nobody waits for an abandoned batch, but those behind it do.
    const deadlineMs =
      batch.state === 'live' ? batch.deadlineMs : session.outstanding.at(-1)?.deadlineMs;
    const message: WriteBatch = {
      kind: 'write',
      transmission: id,
      group: this.#group,
      session: session.id,
      sequence: batch.sequence,
      firstOutstanding: session.firstOutstanding,
      remainingMs: remainingMs(deadlineMs ?? nowMs, nowMs),
      ops: batch.ops,
    };
    const { traceparent } = batch;
    const transmission = { id, owner: this, batch, bytes: batch.ops.length, sentMs: nowMs };
    link.send(traceparent === undefined ? message : { ...message, traceparent }, transmission);
  }

  #open(link: NodeLink, nowMs: number): void {
    const first = this.#carried[0]?.calls[0] ?? this.#queue.peek();
    if (first === undefined || this.#opening !== undefined) return;
    if (!this.#hasRoom(link, bareMessageBytes)) return;
    const id = this.#context.nextTransmission();
    const { deadlineMs } = first.caller;
    this.#opening = { id, owner: this, batch: undefined, bytes: bareMessageBytes, sentMs: nowMs };
    link.send(
      {
        kind: 'open',
        transmission: id,
        group: this.#group,
        remainingMs: remainingMs(deadlineMs, nowMs),
      },
      this.#opening,
    );
  }

  onAnswer(transmission: Transmission, answer: Answer): void {
    const { batch } = transmission;
    if (answer.kind === 'write' && batch instanceof NumberedBatch) {
      this.#onWriteAnswer(transmission, batch, answer);
    } else if (answer.kind === 'session' && batch === undefined) {
      if (transmission === this.#closing) this.#closing = undefined;
      else this.#onOpened(transmission, answer);
    } else {
      // An answer of the wrong kind proves nothing.
      this.onLost(transmission);
    }
    this.#wake();
  }

  onLost(transmission: Transmission): void {
    const { batch } = transmission;
    if (batch instanceof NumberedBatch) {
      batch.pending -= 1;
      batch.lost += 1;
      if (transmission.id === batch.transmission) batch.needsSend = true;
      this.#settleEvicted();
    }
    if (transmission === this.#opening) this.#opening = undefined;
    if (transmission === this.#closing) this.#closing = undefined;
    this.#wake();
  }

  onSilent(transmission: Transmission): void {
    const { batch } = transmission;
    if (batch instanceof NumberedBatch && batch.transmission === transmission.id) {
      batch.needsSend = true;
    }
    // Opening twice is harmless: the group evicts a session that stays idle (R14).
    if (transmission === this.#opening) this.#opening = undefined;
    this.#wake();
  }

  /** R31: a new leader was announced: everything unanswered goes there at once. */
  onLeader(term: number): void {
    this.#hold.end();
    for (const batch of this.#session?.outstanding ?? []) {
      if (batch.sentTerm < term) batch.needsSend = true;
    }
    this.#opening = undefined;
    this.#wake();
  }

  #onOpened(transmission: Transmission, answer: SessionAnswer): void {
    const isLatest = transmission === this.#opening;
    if (isLatest) this.#opening = undefined;
    const decision = decideOpen(answer.code);
    if (decision === 'settle') {
      this.#hold.succeeded();
      if (this.#session === undefined) this.#session = new WriteSession(answer.session);
    } else if (isLatest) {
      this.#openRefusal = describeAnswer(answer.code, answer.message);
      if (decision === 'fail') this.#failAll(errorCodeOf(answer.code), this.#openRefusal);
      else this.#hold.begin();
    }
  }

  #onWriteAnswer(transmission: Transmission, batch: NumberedBatch, answer: WriteAnswer): void {
    const { fate, next } = decideWrite(answer.code, answer.outcome);
    batch.pending -= 1;
    if (fate === 'lost') batch.lost += 1;
    if (batch.state === 'executed') return;
    if (fate === 'executed') {
      this.#hold.succeeded();
      settleWritten(this.#context.ledger, batch, answer);
      batch.state = 'executed';
      this.#session?.advance();
    } else {
      batch.refusal = describeAnswer(answer.code, answer.message);
      batch.refusals += 1;
      this.#follow(next, transmission, batch, answer);
    }
    this.#settleEvicted();
  }

  #follow(
    next: NextStep,
    transmission: Transmission,
    batch: NumberedBatch,
    answer: WriteAnswer,
  ): void {
    const session = this.#session;
    // The latest transmission was answered; an earlier one may be under way, but proves nothing.
    const isLatest = transmission.id === batch.transmission;
    if (isLatest) batch.needsSend = true;
    const isCurrent = session?.outstanding.includes(batch) === true;
    if (!isCurrent) return;
    if (next === 'replaceSession') {
      session.isEvicted = true;
    } else if (next === 'fail' && batch.isEveryTransmissionRefused) {
      this.#giveUp(batch, errorCodeOf(answer.code), batch.refusal);
      session.advance();
      return;
    } else if (next === 'resendFromGap') {
      for (const earlier of session.outstanding) {
        if (earlier === batch) break;
        if (earlier.transmission < transmission.id) earlier.needsSend = true;
      }
    }
    const isPatient = next === 'resendLater' || next === 'fail';
    if (isLatest && (isPatient || batch.refusals > immediateResendsMax)) this.#hold.begin();
  }

  /** Every caller of the batch that still waits gets the one outcome that is known. */
  #giveUp(batch: NumberedBatch, code: CasheErrorCode, message: string): void {
    const isRefused = batch.isEveryTransmissionRefused;
    batch.state = isRefused ? 'dead' : 'abandoned';
    const failure = isRefused
      ? { code, message, outcome: 'notCommitted' as const }
      : {
          code: code === 'CLOSED' ? code : ('UNKNOWN_OUTCOME' as const),
          message: `${message}; the write may still take effect`,
          outcome: 'unknown' as const,
        };
    for (const call of batch.calls) this.#context.ledger.failed(call, failure);
  }

  /** A read was told that the group does not know the session. */
  evict(session: number): void {
    if (this.#session === undefined || this.#session.id !== session) return;
    this.#session.isEvicted = true;
    this.#settleEvicted();
  }

  /** Once nothing of an evicted session is under way, each batch's outcome is known or never. */
  #settleEvicted(): void {
    const session = this.#session;
    if (session?.isOver !== true) return;
    for (const batch of session.outstanding) {
      if (batch.state !== 'live') continue;
      if (batch.isEveryTransmissionRefused) {
        batch.sequence = 0;
        batch.needsSend = true;
        this.#carried.push(batch);
      } else {
        this.#giveUp(batch, 'UNKNOWN_OUTCOME', `the session is gone (${batch.refusal})`);
      }
    }
    this.#session = undefined;
    this.#wake();
  }

  sweep(nowMs: number, hasAborted: boolean): void {
    this.#queue.sweep(nowMs, hasAborted, (call) => {
      const message = withReason(
        'the deadline passed before the write was sent',
        this.#openRefusal,
      );
      this.#context.ledger.failed(call, {
        code: 'DEADLINE_EXCEEDED',
        message,
        outcome: 'notCommitted',
      });
    });
    let changed = false;
    for (const batch of [...this.#carried, ...(this.#session?.outstanding ?? [])]) {
      if (batch.state !== 'live') continue;
      if (nowMs < batch.earliestMs && !hasAborted) continue;
      changed = true;
      this.#expire(batch, nowMs);
    }
    if (!changed) return;
    this.#carried = this.#carried.filter(({ state }) => state === 'live');
    this.#session?.advance();
    this.#settleEvicted();
    this.#wake();
  }

  /**
   * A caller of a batch that others still wait for cannot be told "not committed": the batch will
   * be sent again for them.
   */
  #expire(batch: NumberedBatch, nowMs: number): void {
    const isWaitedFor = batch.calls.some(
      ({ isSettled, caller }) => !isSettled && caller.deadlineMs > nowMs,
    );
    const message = withReason('no answer before the deadline', batch.refusal);
    if (!isWaitedFor) {
      this.#giveUp(batch, 'DEADLINE_EXCEEDED', message);
      return;
    }
    for (const call of batch.calls) {
      if (call.caller.deadlineMs > nowMs) continue;
      const outcome = 'unknown' as const;
      this.#context.ledger.failed(call, { code: 'UNKNOWN_OUTCOME', message, outcome });
    }
    batch.earliestMs = earliestDeadline(batch.calls);
  }

  /** Before close: sessions without work are closed; the answer or the loss of it ends that. */
  beginClose(): void {
    this.#isClosing = true;
    this.#wake();
  }

  /** Whether closing has nothing left to wait for. */
  get isClosed(): boolean {
    return (
      this.#session === undefined && this.#closing === undefined && this.#opening === undefined
    );
  }

  #maybeClose(session: WriteSession, link: NodeLink, nowMs: number): void {
    const isBusy = !this.#queue.isEmpty || this.#carried.length > 0;
    if (!this.#isClosing || isBusy || session.outstanding.length > 0) return;
    if (!this.#hasRoom(link, bareMessageBytes)) return;
    const id = this.#context.nextTransmission();
    this.#session = undefined;
    this.#closing = { id, owner: this, batch: undefined, bytes: bareMessageBytes, sentMs: nowMs };
    link.send(
      { kind: 'close', transmission: id, group: this.#group, session: session.id },
      this.#closing,
    );
  }

  /** Fails everything; what was numbered and not refused may still take effect. */
  failAll(code: CasheErrorCode, message: string): void {
    this.#hold.end();
    this.#failAll(code, message);
    for (const batch of this.#session?.outstanding ?? []) {
      if (batch.state === 'live') this.#giveUp(batch, code, message);
    }
    this.#session?.advance();
  }

  /** Fails what is not numbered. */
  #failAll(code: CasheErrorCode, message: string): void {
    for (const call of this.#queue.takeAll()) {
      this.#context.ledger.failed(call, { code, message, outcome: 'notCommitted' });
    }
    for (const batch of this.#carried) this.#giveUp(batch, code, message);
    this.#carried = [];
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

function withReason(message: string, reason: string): string {
  return reason === '' ? message : `${message} (${reason})`;
}
