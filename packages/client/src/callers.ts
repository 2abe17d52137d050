import type { ReadResult } from '@cashe/codec';
import { type Caller, CasheError } from './core/index.js';
import type { CallSpan } from './tracing.js';

/** Turns what the cluster answers into what a verb resolves with; shared by all its calls. */
export interface Conversion<T> {
  written(revision: number, found: boolean): T;
  read(key: string, result: ReadResult): T;
}

/** How long and how a call waits. */
export interface Waiting {
  readonly deadlineMs: number;
  readonly isStale: boolean;
}

/** A promise for one op; one object per call and no closure or timer of its own. */
export class SingleCaller<T> implements Caller {
  readonly deadlineMs: number;
  readonly isStale: boolean;
  readonly trace: CallSpan | undefined;
  readonly #key: string;
  readonly #conversion: Conversion<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  /** Ends the watch on the caller's AbortSignal. */
  unwatch: (() => void) | undefined;

  constructor(
    key: string,
    waiting: Waiting,
    conversion: Conversion<T>,
    settle: { resolve(value: T): void; reject(error: unknown): void },
    span: CallSpan | undefined,
  ) {
    this.deadlineMs = waiting.deadlineMs;
    this.isStale = waiting.isStale;
    this.trace = span;
    this.#key = key;
    this.#conversion = conversion;
    this.#resolve = settle.resolve;
    this.#reject = settle.reject;
  }

  onWritten(_index: number, revision: number, found: boolean): void {
    this.unwatch?.();
    this.trace?.ended(undefined);
    this.#resolve(this.#conversion.written(revision, found));
  }

  onRead(_index: number, result: ReadResult): void {
    this.unwatch?.();
    this.trace?.ended(undefined);
    try {
      this.#resolve(this.#conversion.read(this.#key, result));
    } catch (error) {
      this.#reject(error);
    }
  }

  onFailed(_index: number, error: CasheError): void {
    this.unwatch?.();
    this.trace?.ended(error);
    this.#reject(error);
  }
}

/** Calls `onAbort` when the signal says so; returns what ends the watch. */
export function watchSignal(signal: AbortSignal, onAbort: () => void): () => void {
  signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}

export function abortedError(signal: AbortSignal, key: string | undefined): CasheError {
  const cause: unknown = signal.reason;
  const message = 'the signal was aborted before the call';
  return new CasheError('ABORTED', message, { outcome: 'notCommitted', key, cause });
}
