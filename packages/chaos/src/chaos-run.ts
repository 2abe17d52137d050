/** One run: a cluster, its callers and its faults; then what they saw is checked. */
import { Availability } from './availability.js';
import { ChaosCluster } from './chaos-cluster.js';
import { calm, type FaultRun, runFaults } from './faults.js';
import { readEverything } from './final-reads.js';
import { Recorder } from './recorder.js';
import { describeRun, describeStep, type Figures } from './report.js';
import { makeRunDir, removeNodeData, writeHistory, writeJson, writeText } from './run-files.js';
import { makeSchedule, type Step } from './schedule.js';
import { withTtlBounds } from './ttl-bounds.js';
import { judge } from './verdict.js';
import { Workload } from './workload.js';

export interface ChaosOptions {
  readonly seed: number;
  /** Time of faults under load; the first round of all kinds is always finished. */
  readonly totalMs: number;
  /** A fault lasts up to this. */
  readonly lastsMsMax: number;
  readonly restMsMax: number;
  /** The run makes a directory in here. */
  readonly parentDir: string;
  readonly say: (line: string) => void;
}

const nodes = 3;
const lastsMsMin = 400;
const opsMax = 1_000_000;

interface Seen {
  readonly recorder: Recorder;
  readonly availability: Availability;
  readonly faults: FaultRun;
  readonly loadMs: number;
  /** Violations that the history does not show. */
  readonly others: readonly string[];
}

export async function runChaos(options: ChaosOptions): Promise<Figures> {
  const { seed, say } = options;
  const dir = makeRunDir(options.parentDir, seed);
  const schedule = makeSchedule({ ...options, nodes, lastsMsMin });
  writeJson(dir, 'seed.json', { seed, totalMs: options.totalMs, nodes });
  writeJson(dir, 'schedule.json', schedule);
  say(`seed ${seed}, files in ${dir}`);
  const cluster = await ChaosCluster.start(dir);
  try {
    const seen = await observe(options, cluster, schedule);
    await cluster.stop();
    const figures = await conclude(options, dir, seen);
    const ids = cluster.processes.nodes.map(({ id }) => id);
    if (figures.verdict.kind === 'survived') removeNodeData(dir, ids);
    return figures;
  } finally {
    await cluster.stop();
  }
}

async function observe(
  { seed, totalMs, say }: ChaosOptions,
  cluster: ChaosCluster,
  schedule: readonly Step[],
): Promise<Seen> {
  const availability = new Availability(calm, performance.now());
  const recorder = new Recorder(availability, opsMax);
  const workload = await Workload.connect(cluster.endpoints, recorder, seed);
  const startMs = performance.now();
  workload.start();
  const faults: FaultRun = { steps: [], restarts: [] };
  const others: string[] = [];
  try {
    await runFaults({
      cluster,
      availability,
      schedule,
      totalMs,
      run: faults,
      onStep: (step) => say(describeStep(step)),
    });
    await workload.stop();
    others.push(...(await readEverything(cluster, recorder)));
  } catch (error) {
    others.push(`liveness: ${describeError(error)}`);
  }
  const loadMs = performance.now() - startMs;
  await workload.close();
  return { recorder, availability, faults, loadMs, others: [...others, ...cluster.deaths] };
}

async function conclude({ seed }: ChaosOptions, dir: string, seen: Seen): Promise<Figures> {
  const { recorder, availability, faults, loadMs } = seen;
  const ops = withTtlBounds(recorder.history.ops, faults.restarts);
  await writeHistory(dir, ops);
  const figures: Figures = {
    seed,
    dir,
    loadMs,
    ops: ops.length,
    keys: recorder.keys.size,
    counts: recorder.counts,
    steps: faults.steps,
    longestMs: availability.longestMs,
    verdict: judge(ops, [...seen.others, ...recorder.surprises]),
  };
  writeJson(dir, 'steps.json', faults.steps);
  writeText(dir, 'report.txt', describeRun(figures));
  return figures;
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined
    ? error.message
    : `${error.message}: ${describeError(error.cause)}`;
}
