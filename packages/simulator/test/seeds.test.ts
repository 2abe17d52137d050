// Whole runs of the real nodes and clients on virtual time. What a run checks is in src/watch.ts,
// src/revision-check.ts and src/checker; these seeds passed and must go on passing. In 142 the
// newest log is at its bound: nothing commits unless that node may lead all the same.
import { describe, expect, it } from '@jest/globals';
import { lineOf, runSeed } from '../src/index.js';

const seeds = [1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 142];

describe('a simulated cluster', () => {
  it.each(seeds)('survives the faults of seed %i', async (seed) => {
    expect(lineOf(await runSeed(seed))).toMatch(/^seed \d+ digest [0-9a-f]{8} /);
  });

  it('runs the same seed the same way', async () => {
    const lines: string[] = [];
    for (const seed of [3, 4, 3, 4]) lines.push(lineOf(await runSeed(seed)));
    expect(lines[2]).toBe(lines[0]);
    expect(lines[3]).toBe(lines[1]);
    expect(lines[0]).not.toBe(lines[1]);
  });

  it('tells its story line by line', async () => {
    const story: string[] = [];
    await runSeed(3, (_atMs, line) => story.push(line));
    expect(story[0]).toMatch(/^swarm \{/);
    expect(story).toContain('everything is healed');
    expect(story.some((line) => line.includes('"role":"leader"'))).toBe(true);
  });
});
