/** Errors of the disk under a `Wal`: final, told to everyone, and never followed by another try. */
import { describe, expect, it } from '@jest/globals';
import type { Wal, WalError } from '../../../src/host/storage-ports.js';
import { append, closeWal, entries, records } from '../../support/wal.js';
import { Faults, FaultyDirectory, type FaultyStep } from './faulty-directory.js';
import { EMPTY_IMAGE } from './medium.js';
import type { WalBench } from './wal-bench.js';
import { observe, SHORT_HISTORY } from './wal-history.js';

interface Failing {
  readonly wal: Wal;
  readonly faults: Faults;
  /** What the log said before the append that is to fail. */
  readonly said: string;
}

const FAILURES: readonly (readonly [FaultyStep, string, string])[] = [
  ['datasync', 'EIO', 'io'],
  ['datasync', 'ENOSPC', 'noSpace'],
  ['write', 'EIO', 'io'],
  ['write', 'ENOSPC', 'noSpace'],
];

const LATER = records(0, { entries: entries(4, 1, 9) });

export function describeWalFaults(bench: WalBench): void {
  describe('a disk error', () => {
    for (const [step, code, kind] of FAILURES) {
      it(`${code} of a ${step} fails the log for good and is never tried again`, async () => {
        const { wal, faults, said } = await founded(bench);
        const isTried = failOnce(faults, step, code);
        faults.tried.length = 0;
        const error = await failedAppend(wal);
        expect(isTried()).toBe(true);
        expect(error).toMatchObject({ kind });
        expect(error.file).toContain(bench.medium.root.path);
        const attempt = step === 'write' ? ['write'] : ['write', 'datasync'];
        expect(faults.tried.map((one) => one.split(' ')[0])).toEqual(attempt);
        expect(wal.status().state).toBe('failed');
        expect(await failedAppend(wal)).toBe(error);
        expect(await failedAppend(wal)).toBe(error);
        expect(await observe(wal)).toBe(said);
        await closeWal(wal);
        expect(faults.tried.length).toBe(attempt.length);
        const again = await bench.open(bench.medium.root, 2);
        expect([3, 4]).toContain(again.groupLog(0)?.lastIndex);
        await closeWal(again);
      });
    }

    it('of any one sync, of whatever file, fails the log, which loses nothing', async () => {
      const stages = await bench.stagesOf(SHORT_HISTORY);
      for (let nth = 1; ; nth += 1) {
        await bench.medium.load(EMPTY_IMAGE);
        const faults = new Faults();
        let syncs = 0;
        faults.fault = (step) => {
          if (step !== 'datasync' && step !== 'sync') return undefined;
          syncs += 1;
          return syncs === nth ? 'EIO' : undefined;
        };
        const ended = await appendUntilFailed(bench, faults);
        if (syncs < nth) return expect(nth).toBeGreaterThan(8);
        expect(ended.state).toBe('failed');
        const again = await bench.open(bench.medium.root, 2);
        const allowed = stages.slice(ended.done, ended.done + 2).map(({ said }) => said);
        expect(allowed).toContain(await observe(again));
        await closeWal(again);
      }
    });
  });
}

/** A log with a few steps, quiet: nothing runs beside it. */
async function founded(bench: WalBench): Promise<Failing> {
  await bench.medium.load(EMPTY_IMAGE);
  const faults = new Faults();
  const wal = await bench.open(new FaultyDirectory(bench.medium.root, faults), 1);
  for (const step of SHORT_HISTORY.slice(0, 2)) await append(wal, ...step.records);
  await quiet(faults);
  return { wal, faults, said: await observe(wal) };
}

/** Only the first attempt fails: a second would seem to succeed, without the pages it is for. */
function failOnce(faults: Faults, step: FaultyStep, code: string): () => boolean {
  let failed = false;
  faults.fault = (tried) => {
    if (tried !== step || failed) return undefined;
    failed = true;
    return code;
  };
  return () => failed;
}

async function failedAppend(wal: Wal): Promise<WalError> {
  return append(wal, LATER).then(
    () => Promise.reject(new Error('the append was acknowledged')),
    (error: WalError) => error,
  );
}

/** `done` counts the appends that did not fail. */
async function appendUntilFailed(
  bench: WalBench,
  faults: Faults,
): Promise<{ readonly state: string; readonly done: number }> {
  const root = new FaultyDirectory(bench.medium.root, faults);
  const wal = await bench.open(root, 1).catch((_: WalError) => undefined);
  if (wal === undefined) return { state: 'failed', done: 0 };
  let done = 0;
  for (const step of SHORT_HISTORY) {
    const error = await append(wal, ...step.records).catch((failure: WalError) => failure);
    if (error !== undefined) break;
    done += 1;
  }
  // A sync of what runs beside appends may fail after the last of them.
  await quiet(faults);
  const { state } = wal.status();
  await closeWal(wal);
  return { state, done };
}

/** Until what runs beside appends (the next segment) tries nothing any more. */
async function quiet(faults: Faults): Promise<void> {
  for (let idleTurns = 0; idleTurns < 5; idleTurns += 1) {
    await nextTurn();
    if (faults.busy > 0) idleTurns = 0;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
