// The minimiser against runs made up here: a run "fails" when its plan still has what the failure
// needs. What it must find is known, and so is how many runs it may take.
import { describe, expect, it } from '@jest/globals';
import { injectedFaults, minimise } from '../src/minimise.js';
import { planOf, type RunPlan, replayOptions } from '../src/run-plan.js';
import type { Runner, RunReport } from '../src/run-report.js';
import { noStats } from '../src/run-stats.js';

const FAULT_GAP_MS = 100;
const SIZE = { clientCount: 4, callersPerClient: 3, safetyMs: 8_000 };

interface Needs {
  readonly faults: readonly number[];
  readonly clients: number;
  /** Another failure without these faults. */
  readonly otherwise?: string;
}

function runnerOf({ faults, clients, otherwise }: Needs): Runner {
  return async (plan: RunPlan): Promise<RunReport> => {
    const size = {
      clientCount: plan.clientCount ?? SIZE.clientCount,
      callersPerClient: plan.callersPerClient ?? SIZE.callersPerClient,
      safetyMs: plan.safetyMs ?? SIZE.safetyMs,
    };
    const faultCount = Math.floor(size.safetyMs / FAULT_GAP_MS);
    const takesPlace = (fault: number): boolean =>
      fault <= faultCount && !plan.skipFaults.has(fault);
    const fails = faults.every(takesPlace) && size.clientCount >= clients;
    const kind = fails ? 'safety' : otherwise;
    const virtualMs = fails ? Math.max(...faults) * FAULT_GAP_MS : size.safetyMs;
    return {
      plan,
      size,
      line: '',
      stats: { ...noStats, virtualMs, faultCount: Math.min(faultCount, virtualMs / FAULT_GAP_MS) },
      failure: kind === undefined ? undefined : { kind, message: '', stack: '' },
    };
  };
}

describe('the minimiser', () => {
  it('keeps only the faults and the clients that the failure needs', async () => {
    const run = runnerOf({ faults: [7, 23], clients: 2 });
    const { report, runs } = await minimise(await run(planOf(5)), run, 100);
    expect(injectedFaults(report)).toEqual([7, 23]);
    expect(report.size).toEqual({ clientCount: 2, callersPerClient: 1, safetyMs: 2301 });
    expect(runs).toBeLessThan(60);
    const options = '--seed 5 --skip-faults 1-6,8-22 --clients 2 --callers 1 --safety-ms 2301';
    expect(replayOptions(report.plan)).toBe(options);
  });

  it('takes no other kind of failure for the one it was given', async () => {
    const run = runnerOf({ faults: [3], clients: 1, otherwise: 'liveness' });
    const { report } = await minimise(await run(planOf(1)), run, 100);
    expect(report.failure?.kind).toBe('safety');
    expect(injectedFaults(report)).toEqual([3]);
  });

  it('stops at its bound with the smallest run so far', async () => {
    let runs = 0;
    const needs = runnerOf({ faults: [7, 23], clients: 2 });
    const run: Runner = (plan) => {
      runs += 1;
      return needs(plan);
    };
    const found = await needs(planOf(5));
    const { report, runs: told } = await minimise(found, run, 5);
    expect(runs).toBe(5);
    expect(told).toBe(5);
    expect(report.failure?.kind).toBe('safety');
  });
});
