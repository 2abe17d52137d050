// Goal: whatever happens to real nodes and the network between them, every key's history stays
// linearizable, no write takes effect twice, all nodes end equal, and the cluster serves again.
// Method: the 45 s form of `npm run chaos`, from a seed that is new each time and told.
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { ciRun, describeRun, type Figures, faultKinds, runChaos } from '../src/index.js';

const parentDir = mkdtempSync(join(tmpdir(), 'cashe-chaos-'));
let figures: Figures | undefined;

// What went wrong stays, to be read.
afterAll(() => {
  if (figures?.verdict.kind !== 'survived') return;
  rmSync(parentDir, { recursive: true, force: true });
});

it('every kind of fault is survived', async () => {
  figures = await runChaos({ ...ciRun(randomInt(2 ** 31 - 1)), parentDir, say: () => undefined });
  process.stdout.write(`${describeRun(figures)}\n`);
  expect(figures.verdict).toEqual({ kind: 'survived', violations: [], unchecked: [] });
  const done = new Set(figures.steps.map(({ name }) => name));
  expect(faultKinds.filter((kind) => !done.has(kind))).toEqual([]);
  expect(figures.counts.writes.ok).toBeGreaterThan(1_000);
}, 150_000);
