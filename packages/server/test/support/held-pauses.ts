/** Pauses that end when the test says so. */
import type { Pausing } from '../../src/node/admission.js';

export class HeldPauses implements Pausing {
  /** What waits for its pause to end. */
  readonly waiting: (() => void)[] = [];
  readonly stopping: AbortController = new AbortController();
  readonly signal: AbortSignal = this.stopping.signal;
  readonly random = (): number => 0.5;
  readonly scheduler: Pausing['scheduler'] = {
    after: (_ms, run) => {
      this.waiting.push(run);
      return { cancel: () => undefined };
    },
  };

  /** Ends the pause that is under way; what follows from that has happened. */
  async goOn(): Promise<void> {
    this.waiting.shift()?.();
    await settled();
  }
}

/** What follows from an answer has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
