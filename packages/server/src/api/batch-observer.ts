/** What is measured of every batch of a client's Session stream: its time and its code. */
import { Code, codeName, type SessionRequest, type SessionResponse } from '@cashe/codec';
import type { CallReporter } from '../metrics/reporters.js';
import { nodeClock } from './node-ports.js';

type Batch = Exclude<SessionRequest, { readonly kind: 'hello' }>;

/** A batch on its way to the answer. */
export interface ObservedBatch {
  ended(response: SessionResponse): void;
}

export class BatchObserver {
  readonly #reporter: CallReporter;

  constructor(reporter: CallReporter) {
    this.#reporter = reporter;
  }

  begin({ kind }: Batch): ObservedBatch {
    const sinceMs = nodeClock.nowMs();
    return {
      ended: (response) =>
        this.#reporter.answered(kind, codeOf(response), nodeClock.nowMs() - sinceMs),
    };
  }
}

function codeOf(response: SessionResponse): string {
  if (!('code' in response) || response.code === Code.OK) return 'OK';
  return codeName(response.code);
}
