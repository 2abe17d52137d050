/** The far end of a thread runner: a plan comes in, its report goes out. */
import { parentPort } from 'node:worker_threads';
import type { RunPlan } from './run-plan.js';
import { runAndReport } from './run-report.js';

parentPort?.on('message', async (plan: RunPlan) => {
  parentPort?.postMessage(await runAndReport(plan));
});
