/** Runs seed after seed, on all runners at once, until there are none left or one fails. */
import { planOf } from './run-plan.js';
import type { Runner, RunReport } from './run-report.js';

interface SearchOptions {
  readonly runners: readonly Runner[];
  /** Undefined: no more. */
  readonly nextSeed: () => number | undefined;
  readonly keepGoing: boolean;
  readonly onReport: (report: RunReport) => void;
}

/** The failed runs, in the order in which they ended. */
export async function search(options: SearchOptions): Promise<readonly RunReport[]> {
  const { runners, nextSeed, keepGoing, onReport } = options;
  const failed: RunReport[] = [];
  const work = async (run: Runner): Promise<void> => {
    while (keepGoing || failed.length === 0) {
      const seed = nextSeed();
      if (seed === undefined) return;
      const report = await run(planOf(seed));
      onReport(report);
      if (report.failure !== undefined) failed.push(report);
    }
  };
  await Promise.all(runners.map(work));
  return failed;
}

export function seedsOf(first: number, last: number): () => number | undefined {
  let next = first;
  return () => {
    if (next > last) return undefined;
    next += 1;
    return next - 1;
  };
}
