/** How REST calls fail: one table from the stable codes to HTTP (RFC 9110, section 15). */
import { CasheError, type CasheErrorCode, type CasheOutcome } from '@cashe/client/core';
import { type Code, type CodeName, codeName, Outcome } from '@cashe/codec';

/** Codes of HTTP itself, beside those of the gRPC surface. */
type HttpCode =
  | 'UNAUTHENTICATED'
  | 'UNKNOWN_ROUTE'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_ACCEPTABLE'
  | 'REQUEST_TIMEOUT'
  | 'PRECONDITION_FAILED'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'HEAD_TOO_LARGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL';

type FailureCode = CodeName | CasheErrorCode | HttpCode;

/** A call that ends with an error. */
export interface Failure {
  readonly code: FailureCode;
  readonly outcome: CasheOutcome;
  /** Names what was wrong and what is allowed. */
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** When to ask again. */
  readonly retryAfterMs?: number;
}

/** Thrown by handlers; anything else they throw is a bug and becomes INTERNAL. */
export class RestError extends Error {
  override readonly name = 'RestError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The request was refused before anything was done. */
export function refused(
  code: FailureCode,
  message: string,
  details?: Readonly<Record<string, unknown>>,
): RestError {
  const failure: Failure = { code, outcome: 'notCommitted', message };
  return new RestError(details === undefined ? failure : { ...failure, details });
}

/** What clients see; the engine's inner codes are folded into those of `publicCodes`. */
interface PublicFailure {
  readonly status: number;
  readonly code: PublicCode;
  readonly outcome: OutcomeText;
}

export type OutcomeText = 'committed' | 'not_committed' | 'unknown';

/** The stable list, with the HTTP status of each. */
export const publicCodes = {
  INVALID_ARGUMENT: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  UNKNOWN_ROUTE: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  REQUEST_TIMEOUT: 408,
  ABORTED: 409,
  CLUSTER_MISMATCH: 409,
  PRECONDITION_FAILED: 412,
  TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RESOURCE_EXHAUSTED: 429,
  HEAD_TOO_LARGE: 431,
  INTERNAL: 500,
  // Not 502 to 504, which proxies and libraries repeat by themselves: an unknown write may have
  // taken effect, and repeating it would be a second one (R29).
  UNKNOWN_OUTCOME: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
} as const;
export type PublicCode = keyof typeof publicCodes;

const folded: Readonly<Partial<Record<FailureCode, PublicCode>>> = {
  UNSPECIFIED: 'INTERNAL',
  OK: 'INTERNAL',
  NOT_LEADER: 'UNAVAILABLE',
  WRONG_GROUP: 'INVALID_ARGUMENT',
  BUSY: 'UNAVAILABLE',
  RETRY: 'UNAVAILABLE',
  CLOSED: 'UNAVAILABLE',
  SESSION_UNKNOWN: 'ABORTED',
  STALE: 'ABORTED',
  TOO_MANY: 'ABORTED',
  SESSION_CONFLICT: 'ABORTED',
  OUT_OF_ORDER: 'ABORTED',
};

export function publicFailure({ code, outcome }: Failure): PublicFailure {
  const shown = folded[code] ?? (code in publicCodes ? (code as PublicCode) : 'INTERNAL');
  return { status: publicCodes[shown], code: shown, outcome: outcomeTexts[outcome] };
}

export const outcomeTexts: Readonly<Record<CasheOutcome, OutcomeText>> = {
  committed: 'committed',
  notCommitted: 'not_committed',
  unknown: 'unknown',
};

export function failureOfError({ code, outcome, message }: CasheError): Failure {
  // The text without the code in front, which has a field of its own.
  return { code, outcome, message: message.replace(`${code}: `, '') };
}

/** What a handler threw, or undefined when it was a bug. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof RestError) return error.failure;
  return error instanceof CasheError ? failureOfError(error) : undefined;
}

export function adminFailure(code: Code, outcome: Outcome, message: string): RestError {
  return new RestError({ code: codeName(code), outcome: outcomeOf(outcome), message });
}

/** Absent means unknown (R29). */
function outcomeOf(outcome: Outcome): CasheOutcome {
  if (outcome === Outcome.COMMITTED) return 'committed';
  return outcome === Outcome.NOT_COMMITTED ? 'notCommitted' : 'unknown';
}
