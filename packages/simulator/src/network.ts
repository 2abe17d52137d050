/** The doubled network between places (nodes and clients): latency, loss, duplication, cuts. */
import type { SeededRandom } from './random.js';
import type { NetworkConditions } from './swarm.js';
import type { VirtualTime } from './virtual-time.js';

export class Network {
  conditions: NetworkConditions;
  /** Messages by what became of them. */
  readonly counts = { sent: 0, lost: 0, duplicated: 0, delayed: 0 };
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #cut = new Set<string>();

  constructor(time: VirtualTime, random: SeededRandom, conditions: NetworkConditions) {
    this.#time = time;
    this.#random = random;
    this.conditions = conditions;
  }

  latencyMs(): number {
    const { latencyMinMs, latencyMaxMs } = this.conditions;
    return this.#random.between(latencyMinMs, latencyMaxMs);
  }

  isCut(from: string, to: string): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** A datagram: may be lost, doubled or late. `onLost` is told when it is. */
  send(from: string, to: string, run: () => void, onLost: () => void): void {
    const { loss, duplication, delay, delayMaxMs } = this.conditions;
    this.counts.sent += 1;
    if (this.isCut(from, to) || this.#random.chance(loss)) {
      this.counts.lost += 1;
      onLost();
      return;
    }
    const copies = this.#random.chance(duplication) ? 2 : 1;
    this.counts.duplicated += copies - 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const isLate = this.#random.chance(delay);
      if (isLate) this.counts.delayed += 1;
      const lateMs = isLate ? this.#random.between(0, delayMaxMs) : 0;
      this.#time.after(this.latencyMs() + lateMs, run);
    }
  }
}
