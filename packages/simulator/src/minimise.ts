/**
 * Makes a failing run smaller while it fails in the same way: a shorter safety phase, fewer faults
 * (delta debugging), fewer clients and callers. A candidate is one run; their number is bounded.
 */
import type { RunPlan } from './run-plan.js';
import type { Runner, RunReport } from './run-report.js';

/** How often all of it is gone through: less of one thing may allow less of another. */
const ROUNDS_MAX = 3;
const SAFETY_MS_MIN = 50;

interface Minimised {
  /** The smallest failing run found. */
  readonly report: RunReport;
  readonly runs: number;
}

export async function minimise(found: RunReport, run: Runner, runsMax: number): Promise<Minimised> {
  return new Minimiser(found, run, runsMax).minimise();
}

/** Faults that take place in the run. */
export function injectedFaults({ plan, stats }: RunReport): number[] {
  const all = Array.from({ length: stats.faultCount }, (_, index) => index + 1);
  return all.filter((number) => !plan.skipFaults.has(number));
}

class Minimiser {
  readonly #run: Runner;
  readonly #runsMax: number;
  readonly #kind: string | undefined;
  #best: RunReport;
  #runs = 0;

  constructor(found: RunReport, run: Runner, runsMax: number) {
    this.#run = run;
    this.#runsMax = runsMax;
    this.#kind = found.failure?.kind;
    this.#best = found;
  }

  async minimise(): Promise<Minimised> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const before = this.#best;
      await this.#shortenSafety();
      await this.#dropFaults();
      await this.#dropClients();
      if (this.#best === before || this.#runs >= this.#runsMax) break;
    }
    return { report: this.#best, runs: this.#runs };
  }

  /** A failure within the safety phase cannot be due to what would have come later. */
  async #shortenSafety(): Promise<void> {
    const failedAtMs = Math.ceil(this.#best.stats.virtualMs) + 1;
    if (failedAtMs < this.#best.size.safetyMs) await this.#try({ safetyMs: failedAtMs });
    for (const share of [0.25, 0.5, 0.75]) {
      const safetyMs = Math.floor(this.#best.size.safetyMs * share);
      if (safetyMs >= SAFETY_MS_MIN && (await this.#try({ safetyMs }))) break;
    }
  }

  /** Leaves out all, then halves, quarters, … of the faults that are left (ddmin). */
  async #dropFaults(): Promise<void> {
    let parts = 1;
    for (;;) {
      const left = injectedFaults(this.#best);
      if (left.length === 0 || this.#runs >= this.#runsMax) return;
      const size = Math.ceil(left.length / parts);
      const isSmaller = await this.#dropOneOf(chunks(left, size));
      if (!isSmaller && size === 1) return;
      // What is left after a success is cut into as many parts as before, less the one dropped.
      parts = isSmaller ? Math.max(2, parts - 1) : parts * 2;
    }
  }

  async #dropOneOf(candidates: readonly (readonly number[])[]): Promise<boolean> {
    for (const chunk of candidates) {
      const skipFaults = new Set([...this.#best.plan.skipFaults, ...chunk]);
      if (await this.#try({ skipFaults })) return true;
    }
    return false;
  }

  async #dropClients(): Promise<void> {
    const { size } = this.#best;
    for (let clientCount = 1; clientCount < size.clientCount; clientCount += 1) {
      if (await this.#try({ clientCount })) break;
    }
    for (
      let callersPerClient = 1;
      callersPerClient < size.callersPerClient;
      callersPerClient += 1
    ) {
      if (await this.#try({ callersPerClient })) break;
    }
  }

  async #try(change: Partial<RunPlan>): Promise<boolean> {
    if (this.#runs >= this.#runsMax) return false;
    this.#runs += 1;
    const report = await this.#run({ ...this.#best.plan, ...change });
    if (report.failure?.kind !== this.#kind) return false;
    // Faults that are no longer reached need not be named.
    const { faultCount } = report.stats;
    const skipFaults = new Set([...report.plan.skipFaults].filter((n) => n <= faultCount));
    this.#best = { ...report, plan: { ...report.plan, skipFaults } };
    return true;
  }
}

function chunks<Item>(items: readonly Item[], size: number): (readonly Item[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, at) => items.slice(at * size, (at + 1) * size));
}
