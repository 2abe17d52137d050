import { SimulationFailure } from './failure.js';
import { planOf, type RunPlan } from './run-plan.js';
import type { RunStats } from './run-stats.js';
import { Simulation, type SimulationResult, type Tracer } from './simulation.js';
import type { Swarm } from './swarm.js';

export type SeedResult = { readonly seed: number; readonly swarm: Swarm } & (
  | { readonly kind: 'passed'; readonly result: SimulationResult }
  | {
      readonly kind: 'failed';
      readonly failure: SimulationFailure;
      /** Up to the failure. */
      readonly stats: RunStats;
    }
);

/** Runs one seed. A pure function of (seed, code). */
export function runSeed(seed: number, tracer?: Tracer): Promise<SeedResult> {
  return runPlan(planOf(seed), tracer);
}

/** Runs one seed without what its plan leaves out. A pure function of (plan, code). */
export async function runPlan(plan: RunPlan, tracer?: Tracer): Promise<SeedResult> {
  const { seed } = plan;
  const simulation = new Simulation(plan, tracer);
  const { swarm } = simulation;
  try {
    return { kind: 'passed', seed, swarm, result: await simulation.run() };
  } catch (error) {
    const failure =
      error instanceof SimulationFailure
        ? error
        : new SimulationFailure('crash', (error as Error).message, error);
    return { kind: 'failed', seed, swarm, failure, stats: simulation.stats() };
  }
}

/** The line that is the same for the same seed and code. */
export function lineOf(result: SeedResult): string {
  if (result.kind === 'failed') {
    const atS = (result.stats.virtualMs / 1000).toFixed(1);
    const { kind, message } = result.failure;
    return `seed ${result.seed} FAILED ${kind} after ${atS} s: ${message}`;
  }
  const { digest, stats } = result.result;
  const { virtualMs, events, calls, unknown, elections, faultCount } = stats;
  const seconds = (virtualMs / 1000).toFixed(1);
  return (
    `seed ${result.seed} digest ${digest} (${seconds} s, ${events} events, ${calls} calls, ` +
    `${unknown} unknown, ${elections} elections, ${faultCount} faults)`
  );
}
