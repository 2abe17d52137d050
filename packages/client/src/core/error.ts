/** What went wrong. */
export type CasheErrorCode =
  | 'UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'UNKNOWN_OUTCOME'
  | 'INVALID_ARGUMENT'
  | 'TOO_LARGE'
  | 'RESOURCE_EXHAUSTED'
  | 'ABORTED'
  | 'CLUSTER_MISMATCH'
  | 'CLOSED'
  | 'PERMISSION_DENIED'
  | 'UNAUTHENTICATED';

/**
 * What became of a write (R29). `notCommitted`: it did not take effect and never will, repeating it
 * is safe. `unknown`: it may have taken effect or may still do so. A failed read is `notCommitted`.
 */
export type CasheOutcome = 'committed' | 'notCommitted' | 'unknown';

export interface CasheErrorDetails {
  readonly outcome: CasheOutcome;
  readonly key?: string | undefined;
  readonly cause?: unknown;
  readonly errors?: readonly (CasheError | undefined)[] | undefined;
}

/** The only error the client rejects with. */
export class CasheError extends Error {
  readonly code: CasheErrorCode;
  readonly outcome: CasheOutcome;
  /** The key of a call for one key. */
  readonly key: string | undefined;
  /**
   * Of a call for many keys: in the order of the keys, why each failed; undefined where it did not.
   * `code` is then that of the first failure, and `outcome` that of the failed keys: unknown when
   * it is unknown for one of them.
   */
  readonly errors: readonly (CasheError | undefined)[] | undefined;

  constructor(code: CasheErrorCode, message: string, details: CasheErrorDetails) {
    super(
      // What a node answered may begin with the same code.
      message.startsWith(`${code}: `) ? message : `${code}: ${message}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = 'CasheError';
    this.code = code;
    this.outcome = details.outcome;
    this.key = details.key;
    this.errors = details.errors;
  }
}
