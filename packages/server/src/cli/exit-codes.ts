/** Exit codes of the client commands; `--help` lists them. */
export const exitCodes = {
  ok: 0,
  /** A miss, nothing deleted, a member that does not answer. */
  negative: 1,
  usage: 2,
  /** Nobody answered in time; a write did not take effect. */
  unavailable: 3,
  /** A write may or may not have taken effect (R29). */
  unknownOutcome: 4,
  /** The cluster refused it: invalid, too large, full, not permitted. */
  refused: 5,
  internal: 6,
} as const;
type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A command failed in a way that one line explains. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;
  /** What the cluster answered, where it did. */
  readonly code: string | undefined;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions & { code?: string }) {
    super(message, options);
    this.exitCode = exitCode;
    this.code = options?.code;
  }
}

/** Codes, the SDK's or gRPC's, that say the cluster answered and refused. */
const refusals: ReadonlySet<string> = new Set([
  'INVALID_ARGUMENT',
  'TOO_LARGE',
  'RESOURCE_EXHAUSTED',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'CLUSTER_MISMATCH',
  'FAILED_PRECONDITION',
  'ALREADY_EXISTS',
  'NOT_FOUND',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
]);

/** What a failed call exits with; `unknown` says that it may have taken effect. */
export function exitCodeOf(code: string, unknown: boolean): ExitCode {
  if (refusals.has(code)) return exitCodes.refused;
  return unknown ? exitCodes.unknownOutcome : exitCodes.unavailable;
}
