/** Callers that think, call, wait for the answer, and think again. */
import type { CallKind, CallRecord, CallSpec } from './call-record.js';
import type { SeededRandom } from './random.js';
import type { World } from './world.js';

/** Keys that everybody uses, when there is contention. */
const HOT_KEYS = 3;

/** What callers need of their client. */
interface WorkloadClient {
  call(
    specs: readonly CallSpec[],
    waitMs: number,
    onDone: (records: readonly CallRecord[]) => void,
  ): void;
}

export class Workload {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #client: WorkloadClient;
  #isStopped = false;

  constructor(world: World, client: WorkloadClient) {
    this.#world = world;
    this.#random = world.random.fork();
    this.#client = client;
  }

  start(callers: number): void {
    for (let caller = 0; caller < callers; caller += 1) this.#think();
  }

  stop(): void {
    this.#isStopped = true;
  }

  #think(): void {
    const { time, swarm } = this.#world;
    time.after(this.#random.between(0, 2 * swarm.thinkMs), () => {
      if (this.#isStopped) return;
      const { deadlineMinMs, deadlineMaxMs } = swarm;
      const waitMs = this.#random.between(deadlineMinMs, deadlineMaxMs);
      this.#client.call(this.#specs(), waitMs, () => this.#think());
    });
  }

  #specs(): readonly CallSpec[] {
    const { keysPerCallMax, stale } = this.#world.swarm;
    const kind = this.#kind();
    const isRead = kind === 'get' || kind === 'has';
    const isStale = isRead && this.#random.chance(stale);
    const isMany = kind !== 'has' && keysPerCallMax > 1 && this.#random.chance(0.3);
    const count = isMany ? 1 + this.#random.below(keysPerCallMax) : 1;
    const keys = new Set(Array.from({ length: count }, () => this.#key()));
    return [...keys].map((key) => ({ kind, key, isStale, ...this.#ttl(kind) }));
  }

  #kind(): CallKind {
    if (this.#random.chance(this.#world.swarm.writes)) {
      return this.#random.chance(0.8) ? 'set' : 'delete';
    }
    return this.#random.chance(0.9) ? 'get' : 'has';
  }

  #key(): string {
    const { keyCount, contention } = this.#world.swarm;
    const isHot = this.#random.chance(contention);
    return `k${this.#random.below(isHot ? Math.min(HOT_KEYS, keyCount) : keyCount)}`;
  }

  #ttl(kind: CallKind): Pick<CallSpec, 'ttlMs' | 'keepTtl'> {
    const { ttls, ttlsMs } = this.#world.swarm;
    if (kind !== 'set' || !this.#random.chance(ttls)) return { ttlMs: 0, keepTtl: false };
    const keepTtl = this.#random.chance(0.2);
    return { ttlMs: keepTtl ? 0 : this.#random.pick(ttlsMs), keepTtl };
  }
}
