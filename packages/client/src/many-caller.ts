import type { Op, ReadResult } from '@cashe/codec';
import type { Conversion, Waiting } from './callers.js';
import {
  type Caller,
  CasheError,
  type CasheOutcome,
  type Core,
  type OpCall,
} from './core/index.js';
import type { CallSpan } from './tracing.js';

/** Ops handed to the core in one go; the rest follows when the event loop has turned. */
const submittedPerTurnMax = 8_192;

/**
 * A promise for many ops; not atomic. It hands over as many ops as the core has room for and
 * continues when there is more (R35), so the number of keys is bounded by the caller's memory only.
 */
export class ManyCaller<T> implements Caller {
  readonly deadlineMs: number;
  readonly isStale: boolean;
  readonly trace: CallSpan | undefined;
  readonly #core: Core;
  readonly #ops: readonly Op[];
  readonly #conversion: Conversion<T>;
  readonly #settle: { resolve(values: T[]): void; reject(error: unknown): void };
  readonly #results: (T | undefined)[];
  #errors: (CasheError | undefined)[] | undefined;
  readonly #calls: OpCall[] = [];
  #isAborted = false;
  #settledCount = 0;
  unwatch: (() => void) | undefined;

  constructor(
    core: Core,
    ops: readonly Op[],
    waiting: Waiting,
    conversion: Conversion<T>,
    settle: { resolve(values: T[]): void; reject(error: unknown): void },
    span: CallSpan | undefined,
  ) {
    this.#core = core;
    this.#ops = ops;
    this.deadlineMs = waiting.deadlineMs;
    this.isStale = waiting.isStale;
    this.trace = span;
    this.#conversion = conversion;
    this.#settle = settle;
    this.#results = new Array<T | undefined>(ops.length);
  }

  /** Hands over what there is room for. */
  start(): void {
    let submitted = 0;
    while (this.#calls.length < this.#ops.length) {
      const index = this.#calls.length;
      const op = this.#ops[index];
      if (op === undefined) return;
      if (!this.#core.hasRoom(op.value.length)) {
        this.#core.onceRoom(() => this.start());
        return;
      }
      if (submitted === submittedPerTurnMax) {
        setImmediate(() => this.start());
        return;
      }
      submitted += 1;
      const call = this.#core.submit(this, op, index);
      this.#calls.push(call);
      if (this.#isAborted) this.#core.abort(call, 'the caller gave up');
    }
  }

  /** What is handed over from now on fails as well. */
  abort(): void {
    this.#isAborted = true;
    for (const call of this.#calls) this.#core.abort(call, 'the caller gave up');
  }

  onWritten(index: number, revision: number, found: boolean): void {
    this.#results[index] = this.#conversion.written(revision, found);
    this.#settleOne();
  }

  onRead(index: number, result: ReadResult): void {
    try {
      this.#results[index] = this.#conversion.read(this.#ops[index]?.key ?? '', result);
      this.#settleOne();
    } catch (error) {
      if (!(error instanceof CasheError)) throw error;
      this.onFailed(index, error);
    }
  }

  onFailed(index: number, error: CasheError): void {
    this.#errors ??= new Array<CasheError | undefined>(this.#ops.length).fill(undefined);
    this.#errors[index] = error;
    this.#settleOne();
  }

  #settleOne(): void {
    this.#settledCount += 1;
    if (this.#settledCount < this.#ops.length) return;
    this.unwatch?.();
    const error = this.#errors && combine(this.#errors);
    this.trace?.ended(error);
    if (error === undefined) this.#settle.resolve(this.#results as T[]);
    else this.#settle.reject(error);
  }
}

function combine(errors: readonly (CasheError | undefined)[]): CasheError {
  const failed = errors.filter((error) => error !== undefined);
  const [first] = failed;
  const isUnknown = failed.some(({ outcome }) => outcome === 'unknown');
  const outcome: CasheOutcome = isUnknown ? 'unknown' : 'notCommitted';
  const message = `${failed.length} of ${errors.length} keys failed: ${first?.message}`;
  return new CasheError(first?.code ?? 'ABORTED', message, { outcome, errors, cause: first });
}
