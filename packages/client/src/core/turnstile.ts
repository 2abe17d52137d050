/**
 * Lets one step run at a time: what a link or a caller reports from inside a step waits until that
 * step is over. Links and callers may therefore be synchronous.
 */
export class Turnstile {
  #isBusy = false;
  #waiting: (() => void)[] = [];

  run(step: () => void): void {
    if (this.#isBusy) {
      // Bounded: one per message of a link, and links answer what the core sent.
      this.#waiting.push(step);
      return;
    }
    this.#isBusy = true;
    try {
      step();
      while (this.#waiting.length > 0) {
        const steps = this.#waiting;
        this.#waiting = [];
        for (const waiting of steps) waiting();
      }
    } finally {
      this.#isBusy = false;
    }
  }
}
