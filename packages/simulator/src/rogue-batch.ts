/** A batch sent by hand, any number of times: what its transmissions prove together (R15). */
import { Code, Outcome, type WriteAnswer } from '@cashe/codec';
import type { CallRecord } from './call-record.js';
import type { Recorder } from './recorder.js';

interface Sending {
  readonly sequence: number;
  readonly ops: Uint8Array;
  readonly waitMs: number;
}

export class RogueBatch {
  readonly sequence: number;
  readonly ops: Uint8Array;
  readonly waitMs: number;
  readonly #recorder: Recorder;
  readonly #records: readonly CallRecord[];
  /** Transmissions that are not known to be refused. */
  #open = 0;
  #isSettled = false;
  #isRefused = false;

  constructor(recorder: Recorder, records: readonly CallRecord[], sending: Sending) {
    this.#recorder = recorder;
    this.#records = records;
    this.sequence = sending.sequence;
    this.ops = sending.ops;
    this.waitMs = sending.waitMs;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  get mayBeSentAgain(): boolean {
    return !this.#isRefused;
  }

  transmitted(): void {
    this.#open += 1;
  }

  answered({ code, outcome, firstRevision, exceptions }: WriteAnswer): void {
    if (outcome === Outcome.NOT_COMMITTED) this.#open -= 1;
    if (this.#isSettled) return;
    if (code === Code.OK) {
      const failed = new Map(exceptions.map((exception) => [exception.index, exception.code]));
      this.#settle((index) => {
        const earlier = [...failed.keys()].filter((other) => other < index).length;
        const revision = firstRevision + index - earlier;
        const exception = failed.get(index);
        if (exception === undefined) return { outcome: 'committed', revision };
        return { outcome: 'notCommitted', code: `code ${exception}` };
      });
    } else if (this.#open === 0) {
      this.#isRefused = true;
      this.#settle(() => ({ outcome: 'notCommitted', code: `code ${code}` }));
    }
  }

  giveUp(): void {
    if (!this.#isSettled) this.#settle(() => ({ outcome: 'unknown', code: 'DEADLINE_EXCEEDED' }));
  }

  #settle(settled: (index: number) => Parameters<Recorder['settle']>[1]): void {
    this.#isSettled = true;
    for (const [index, record] of this.#records.entries()) {
      this.#recorder.settle(record, settled(index));
    }
  }
}
