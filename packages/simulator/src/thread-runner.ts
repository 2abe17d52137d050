/** Runs plans in a thread of its own, one at a time. */
import { Worker } from 'node:worker_threads';
import type { RunPlan } from './run-plan.js';
import type { RunReport } from './run-report.js';
import { noStats } from './run-stats.js';

export class ThreadRunner {
  #worker: Worker | undefined;

  run(plan: RunPlan): Promise<RunReport> {
    this.#worker ??= new Worker(new URL('./worker.js', import.meta.url));
    const worker = this.#worker;
    return new Promise((resolve) => {
      const onReport = (report: RunReport): void => {
        worker.off('error', onError);
        resolve(report);
      };
      // The thread is gone (out of memory, an error outside of the run); the next plan starts one.
      const onError = (error: Error): void => {
        worker.off('message', onReport);
        this.#worker = undefined;
        resolve(reportOf(plan, error));
      };
      worker.once('message', onReport);
      worker.once('error', onError);
      worker.postMessage(plan);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }
}

function reportOf(plan: RunPlan, error: Error): RunReport {
  const { message, stack = message } = error;
  return {
    plan,
    size: { clientCount: 0, callersPerClient: 0, safetyMs: 0 },
    line: `seed ${plan.seed} FAILED thread: ${message}`,
    stats: noStats,
    failure: { kind: 'thread', message, stack },
  };
}
