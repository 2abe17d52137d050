/** `--seed N [--trace]` replays one run, `--seeds A..B` searches; exit code 1 when one fails. */
import { parseArgs } from 'node:util';
import { lineOf, runSeed } from './run.js';

const USAGE = 'usage: sim (--seed N [--trace] | --seeds A..B [--keep-going])';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      trace: { type: 'boolean', default: false },
      'keep-going': { type: 'boolean', default: false },
    },
  });
  const range = rangeOf(values.seed, values.seeds);
  if (range === undefined) {
    console.error(USAGE);
    return 2;
  }
  const tracer = values.trace
    ? (atMs: number, line: string): void => console.log(`${atMs.toFixed(3).padStart(11)} ${line}`)
    : undefined;
  const startMs = performance.now();
  let virtualMs = 0;
  let failed = 0;
  for (let seed = range.first; seed <= range.last; seed += 1) {
    const outcome = await runSeed(seed, tracer);
    console.log(lineOf(outcome));
    if (outcome.kind === 'passed') {
      virtualMs += outcome.result.virtualMs;
      continue;
    }
    failed += 1;
    const { cause } = outcome.failure;
    if (values.trace) console.error(cause instanceof Error ? cause.stack : outcome.failure.stack);
    if (!values['keep-going']) return 1;
  }
  const speed = virtualMs / (performance.now() - startMs);
  console.error(`${range.last - range.first + 1} seeds, ${failed} failed, ${speed.toFixed(0)}×`);
  return failed === 0 ? 0 : 1;
}

function rangeOf(
  seed: string | undefined,
  seeds: string | undefined,
): { readonly first: number; readonly last: number } | undefined {
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(seeds ?? seed ?? '');
  if (match === null) return undefined;
  const first = Number(match[1]);
  return { first, last: Number(match[2] ?? first) };
}

process.exitCode = await main();
