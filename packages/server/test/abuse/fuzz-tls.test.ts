// Goal: the same as test/processes/fuzz.test.ts where every port speaks mutual TLS: handshakes that
// are none, plain text where TLS belongs, and malformed input behind good handshakes.
// Method: 2,000 inputs of `npm run fuzz --certs`, from a seed that is new each time and told.
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeFuzz, type FuzzFigures, runFuzz, tlsFrom } from '@cashe/chaos';
import { afterAll, expect, it } from '@jest/globals';
import { TestCa, type TestPair } from '../support/certificates.js';

const parentDir = mkdtempSync(join(tmpdir(), 'cashe-fuzz-tls-'));
let figures: FuzzFigures | undefined;

// What went wrong stays, to be read.
afterAll(() => {
  if (figures === undefined || figures.findings.length + figures.problems.length > 0) return;
  rmSync(parentDir, { recursive: true, force: true });
});

function writeCertificates(): void {
  const ca = new TestCa();
  const write = (name: string, { cert, key }: TestPair): void => {
    writeFileSync(join(parentDir, `${name}.crt`), cert);
    writeFileSync(join(parentDir, `${name}.key`), key, { mode: 0o600 });
  };
  writeFileSync(join(parentDir, 'ca.crt'), ca.cert);
  for (const id of ['n0', 'n1', 'n2']) write(id, ca.node(id));
  write('client', ca.admin('fuzz'));
}

it('2,000 malformed inputs at every port are survived with TLS', async () => {
  writeCertificates();
  const seed = randomInt(2 ** 31 - 1);
  const say = (): void => undefined;
  const tls = tlsFrom(parentDir);
  figures = await runFuzz({ seed, from: 0, inputs: 2_000, parentDir, say, tls });
  process.stdout.write(`${describeFuzz(figures)}\n`);
  expect(figures.findings).toEqual([]);
  expect(figures.problems).toEqual([]);
  expect(figures.canary.writes).toBeGreaterThan(20);
}, 180_000);
