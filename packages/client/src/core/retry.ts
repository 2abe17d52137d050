/**
 * What an answer means for one transmission of a batch and what follows for the batch (R14, R15).
 * Pure tables: which code proves what is decided here and nowhere else.
 */
import { Code, codeName, Outcome } from '@cashe/codec';
import type { CasheErrorCode } from './error.js';

/**
 * `executed`: the batch is in the log and applied. `refused`: this transmission will never execute.
 * `lost`: it may have executed or may still do so.
 */
type Fate = 'executed' | 'refused' | 'lost';

/**
 * `settle` the callers · `resend` at once · `resendLater` after a pause or the next leader ·
 * `resendFromGap` what was sent before this and is not answered, then this · `replaceSession` ·
 * `fail` the callers when every transmission was refused, else as resendLater.
 */
export type NextStep =
  | 'settle'
  | 'resend'
  | 'resendLater'
  | 'resendFromGap'
  | 'replaceSession'
  | 'fail';

interface WriteDecision {
  readonly fate: Fate;
  readonly next: NextStep;
}

export function decideWrite(code: Code, outcome: Outcome): WriteDecision {
  switch (code) {
    case Code.OK:
      return { fate: 'executed', next: 'settle' };
    case Code.OUT_OF_ORDER:
      return { fate: 'refused', next: 'resendFromGap' };
    case Code.TOO_MANY:
    case Code.NOT_LEADER:
      return { fate: 'refused', next: 'resendLater' };
    // Apply decides these: nothing executed under this number and nothing was remembered (R14).
    // STALE cannot happen to a batch that waits, unless something else used the session.
    case Code.SESSION_UNKNOWN:
    case Code.SESSION_CONFLICT:
    case Code.STALE:
      return { fate: 'refused', next: 'replaceSession' };
    case Code.UNKNOWN_OUTCOME:
      return { fate: 'lost', next: 'resend' };
    case Code.WRONG_GROUP:
    case Code.INVALID_ARGUMENT:
    case Code.TOO_LARGE:
    case Code.RESOURCE_EXHAUSTED:
    case Code.PERMISSION_DENIED:
    case Code.CLUSTER_MISMATCH:
      return { fate: 'refused', next: 'fail' };
    case Code.BUSY:
    case Code.DEADLINE_EXCEEDED:
    case Code.ABORTED:
    case Code.UNAVAILABLE:
    case Code.RETRY:
    case Code.NOT_FOUND:
    case Code.UNSPECIFIED:
      return { fate: fateOf(outcome), next: 'resendLater' };
    default:
      return unknownCode(code);
  }
}

/** A newer node may answer a code this client does not know: it proves nothing. */
function unknownCode(_code: never): WriteDecision {
  return { fate: 'lost', next: 'resendLater' };
}

/** Absent means unknown (R29). */
function fateOf(outcome: Outcome): Fate {
  return outcome === Outcome.NOT_COMMITTED ? 'refused' : 'lost';
}

/** Reads change nothing, so they are sent again until the deadline unless that cannot help. */
export function decideRead(code: Code): Exclude<NextStep, 'resendFromGap'> {
  switch (code) {
    case Code.OK:
      return 'settle';
    case Code.RETRY:
      return 'resend';
    case Code.SESSION_UNKNOWN:
    case Code.SESSION_CONFLICT:
      return 'replaceSession';
    case Code.WRONG_GROUP:
    case Code.INVALID_ARGUMENT:
    case Code.TOO_LARGE:
    case Code.PERMISSION_DENIED:
    case Code.CLUSTER_MISMATCH:
      return 'fail';
    default:
      return 'resendLater';
  }
}

/** The same for OpenSession: nothing to lose, an unused session is evicted when idle. */
export function decideOpen(code: Code): 'settle' | 'resendLater' | 'fail' {
  if (code === Code.OK) return 'settle';
  if (code === Code.PERMISSION_DENIED || code === Code.RESOURCE_EXHAUSTED) return 'fail';
  return code === Code.CLUSTER_MISMATCH || code === Code.INVALID_ARGUMENT ? 'fail' : 'resendLater';
}

/** The error code a caller sees for a final refusal of its op or batch. */
export function errorCodeOf(code: Code): CasheErrorCode {
  switch (code) {
    case Code.INVALID_ARGUMENT:
    case Code.WRONG_GROUP:
      return 'INVALID_ARGUMENT';
    case Code.TOO_LARGE:
      return 'TOO_LARGE';
    case Code.RESOURCE_EXHAUSTED:
      return 'RESOURCE_EXHAUSTED';
    case Code.PERMISSION_DENIED:
      return 'PERMISSION_DENIED';
    case Code.CLUSTER_MISMATCH:
      return 'CLUSTER_MISMATCH';
    default:
      return 'ABORTED';
  }
}

/** `BUSY: disk is slow`, for messages. */
export function describeAnswer(code: Code, message: string): string {
  return message === '' ? codeName(code) : `${codeName(code)}: ${message}`;
}
