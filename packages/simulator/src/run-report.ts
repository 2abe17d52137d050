/** The outcome of one run as plain data, to be sent between threads. */
import { lineOf, runPlan } from './run.js';
import type { RunPlan } from './run-plan.js';
import type { RunStats } from './run-stats.js';
import type { Tracer } from './simulation.js';

/** How large the run was, drawn or planned. */
interface RunSize {
  readonly clientCount: number;
  readonly callersPerClient: number;
  readonly safetyMs: number;
}

interface ReportedFailure {
  readonly kind: string;
  readonly message: string;
  readonly stack: string;
}

export interface RunReport {
  readonly plan: RunPlan;
  readonly size: RunSize;
  readonly line: string;
  readonly stats: RunStats;
  readonly failure: ReportedFailure | undefined;
}

/** Runs a plan, here or in another thread. */
export type Runner = (plan: RunPlan) => Promise<RunReport>;

export async function runAndReport(plan: RunPlan, tracer?: Tracer): Promise<RunReport> {
  const outcome = await runPlan(plan, tracer);
  const { clientCount, callersPerClient, safetyMs } = outcome.swarm;
  const common = {
    plan,
    size: { clientCount, callersPerClient, safetyMs },
    line: lineOf(outcome),
  };
  if (outcome.kind === 'passed') {
    return { ...common, stats: outcome.result.stats, failure: undefined };
  }
  const { kind, message, stack, cause } = outcome.failure;
  const causeStack = cause instanceof Error ? cause.stack : undefined;
  const failure = { kind, message, stack: causeStack ?? stack ?? message };
  return { ...common, stats: outcome.stats, failure };
}
