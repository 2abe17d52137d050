/** `npm run sim`: replays a seed, searches for one that fails, or measures. */
import { randomInt } from 'node:crypto';
import { commitOf } from './commit.js';
import { injectedFaults, minimise } from './minimise.js';
import {
  type Command,
  parseCommand,
  type ReplayCommand,
  type SearchCommand,
  UsageError,
  usage,
} from './options.js';
import { Progress } from './progress.js';
import { replayOptions } from './run-plan.js';
import { type Runner, type RunReport, runAndReport } from './run-report.js';
import { search, seedsOf } from './search.js';
import { measureSpeed } from './speed.js';
import { ThreadRunner } from './thread-runner.js';

const PROGRESS_MS = 5_000;
/** Fresh seeds start below this, so that a search never runs out of them. */
const FRESH_MAX = 2 ** 31;

const say = (line: string): void => console.log(line);
const runHere: Runner = (plan) => runAndReport(plan);

async function main(command: Command): Promise<number> {
  switch (command.kind) {
    case 'replay':
      return replay(command);
    case 'search':
      return searchSeeds(command);
    case 'speed':
      return (await measureSpeed(runHere, say)) ? 0 : 1;
    case 'help':
      say(usage);
      return 0;
  }
}

async function replay({ plan, trace, minimiseRuns }: ReplayCommand): Promise<number> {
  const tracer = (atMs: number, line: string): void =>
    say(`${atMs.toFixed(3).padStart(11)} ${line}`);
  const report = await runAndReport(plan, trace ? tracer : undefined);
  if (report.failure === undefined) {
    say(report.line);
    return 0;
  }
  tell(report);
  if (trace) say(report.failure.stack);
  if (minimiseRuns > 0) await tellSmallest(report, runHere, minimiseRuns);
  return 1;
}

async function searchSeeds(command: SearchCommand): Promise<number> {
  const { jobs, keepGoing, minimiseRuns } = command;
  const threads = Array.from({ length: jobs === 1 ? 0 : jobs }, () => new ThreadRunner());
  const inThreads = threads.map(
    (thread): Runner =>
      (plan) =>
        thread.run(plan),
  );
  const runners = inThreads.length === 0 ? [runHere] : inThreads;
  const startMs = performance.now();
  const progress = new Progress(startMs);
  let toldMs = startMs;
  const onReport = (report: RunReport): void => {
    progress.add(report.stats);
    if (report.failure !== undefined) tell(report);
    else if (command.last !== undefined) say(report.line);
    if (performance.now() - toldMs < PROGRESS_MS) return;
    toldMs = performance.now();
    say(progress.line(toldMs));
  };
  const failed = await search({ runners, nextSeed: seedsFor(command), keepGoing, onReport });
  say(`${progress.line(performance.now())}; ${failed.length} failed`);
  const [first] = failed;
  const [runner = runHere] = runners;
  if (first !== undefined && minimiseRuns > 0) await tellSmallest(first, runner, minimiseRuns);
  await Promise.all(threads.map((thread) => thread.close()));
  return first === undefined ? 0 : 1;
}

function seedsFor({ first, last, minutes }: SearchCommand): () => number | undefined {
  const from = first ?? randomInt(FRESH_MAX);
  if (last !== undefined) return seedsOf(from, last);
  say(`fresh seeds from ${from}, commit ${commitOf(import.meta.dirname)}`);
  const endMs = performance.now() + minutes * 60_000;
  const next = seedsOf(from, 2 * FRESH_MAX - 1);
  return () => (performance.now() < endMs ? next() : undefined);
}

function tell({ line, plan }: RunReport): void {
  say(`${line}\n  commit ${commitOf(import.meta.dirname)}`);
  say(`  replay: npm run sim -- ${replayOptions(plan)} --trace`);
}

async function tellSmallest(found: RunReport, run: Runner, runsMax: number): Promise<void> {
  say(`making it smaller, in at most ${runsMax} runs`);
  const { report, runs } = await minimise(found, run, runsMax);
  const { size, stats } = report;
  const faults = `${injectedFaults(report).length} of ${found.stats.faultCount} faults`;
  const clients = `${size.clientCount} clients of ${size.callersPerClient} callers`;
  say(`after ${runs} runs: ${faults}, ${clients}, safety phase of ${size.safetyMs} ms`);
  say(`  ${report.line} (${stats.events} events, before ${found.stats.events})`);
  say(`  replay: npm run sim -- ${replayOptions(report.plan)} --trace`);
}

try {
  process.exitCode = await main(parseCommand(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`sim: ${error.message} (--help says more)`);
  process.exitCode = 2;
}
