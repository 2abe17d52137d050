import { SimulationFailure } from './failure.js';
import { Simulation, type SimulationResult, type Tracer } from './simulation.js';

export type SeedResult =
  | { readonly kind: 'passed'; readonly seed: number; readonly result: SimulationResult }
  | { readonly kind: 'failed'; readonly seed: number; readonly failure: SimulationFailure };

/** Runs one seed. A pure function of (seed, code). */
export async function runSeed(seed: number, tracer?: Tracer): Promise<SeedResult> {
  try {
    return { kind: 'passed', seed, result: await new Simulation(seed, tracer).run() };
  } catch (error) {
    const failure =
      error instanceof SimulationFailure
        ? error
        : new SimulationFailure('crash', (error as Error).message, error);
    return { kind: 'failed', seed, failure };
  }
}

/** The line that is the same for the same seed and code. */
export function lineOf(result: SeedResult): string {
  if (result.kind === 'failed') {
    return `seed ${result.seed} FAILED ${result.failure.kind}: ${result.failure.message}`;
  }
  const { digest, virtualMs, events, calls, unknown, elections, faults } = result.result;
  const seconds = (virtualMs / 1000).toFixed(1);
  return (
    `seed ${result.seed} digest ${digest} (${seconds} s, ${events} events, ${calls} calls, ` +
    `${unknown} unknown, ${elections} elections, ${faults} faults)`
  );
}
