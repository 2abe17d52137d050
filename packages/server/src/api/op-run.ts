import type { Caller, CallTrace, CasheError, Core } from '@cashe/client/core';
import type { Op, ReadResult } from '@cashe/codec';

/** What became of one op. */
export type OpOutcome =
  | { readonly kind: 'written'; readonly revision: number; readonly found: boolean }
  | { readonly kind: 'read'; readonly result: ReadResult; readonly ageMs: number }
  | { readonly kind: 'failed'; readonly error: CasheError };

interface OpRunOptions {
  /** By the core's clock. */
  readonly deadlineMs: number;
  readonly isStale: boolean;
  readonly trace?: CallTrace | undefined;
  /** The caller went away: what is not numbered yet is given up (R15). */
  readonly onCancelled: (listener: () => void) => void;
}

/** Runs the ops through the node's own session; resolves once all are settled, in their order. */
export function runOps(
  core: Core,
  ops: readonly Op[],
  options: OpRunOptions,
): Promise<readonly OpOutcome[]> {
  if (ops.length === 0) return Promise.resolve([]);
  return new Promise((resolve) => {
    const caller = new OpsCaller(ops.length, options, resolve);
    const calls = ops.map((op, index) => core.submit(caller, op, index));
    options.onCancelled(() => {
      for (const call of calls) core.abort(call, 'the caller cancelled');
    });
  });
}

class OpsCaller implements Caller {
  readonly deadlineMs: number;
  readonly isStale: boolean;
  readonly trace: CallTrace | undefined;
  readonly #outcomes: OpOutcome[];
  readonly #resolve: (outcomes: readonly OpOutcome[]) => void;
  #openCount: number;

  constructor(
    opCount: number,
    { deadlineMs, isStale, trace }: OpRunOptions,
    resolve: (outcomes: readonly OpOutcome[]) => void,
  ) {
    this.deadlineMs = deadlineMs;
    this.isStale = isStale;
    this.trace = trace;
    this.#openCount = opCount;
    this.#outcomes = new Array<OpOutcome>(opCount);
    this.#resolve = resolve;
  }

  onWritten(index: number, revision: number, found: boolean): void {
    this.#settle(index, { kind: 'written', revision, found });
  }

  onRead(index: number, result: ReadResult, ageMs: number): void {
    this.#settle(index, { kind: 'read', result, ageMs });
  }

  onFailed(index: number, error: CasheError): void {
    this.#settle(index, { kind: 'failed', error });
  }

  #settle(index: number, outcome: OpOutcome): void {
    this.#outcomes[index] = outcome;
    this.#openCount -= 1;
    if (this.#openCount === 0) this.#resolve(this.#outcomes);
  }
}
