import type { ReadResult } from '@cashe/codec';
import { CasheError, type CasheErrorCode, type CasheOutcome } from './error.js';
import type { OpCall } from './op-call.js';

export interface Failure {
  readonly code: CasheErrorCode;
  readonly message: string;
  readonly outcome: CasheOutcome;
}

/**
 * Settles calls and counts those that are not settled (R35).
 * Invariant: a call is settled exactly once, and waitingOps and waitingBytes are the sums over the
 * calls with isWaiting that are not settled.
 */
export class CallLedger {
  /** Calls not settled. */
  openOps = 0;
  waitingOps = 0;
  waitingBytes = 0;
  readonly #onRoom: () => void;

  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  accept(call: OpCall): void {
    this.openOps += 1;
    this.waitingOps += 1;
    this.waitingBytes += call.bytes;
  }

  /** The call is in a batch now. */
  sealed(call: OpCall): void {
    call.isWaiting = false;
    this.#release(call);
  }

  /** The call waits again. */
  unsealed(call: OpCall): void {
    call.isWaiting = true;
    this.waitingOps += 1;
    this.waitingBytes += call.bytes;
  }

  written(call: OpCall, revision: number, found: boolean): void {
    if (!this.#settle(call)) return;
    call.caller.onWritten(call.index, revision, found);
  }

  read(call: OpCall, result: ReadResult, ageMs: number): void {
    if (!this.#settle(call)) return;
    call.caller.onRead(call.index, result, ageMs);
  }

  failed(call: OpCall, failure: Failure): void {
    if (!this.#settle(call)) return;
    const { code, message, outcome } = failure;
    const error = new CasheError(code, message, { outcome, key: call.op.key });
    call.caller.onFailed(call.index, error);
  }

  #settle(call: OpCall): boolean {
    if (call.isSettled) return false;
    call.isSettled = true;
    this.openOps -= 1;
    if (call.isWaiting) this.#release(call);
    return true;
  }

  #release(call: OpCall): void {
    this.waitingOps -= 1;
    this.waitingBytes -= call.bytes;
    this.#onRoom();
  }
}
