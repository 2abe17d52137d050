/** How calls fail: one table from the stable codes to gRPC's, and the trailers of R29. */
import type { CasheErrorCode, CasheOutcome } from '@cashe/client/core';
import { type Code, type CodeName, codeName, Outcome } from '@cashe/codec';
import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { errorText } from '../net/errors.js';

type FailureCode = CodeName | CasheErrorCode;

/** A call that ends with an error. */
export interface CallFailure {
  readonly code: FailureCode;
  readonly outcome: CasheOutcome;
  /** Names what was wrong and what is allowed. */
  readonly message: string;
  /** When to ask again, where that is known. */
  readonly retryAfterMs?: number;
}

/** Thrown by handlers; anything else they throw is a bug and becomes INTERNAL. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly failure: CallFailure;

  constructor(failure: CallFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The call is wrong whoever serves it. */
export function invalidArgument(message: string): CallError {
  return new CallError({ code: 'INVALID_ARGUMENT', outcome: 'notCommitted', message });
}

const statusByCode: Readonly<Record<FailureCode, status>> = {
  UNSPECIFIED: status.UNKNOWN,
  OK: status.OK,
  NOT_FOUND: status.NOT_FOUND,
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
  TOO_LARGE: status.INVALID_ARGUMENT,
  RESOURCE_EXHAUSTED: status.RESOURCE_EXHAUSTED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  NOT_LEADER: status.UNAVAILABLE,
  WRONG_GROUP: status.INVALID_ARGUMENT,
  BUSY: status.UNAVAILABLE,
  RETRY: status.UNAVAILABLE,
  SESSION_UNKNOWN: status.ABORTED,
  STALE: status.ABORTED,
  TOO_MANY: status.ABORTED,
  SESSION_CONFLICT: status.ABORTED,
  OUT_OF_ORDER: status.ABORTED,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  ABORTED: status.ABORTED,
  UNKNOWN_OUTCOME: status.UNKNOWN,
  UNAVAILABLE: status.UNAVAILABLE,
  CLUSTER_MISMATCH: status.FAILED_PRECONDITION,
  CLOSED: status.UNAVAILABLE,
  UNAUTHENTICATED: status.UNAUTHENTICATED,
};

const outcomeTexts: Readonly<Record<CasheOutcome, string>> = {
  committed: 'committed',
  notCommitted: 'not_committed',
  unknown: 'unknown',
};

/** What grpc-js sends: the status, with the trailers `cashe-outcome` and `cashe-code`. */
export function toStatus(failure: CallFailure): StatusObject {
  const metadata = new Metadata();
  metadata.set('cashe-outcome', outcomeTexts[failure.outcome]);
  metadata.set('cashe-code', failure.code);
  if (failure.retryAfterMs !== undefined) {
    // The hint that gRPC clients know (gRFC A6).
    metadata.set('grpc-retry-pushback-ms', String(failure.retryAfterMs));
  }
  return {
    code: statusByCode[failure.code],
    details: detailsOf(failure.message),
    metadata,
  };
}

/** A bug of ours: nothing is known of what the call did. */
export function toInternalStatus(error: unknown): StatusObject {
  const metadata = new Metadata();
  metadata.set('cashe-outcome', outcomeTexts.unknown);
  return { code: status.INTERNAL, details: detailsOf(errorText(error)), metadata };
}

const detailsCharactersMax = 1024;

/** grpc-js escapes the text with encodeURI, which throws on a surrogate that stands alone. */
function detailsOf(message: string): string {
  return message.slice(0, detailsCharactersMax).replace(/\p{Surrogate}/gu, '\ufffd');
}

export function failureOf(code: Code, outcome: Outcome, message: string): CallFailure {
  return { code: codeName(code), outcome: outcomeOf(outcome), message };
}

/** Absent means unknown (R29). */
function outcomeOf(outcome: Outcome): CasheOutcome {
  if (outcome === Outcome.COMMITTED) return 'committed';
  return outcome === Outcome.NOT_COMMITTED ? 'notCommitted' : 'unknown';
}

/** Numeric value of `cashe.v1.Outcome` for answers per key. */
export function outcomeNumber(outcome: CasheOutcome): Outcome {
  if (outcome === 'committed') return Outcome.COMMITTED;
  return outcome === 'notCommitted' ? Outcome.NOT_COMMITTED : Outcome.UNKNOWN;
}
