import { describe, expect, it } from '@jest/globals';
import type { Runner } from '../src/run-report.js';
import { noStats } from '../src/run-stats.js';
import { search, seedsOf } from '../src/search.js';

/** Fails at the seeds named; remembers which ones it was given. */
function runnerOf(bad: readonly number[], ran: number[]): Runner {
  return async (plan) => {
    ran.push(plan.seed);
    const failure = { kind: 'safety', message: '', stack: '' };
    return {
      plan,
      size: { clientCount: 1, callersPerClient: 1, safetyMs: 1 },
      line: `seed ${plan.seed}`,
      stats: noStats,
      failure: bad.includes(plan.seed) ? failure : undefined,
    };
  };
}

describe('a search', () => {
  it('ends at the first failing seed', async () => {
    const ran: number[] = [];
    const runners = [runnerOf([4], ran)];
    const failed = await search({
      runners,
      nextSeed: seedsOf(2, 9),
      keepGoing: false,
      onReport: () => undefined,
    });
    expect(failed.map(({ plan }) => plan.seed)).toEqual([4]);
    expect(ran).toEqual([2, 3, 4]);
  });

  it('gives every seed to one of its runners and goes on when asked', async () => {
    const ran: number[] = [];
    const runners = [runnerOf([4, 7], ran), runnerOf([4, 7], ran)];
    const told: string[] = [];
    const failed = await search({
      runners,
      nextSeed: seedsOf(1, 9),
      keepGoing: true,
      onReport: ({ line }) => told.push(line),
    });
    expect([...ran].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(told).toHaveLength(9);
    expect(failed.map(({ plan }) => plan.seed).sort()).toEqual([4, 7]);
  });
});
