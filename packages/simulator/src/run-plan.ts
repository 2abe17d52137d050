/** What a run is a function of, beside the code: the seed, and what is taken away from its draw. */

import { steadyLoad } from './steady-load.js';
import type { Swarm } from './swarm.js';

export interface RunPlan {
  readonly seed: number;
  /** Numbers of the faults, from 1 in the order of the run, that are not injected. */
  readonly skipFaults: ReadonlySet<number>;
  /** Lower bounds of what the seed drew; undefined: as drawn. */
  readonly clientCount: number | undefined;
  readonly callersPerClient: number | undefined;
  readonly safetyMs: number | undefined;
  /** What a script fixes, whatever the seed drew. */
  readonly fixed: Partial<Swarm>;
  /** Replaces the cluster and the load by those that speed is measured with. */
  readonly steady: boolean;
}

export function planOf(seed: number): RunPlan {
  return {
    seed,
    skipFaults: new Set(),
    clientCount: undefined,
    callersPerClient: undefined,
    safetyMs: undefined,
    fixed: {},
    steady: false,
  };
}

/** The swarm of the seed, cut down as the plan says. */
export function plannedSwarm(drawn: Swarm, plan: RunPlan): Swarm {
  const swarm = plan.steady ? steadyLoad(drawn) : drawn;
  return {
    ...swarm,
    ...plan.fixed,
    clientCount: plan.clientCount ?? swarm.clientCount,
    callersPerClient: plan.callersPerClient ?? swarm.callersPerClient,
    safetyMs: plan.safetyMs ?? swarm.safetyMs,
  };
}

/** The options that give exactly this run. */
export function replayOptions(plan: RunPlan): string {
  const words = [`--seed ${plan.seed}`];
  if (plan.steady) words.push('--steady');
  if (plan.skipFaults.size > 0) words.push(`--skip-faults ${formatRanges(plan.skipFaults)}`);
  if (plan.clientCount !== undefined) words.push(`--clients ${plan.clientCount}`);
  if (plan.callersPerClient !== undefined) words.push(`--callers ${plan.callersPerClient}`);
  if (plan.safetyMs !== undefined) words.push(`--safety-ms ${plan.safetyMs}`);
  return words.join(' ');
}

/** `1,3-7`: numbers in ascending order, neighbours as ranges. */
function formatRanges(numbers: Iterable<number>): string {
  const ranges: { readonly first: number; last: number }[] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const open = ranges.at(-1);
    if (open !== undefined && number === open.last + 1) open.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join();
}
