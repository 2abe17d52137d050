// Whole runs of the real nodes and clients on virtual time. What a run checks is in src/watch.ts
// and src/checker. The fixed seeds passed and must go on passing; the fresh ones are others at
// every start, and a failing one is named with its replay. Their number bounds the time.
import { randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { lineOf, runSeed } from '../src/index.js';

const PASSED = /^seed \d+ digest [0-9a-f]{8} /;
const FIXED: readonly number[] = [1, 2, 3, 5, 6, 8, 10, 11, 12, 13, 14, 15, 18, 19, 20, 142];
const TWICE: readonly number[] = [3, 5, 9];
const FRESH_COUNT = 10;
const first = randomInt(2 ** 31);
const FRESH: readonly number[] = Array.from({ length: FRESH_COUNT }, (_, index) => first + index);
/** Of one run, on a machine that does much else. */
const RUN_MS_MAX = 60_000;

async function lineFor(seed: number): Promise<string> {
  const line = lineOf(await runSeed(seed));
  return PASSED.test(line) ? line : `${line}\nnpm run sim -- --seed ${seed} --trace`;
}

describe('a simulated cluster', () => {
  const survives = async (seed: number): Promise<void> => {
    expect(await lineFor(seed)).toMatch(PASSED);
  };

  it.each(FIXED)('survives the faults of seed %i', survives, RUN_MS_MAX);

  it.each(FRESH)('survives the faults of the fresh seed %i', survives, RUN_MS_MAX);

  it.each(TWICE)(
    'runs seed %i the same way twice',
    async (seed) => {
      const once = await lineFor(seed);
      expect(await lineFor(seed)).toBe(once);
    },
    2 * RUN_MS_MAX,
  );

  it('runs another seed another way', async () => {
    expect(await lineFor(8)).not.toBe((await lineFor(2)).replace('seed 2', 'seed 8'));
  });

  it('tells its story line by line', async () => {
    const story: string[] = [];
    await runSeed(3, (_atMs, line) => story.push(line));
    expect(story[0]).toMatch(/^swarm \{/);
    expect(story).toContain('everything is healed');
    expect(story.some((line) => /^fault 1: /.test(line))).toBe(true);
    expect(story.some((line) => line.includes('"role":"leader"'))).toBe(true);
  });
});
