/** `npm run bench`: sets and gets against a three-node cluster of real server processes. */
import { mkdtempSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BenchOptions,
  benchUsage,
  type ProfileTarget,
  parseBenchOptions,
} from './bench-options.js';
import { tableHead, tableRow } from './bench-report.js';
import { transferLeadership } from './cluster-calls.js';
import { ClusterProcess } from './cluster-process.js';
import { LoadProcess } from './load-process.js';
import { describeMachine, machineText } from './machine.js';
import { type CaseResult, measureCase } from './measure.js';
import { runCommand } from './options.js';
import { waitUntil } from './wait-until.js';

/** Profiles name processes by what they do in the run: the leader is this node then. */
const profiledLeader = 0;
const transferTimeoutMs = 10_000;

async function run(args: readonly string[]): Promise<number> {
  const options = parseBenchOptions(args);
  if (options === undefined) {
    process.stdout.write(`${benchUsage}\n`);
    return 0;
  }
  const machine = describeMachine(options.dataDir ?? tmpdir());
  const profiler = profilerOf(options.profile);
  const say = (text: string): void => {
    (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  };
  say(machineText(machine));
  say(headline(options));
  const { dataDir: parentDir } = options;
  const cluster = await ClusterProcess.start({
    execArgs: profiler.node,
    ...(parentDir === undefined ? {} : { parentDir }),
  });
  try {
    if (profiler.dir !== undefined) await leadWith(cluster, profiledLeader);
    const results = await measureAll(cluster, new LoadProcess(profiler.client), options, say);
    const loadAverageAfter = loadavg();
    say(`load average after ${loadAverageAfter.map((value) => value.toFixed(1)).join(' ')}`);
    if (options.json) {
      const { timing } = options;
      const all = { machine: { ...machine, loadAverageAfter }, timing, results };
      process.stdout.write(`${JSON.stringify(all, undefined, 2)}\n`);
    }
  } finally {
    await cluster.stop(profiler.dir === undefined ? 'kill' : 'graceful');
  }
  if (profiler.dir !== undefined) say(`CPU profiles in ${profiler.dir}`);
  return 0;
}

async function measureAll(
  cluster: ClusterProcess,
  load: LoadProcess,
  { cases, timing }: BenchOptions,
  say: (text: string) => void,
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  try {
    await load.connect(cluster.endpoints);
    say(tableHead());
    for (const one of cases) {
      const result = await measureCase(cluster, load, one, timing);
      results.push(result);
      say(tableRow(result));
    }
    return results;
  } finally {
    await load.stop();
  }
}

function headline({ timing: { runs, seconds, warmupSeconds } }: BenchOptions): string {
  const times = `${warmupSeconds} s warm-up, ${runs} × ${seconds} s, the run with the median rate`;
  return `3 nodes, every answer after fdatasync on a majority; ${times}\n`;
}

interface Profiler {
  /** Where the profiles go; undefined: nothing is profiled. */
  readonly dir: string | undefined;
  readonly client: readonly string[];
  readonly node: (index: number) => readonly string[];
}

function profilerOf(target: ProfileTarget | undefined): Profiler {
  if (target === undefined) return { dir: undefined, client: [], node: () => [] };
  const dir = mkdtempSync(join(tmpdir(), 'cashe-profile-'));
  const args = ['--cpu-prof', `--cpu-prof-dir=${dir}`];
  return {
    dir,
    client: target === 'client' ? args : [],
    node: (index) => (target === (index === profiledLeader ? 'leader' : 'followers') ? args : []),
  };
}

async function leadWith(cluster: ClusterProcess, index: number): Promise<void> {
  const wanted = cluster.node(index);
  await waitUntil(`${wanted.id} leads`, transferTimeoutMs, async () => {
    const leader = await cluster.leader();
    if (leader === wanted) return leader;
    await transferLeadership(leader.clientAddress, wanted.id, transferTimeoutMs);
    return undefined;
  });
}

await runCommand('bench', benchUsage, () => run(process.argv.slice(2)));
