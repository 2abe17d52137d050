/** What `npm run chaos` can be told. */
import { randomInt } from 'node:crypto';
import { parseCommand, wholeNumber } from '@cashe/bench';

type Command =
  | { readonly kind: 'help' }
  /** Checks the history of an earlier run again. */
  | { readonly kind: 'check'; readonly dir: string }
  | { readonly kind: 'run'; readonly run: RunTimes };

interface RunTimes {
  readonly seed: number;
  readonly totalMs: number;
  readonly lastsMsMax: number;
  readonly restMsMax: number;
}

export const chaosUsage = `usage: npm run chaos -- [options]

Three server processes, a proxy on every connection, clients on contended keys, and faults. What
the clients saw is checked. Exits with 1 when something is wrong. Files go to ./data/chaos.

  --minutes M   of faults; default 5
  --seed N      of the schedule of faults and of the calls; default random
  --ci          45 seconds of short faults, each kind at least once
  --check DIR   check the history of an earlier run again`;

const seedMax = 2 ** 31 - 1;
const ciTimes = { totalMs: 32_000, lastsMsMax: 1_200, restMsMax: 600 } as const;
const longTimes = { lastsMsMax: 5_000, restMsMax: 2_000 } as const;

export function ciRun(seed: number): RunTimes {
  return { seed, ...ciTimes };
}

export function parseChaosCommand(args: readonly string[]): Command {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseCommand({
    args: [...args],
    options: {
      minutes: { ...text, default: '5' },
      seed: text,
      ci: flag,
      check: text,
      help: flag,
    },
  });
  if (values.help) return { kind: 'help' };
  if (values.check !== undefined) return { kind: 'check', dir: values.check };
  const seed =
    values.seed === undefined ? randomInt(seedMax) : wholeNumber('seed', values.seed, 0, seedMax);
  const minutes = wholeNumber('minutes', values.minutes, 1, 24 * 60);
  const run = values.ci ? ciRun(seed) : { seed, totalMs: minutes * 60_000, ...longTimes };
  return { kind: 'run', run };
}
