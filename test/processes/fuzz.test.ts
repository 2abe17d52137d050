// Goal: whatever arrives at any port of a node has a typed answer or loses its connection, and
// harms nobody: no node ends or logs an error, memory and sockets come back, another client's
// writes are acknowledged and read back by every linearizable read, and all nodes end equal.
// Method: 8,000 inputs of `npm run fuzz`, from a seed that is new each time and told. With TLS:
// packages/server/test/abuse/fuzz-tls.test.ts.
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeFuzz, type FuzzFigures, runFuzz } from '@cashe/chaos';
import { afterAll, expect, it } from '@jest/globals';

const parentDir = mkdtempSync(join(tmpdir(), 'cashe-fuzz-'));
let figures: FuzzFigures | undefined;

// What went wrong stays, to be read.
afterAll(() => {
  if (figures === undefined || figures.findings.length + figures.problems.length > 0) return;
  rmSync(parentDir, { recursive: true, force: true });
});

it('8,000 malformed inputs at every port are survived', async () => {
  const seed = randomInt(2 ** 31 - 1);
  const say = (): void => undefined;
  figures = await runFuzz({ seed, from: 0, inputs: 8_000, parentDir, say });
  process.stdout.write(`${describeFuzz(figures)}\n`);
  expect(figures.findings).toEqual([]);
  expect(figures.problems).toEqual([]);
  expect(figures.canary.writes).toBeGreaterThan(20);
}, 180_000);
