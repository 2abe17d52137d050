/** What is noted of every batch of a client's Session stream: time, code, and a span if sampled. */
import { Code, codeName, type SessionRequest, type SessionResponse } from '@cashe/codec';
import type { CallReporter } from '../metrics/reporters.js';
import type { NodeSpan, Tracing } from '../tracing/tracing.js';
import { nodeClock } from './node-ports.js';

type Batch = Exclude<SessionRequest, { readonly kind: 'hello' }>;

/** A batch on its way to the answer. */
interface ObservedBatch {
  /** What is executed: the batch, as a child of the span here if there is one. */
  readonly batch: Batch;
  ended(response: SessionResponse): void;
}

export class BatchObserver {
  readonly #reporter: CallReporter | undefined;
  readonly #tracing: Tracing | undefined;

  constructor(reporter: CallReporter | undefined, tracing: Tracing | undefined) {
    this.#reporter = reporter;
    this.#tracing = tracing;
  }

  begin(batch: Batch): ObservedBatch {
    const sinceMs = nodeClock.nowMs();
    const span = this.#spanOf(batch);
    return {
      batch: span === undefined ? batch : within(batch, span.traceparent),
      ended: (response) => {
        const code = codeOf(response);
        span?.end(code);
        this.#reporter?.answered(batch.kind, code, nodeClock.nowMs() - sinceMs);
      },
    };
  }

  #spanOf(batch: Batch): NodeSpan | undefined {
    if (batch.kind !== 'write' && batch.kind !== 'read') return undefined;
    const { kind, traceparent, group } = batch;
    if (traceparent === undefined) return undefined;
    return this.#tracing?.received(`session.${kind}`, traceparent, { 'cashe.group': group });
  }
}

/** The batch as a child of another span; its bytes and number stay (R15). */
function within(batch: Batch, traceparent: string): Batch {
  if (batch.kind === 'write') return { ...batch, traceparent };
  return batch.kind === 'read' ? { ...batch, traceparent } : batch;
}

function codeOf(response: SessionResponse): string {
  if (!('code' in response) || response.code === Code.OK) return 'OK';
  return codeName(response.code);
}
