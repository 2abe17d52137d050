/** What `npm run bench` can be told. */
import { type LoadOp, loadOps } from './load-messages.js';
import type { LoadCase, Timing } from './measure.js';
import { parseCommand, UsageError, wholeNumber, wholeNumbers } from './options.js';

const profileTargets = ['client', 'leader', 'followers'] as const;
export type ProfileTarget = (typeof profileTargets)[number];

export interface BenchOptions {
  readonly timing: Timing;
  readonly cases: readonly LoadCase[];
  readonly json: boolean;
  readonly profile: ProfileTarget | undefined;
  readonly dataDir: string | undefined;
}

export const benchUsage = `usage: npm run bench -- [options]

Measures a cluster of three server processes on this machine, on loopback, with the log synced to
disk before every answer. The load comes from a process of its own.

  --ops LIST          of set, get (SDK) and unary (sets, generated gRPC client); default all
  --callers LIST      calls under way at once; default 1,10,100,1000
  --value-bytes LIST  default 64,1024
  --seconds N         of each run; default 3
  --warm-up N         seconds before the first run of each case; default 1
  --runs N            the one with the median rate is shown; default 3
  --data-dir DIR      disk to measure; default the system's temporary directory
  --profile WHO       client, leader or followers: writes their CPU profiles
  --json              everything measured, as JSON on standard output`;

/** undefined: help was asked for. */
export function parseBenchOptions(args: readonly string[]): BenchOptions | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseCommand({
    args: [...args],
    options: {
      ops: { ...text, default: loadOps.join(',') },
      callers: { ...text, default: '1,10,100,1000' },
      'value-bytes': { ...text, default: '64,1024' },
      seconds: { ...text, default: '3' },
      'warm-up': { ...text, default: '1' },
      runs: { ...text, default: '3' },
      'data-dir': text,
      profile: text,
      json: flag,
      help: flag,
    },
  });
  if (values.help) return undefined;
  const ops = values.ops.split(',').map((word) => oneOf('ops', word, loadOps));
  const sizes = wholeNumbers('value-bytes', values['value-bytes'], 0, 1_048_576);
  const callers = wholeNumbers('callers', values.callers, 1, 10_000);
  const { profile } = values;
  return {
    timing: {
      seconds: wholeNumber('seconds', values.seconds, 1, 3_600),
      warmupSeconds: wholeNumber('warm-up', values['warm-up'], 0, 3_600),
      runs: wholeNumber('runs', values.runs, 1, 99),
    },
    cases: casesOf(ops, sizes, callers),
    json: values.json,
    profile: profile === undefined ? undefined : oneOf('profile', profile, profileTargets),
    dataDir: values['data-dir'],
  };
}

function casesOf(
  ops: readonly LoadOp[],
  sizes: readonly number[],
  callers: readonly number[],
): LoadCase[] {
  return ops.flatMap((op) =>
    sizes.flatMap((valueBytes) => callers.map((count) => ({ op, valueBytes, callers: count }))),
  );
}

function oneOf<T extends string>(name: string, word: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === word);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} takes ${allowed.join(', ')}; not ${word}`);
}
