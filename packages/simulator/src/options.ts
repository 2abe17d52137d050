/** The simulator's command line. */
import { parseArgs } from 'node:util';
import { planOf, type RunPlan } from './run-plan.js';

export const usage = `usage: sim --seed N [--trace] [--minimise] [--skip-faults 3,7-12]
           [--clients N] [--callers N] [--safety-ms N] [--steady]     replays one run
       sim --seeds A..B [--jobs J] [--keep-going]       runs these
       sim --minutes M [--from N] [--jobs J] [--keep-going]   runs fresh ones
       sim --speed                                      measures
       --minimise-runs R   runs spent on making a failing one smaller (80; 0: none)`;

/** Seeds are numbers of 32 bits. */
const SEED_MAX = 2 ** 32 - 1;
const JOBS_MAX = 64;
const MINUTES_MAX = 7 * 24 * 60;
const FAULTS_MAX = 1_000_000;
const MINIMISE_RUNS = 80;

/** Something on the command line is wrong; the message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface SearchCommand {
  readonly kind: 'search';
  /** Undefined: fresh ones, until the time is over. */
  readonly last: number | undefined;
  /** Undefined: at random. */
  readonly first: number | undefined;
  readonly minutes: number;
  readonly jobs: number;
  readonly keepGoing: boolean;
  readonly minimiseRuns: number;
}

export interface ReplayCommand {
  readonly kind: 'replay';
  readonly plan: RunPlan;
  readonly trace: boolean;
  readonly minimiseRuns: number;
}

export type Command = SearchCommand | ReplayCommand | { readonly kind: 'speed' | 'help' };

const OPTIONS = {
  seed: { type: 'string' },
  seeds: { type: 'string' },
  minutes: { type: 'string' },
  speed: { type: 'boolean' },
  help: { type: 'boolean' },
  trace: { type: 'boolean' },
  minimise: { type: 'boolean' },
  'minimise-runs': { type: 'string' },
  'skip-faults': { type: 'string' },
  clients: { type: 'string' },
  callers: { type: 'string' },
  'safety-ms': { type: 'string' },
  steady: { type: 'boolean' },
  from: { type: 'string' },
  jobs: { type: 'string' },
  'keep-going': { type: 'boolean' },
} as const;

type Name = keyof typeof OPTIONS;
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** What each way of running takes; anything else beside it is a mistake. */
const SEARCH: readonly Name[] = ['jobs', 'keep-going', 'minimise-runs'];
const TAKES: Readonly<Record<string, readonly Name[]>> = {
  seed: [
    ...['trace', 'minimise', 'minimise-runs', 'skip-faults'],
    ...['clients', 'callers', 'safety-ms', 'steady'],
  ] as Name[],
  seeds: SEARCH,
  minutes: [...SEARCH, 'from'],
  speed: [],
  help: [],
};

export function parseCommand(args: readonly string[]): Command {
  const values = parsed(args);
  const given = Object.keys(values);
  const ways = given.filter((name) => name in TAKES);
  const [way] = ways;
  if (way === undefined || ways.length > 1) {
    throw new UsageError('give one of --seed, --seeds, --minutes, --speed');
  }
  const other = given.find((name) => name !== way && !TAKES[way]?.includes(name as Name));
  if (other !== undefined) throw new UsageError(`--${other} does not go with --${way}`);
  switch (way) {
    case 'seed':
      return replayOf(values);
    case 'seeds':
    case 'minutes':
      return searchOf(values);
    case 'speed':
      return { kind: 'speed' };
    default:
      return { kind: 'help' };
  }
}

function parsed(args: readonly string[]): Values {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function replayOf(values: Values): ReplayCommand {
  const plan: RunPlan = {
    ...planOf(whole(values, 'seed', 0, SEED_MAX) ?? 0),
    skipFaults: rangesOf('skip-faults', values['skip-faults'] ?? ''),
    clientCount: whole(values, 'clients', 1, 100),
    callersPerClient: whole(values, 'callers', 1, 1_000),
    safetyMs: whole(values, 'safety-ms', 1, 3_600_000),
    steady: values.steady === true,
  };
  const isMinimised = values.minimise === true;
  const minimiseRuns = isMinimised ? minimiseRunsOf(values) : 0;
  return { kind: 'replay', plan, trace: values.trace === true, minimiseRuns };
}

function searchOf(values: Values): SearchCommand {
  const range = values.seeds === undefined ? undefined : seedRange(values.seeds);
  return {
    kind: 'search',
    first: range?.first ?? whole(values, 'from', 0, SEED_MAX),
    last: range?.last,
    minutes: whole(values, 'minutes', 1, MINUTES_MAX) ?? MINUTES_MAX,
    jobs: whole(values, 'jobs', 1, JOBS_MAX) ?? 1,
    keepGoing: values['keep-going'] === true,
    minimiseRuns: minimiseRunsOf(values),
  };
}

function minimiseRunsOf(values: Values): number {
  return whole(values, 'minimise-runs', 0, 100_000) ?? MINIMISE_RUNS;
}

function seedRange(words: string): { readonly first: number; readonly last: number } {
  const [first, last, ...more] = words.split('..').map((word) => number(word, 0, SEED_MAX));
  if (first === undefined || last === undefined || more.length > 0 || first > last) {
    throw new UsageError(`--seeds must be A..B with A at most B, not ${words}`);
  }
  return { first, last };
}

function rangesOf(name: Name, words: string): Set<number> {
  const numbers = new Set<number>();
  for (const range of words === '' ? [] : words.split(',')) {
    const [first, last = first, ...more] = range.split('-').map((w) => number(w, 1, FAULTS_MAX));
    if (first === undefined || last === undefined || more.length > 0 || first > last) {
      throw new UsageError(`--${name} must be numbers and ranges like 3,7-12, not ${words}`);
    }
    for (let each = first; each <= last; each += 1) numbers.add(each);
  }
  return numbers;
}

type Numbered = Exclude<Name, 'speed' | 'help' | 'trace' | 'minimise' | 'steady' | 'keep-going'>;

function whole(values: Values, name: Numbered, min: number, max: number): number | undefined {
  const word = values[name];
  if (word === undefined) return undefined;
  const value = number(word, min, max);
  if (value !== undefined) return value;
  throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not ${word}`);
}

function number(word: string, min: number, max: number): number | undefined {
  const value = /^\d{1,15}$/.test(word) ? Number(word) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}
