/** How fast the simulator is: the same five nodes under steady load, without and with faults. */
import { planOf, type RunPlan } from './run-plan.js';
import type { Runner } from './run-report.js';
import { addStats, noStats } from './run-stats.js';

const SEEDS: readonly number[] = [1, 2, 3, 4, 5];
/** The first run of a process is slow: its code is not yet compiled. */
const WARM_UP: RunPlan = { ...planOf(1), steady: true };
/** All that can be. */
const FAULTS_MAX = 10_000;

export async function measureSpeed(run: Runner, say: (line: string) => void): Promise<boolean> {
  await run(WARM_UP);
  const none = new Set(Array.from({ length: FAULTS_MAX }, (_, index) => index + 1));
  const quiet = await measure(run, (seed) => ({ ...planOf(seed), steady: true, skipFaults: none }));
  say(`5 nodes, steady load, no faults: ${quiet.text}`);
  const faulty = await measure(run, (seed) => ({ ...planOf(seed), steady: true }));
  say(`5 nodes, steady load, faults: ${faulty.text}`);
  const drawn = await measure(run, planOf);
  say(`as the seeds draw it: ${drawn.text}`);
  return quiet.isPassed && faulty.isPassed && drawn.isPassed;
}

async function measure(
  run: Runner,
  planFor: (seed: number) => RunPlan,
): Promise<{ readonly isPassed: boolean; readonly text: string }> {
  const before = process.cpuUsage();
  let stats = noStats;
  let failed = 0;
  for (const seed of SEEDS) {
    const report = await run(planFor(seed));
    stats = addStats(stats, report.stats);
    if (report.failure !== undefined) failed += 1;
  }
  // Of processor time: other work on the machine does not change it much.
  const used = process.cpuUsage(before);
  const cpuMs = (used.user + used.system) / 1000;
  const { virtualMs, events, calls } = stats;
  const text = [
    `${(virtualMs / cpuMs).toFixed(0)}× real time`,
    `${((SEEDS.length * 1000) / cpuMs).toFixed(1)} runs/s`,
    `${(virtualMs / 1000).toFixed(0)} s simulated`,
    `${((cpuMs * 1000) / events).toFixed(1)} µs per event`,
    `${((events * 1000) / virtualMs).toFixed(0)} events and`,
  ].join(', ');
  const perSecond = ((calls * 1000) / virtualMs).toFixed(0);
  return { isPassed: failed === 0, text: `${text} ${perSecond} calls per simulated second` };
}
