import type { WalError, WalErrorKind } from '../host/storage-ports.js';

/** The error of everything in this folder; see `WalError`. */
export class StorageError extends Error implements WalError {
  override readonly name: string = 'StorageError';
  readonly kind: WalErrorKind;
  readonly file: string;
  readonly offset: number;

  constructor(
    kind: WalErrorKind,
    message: string,
    place: { readonly file: string; readonly offset?: number; readonly cause?: unknown },
  ) {
    super(message, { cause: place.cause });
    this.kind = kind;
    this.file = place.file;
    this.offset = place.offset ?? 0;
  }
}

/** What is at `file`, `offset` was durable once and is not what was written. */
export function corrupt(file: string, offset: number, what: string): StorageError {
  return new StorageError('corrupt', `${file} is damaged at byte ${offset}: ${what}`, {
    file,
    offset,
  });
}

/** Turns what the operating system reported into our error; a full disk has its own kind. */
export function systemError(call: string, file: string, cause: unknown): StorageError {
  const code = errorCode(cause);
  const kind = code === 'ENOSPC' || code === 'EDQUOT' ? 'noSpace' : 'io';
  const detail = isObject(cause) && 'message' in cause ? String(cause.message) : code;
  return new StorageError(kind, `${call} ${file}: ${detail}`, { file, cause });
}

/** The `code` of a system error; 'unknown' when there is none. */
export function errorCode(cause: unknown): string {
  if (isObject(cause) && 'code' in cause) return String(cause.code);
  return 'unknown';
}

/** Not `instanceof`: errors of Node's core may come from another realm. */
function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** A bug of ours: crash rather than go on with a log we no longer understand. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

export class AssertionFailure extends Error {
  override readonly name: string = 'AssertionFailure';
}
