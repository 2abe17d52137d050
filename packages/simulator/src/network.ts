/**
 * The doubled network between places (nodes and clients): latency, loss, duplication, cuts, clogs
 * that hold messages and let them go in a burst, and messages that come again terms later.
 */
import type { MessageClass } from './message-class.js';
import type { SeededRandom } from './random.js';
import type { NetworkConditions } from './swarm.js';
import type { VirtualTime } from './virtual-time.js';

/** Messages one clogged direction holds; more are lost. */
const CLOGGED_MAX = 2_000;
/** Messages kept for a delivery long after their time; each new one takes another's place. */
const STALE_MAX = 128;
const STALE_SHARE = 0.05;

interface Envelope {
  readonly from: string;
  readonly to: string;
  readonly run: () => void;
}

export class Network {
  conditions: NetworkConditions;
  /** Messages by what became of them. */
  readonly counts = { sent: 0, lost: 0, duplicated: 0, delayed: 0, clogged: 0, stale: 0 };
  /** Chance that a message of the class is lost, beside all other reasons. */
  readonly dropped: Map<MessageClass, number> = new Map();
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #cut = new Set<string>();
  readonly #clogged = new Map<string, Envelope[]>();
  readonly #stale: Envelope[] = [];

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
    return this.#cut.size > 0 && this.#cut.has(`${from}>${to}`);
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** Ends all cuts, clogs and drops. */
  heal(): void {
    this.#cut.clear();
    this.dropped.clear();
    for (const direction of [...this.#clogged.keys()]) this.#release(direction);
  }

  clog(from: string, to: string): void {
    const direction = `${from}>${to}`;
    if (!this.#clogged.has(direction)) this.#clogged.set(direction, []);
  }

  /** What was held arrives at once, in the order it was sent. */
  unclog(from: string, to: string): void {
    this.#release(`${from}>${to}`);
  }

  /** Messages kept since the last time come again, in any order; says how many. */
  replayStale(): number {
    const kept = this.#stale.splice(0);
    this.counts.stale += kept.length;
    for (const { from, to, run } of kept) {
      if (this.isCut(from, to)) continue;
      this.#time.after(this.latencyMs() + this.#random.between(0, 5), run);
    }
    return kept.length;
  }

  /** A datagram: may be lost, doubled or late. `onLost` is told when it is. */
  send(
    from: string,
    to: string,
    run: () => void,
    onLost: () => void,
    kind: MessageClass = 'other',
  ): void {
    const { loss, duplication, delay, delayMaxMs } = this.conditions;
    this.counts.sent += 1;
    if (this.isCut(from, to) || this.#random.chance(loss) || this.#isDropped(kind)) {
      this.counts.lost += 1;
      onLost();
      return;
    }
    const envelope = { from, to, run };
    if (this.#holds(envelope)) return;
    if (this.#random.chance(STALE_SHARE)) this.#keep(envelope);
    const copies = this.#random.chance(duplication) ? 2 : 1;
    this.counts.duplicated += copies - 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const isLate = this.#random.chance(delay);
      if (isLate) this.counts.delayed += 1;
      const lateMs = isLate ? this.#random.between(0, delayMaxMs) : 0;
      this.#time.after(this.latencyMs() + lateMs, run);
    }
  }

  #isDropped(kind: MessageClass): boolean {
    const chance = this.dropped.size === 0 ? undefined : this.dropped.get(kind);
    return chance !== undefined && this.#random.chance(chance);
  }

  #holds(envelope: Envelope): boolean {
    if (this.#clogged.size === 0) return false;
    const held = this.#clogged.get(`${envelope.from}>${envelope.to}`);
    if (held === undefined) return false;
    this.counts.clogged += 1;
    if (held.length < CLOGGED_MAX) held.push(envelope);
    else this.counts.lost += 1;
    return true;
  }

  #release(direction: string): void {
    const held = this.#clogged.get(direction) ?? [];
    this.#clogged.delete(direction);
    const latencyMs = this.latencyMs();
    for (const { run } of held) this.#time.after(latencyMs, run);
  }

  #keep(envelope: Envelope): void {
    if (this.#stale.length < STALE_MAX) this.#stale.push(envelope);
    else this.#stale[this.#random.below(STALE_MAX)] = envelope;
  }
}
