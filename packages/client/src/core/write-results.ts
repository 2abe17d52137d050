import { Code, type WriteAnswer } from '@cashe/codec';
import type { NumberedBatch } from './batch.js';
import type { CallLedger } from './call-ledger.js';
import { describeAnswer, errorCodeOf } from './retry.js';

/**
 * Settles every caller of an executed batch. The answer names the first revision and the
 * exceptions; each other op took the next revision, in op order.
 */
export function settleWritten(ledger: CallLedger, batch: NumberedBatch, answer: WriteAnswer): void {
  const { calls } = batch;
  const { exceptions } = answer;
  let revision = answer.firstRevision;
  let next = 0;
  for (let index = 0; index < calls.length; index++) {
    const call = calls[index];
    if (call === undefined) continue;
    const exception = exceptions[next];
    if (exception === undefined || exception.index !== index) {
      ledger.written(call, revision, true);
      revision += 1;
      continue;
    }
    next += 1;
    if (exception.code === Code.NOT_FOUND) {
      ledger.written(call, 0, false);
    } else {
      const message = describeAnswer(exception.code, exception.message);
      const code = errorCodeOf(exception.code);
      ledger.failed(call, { code, message, outcome: 'notCommitted' });
    }
  }
}
