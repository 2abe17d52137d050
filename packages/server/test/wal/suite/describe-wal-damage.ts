/** Bytes under a `Wal` that are not what was written: every bit of a small log, every cut. */
import { describe, expect, it } from '@jest/globals';
import { StorageError } from '../../../src/wal/errors.js';
import { changedRange } from './changed-range.js';
import { type DiskImage, EMPTY_IMAGE, withFile } from './medium.js';
import type { WalBench } from './wal-bench.js';
import { SHORT_HISTORY } from './wal-history.js';

const TIMEOUT_MS = 60_000;

export function describeWalDamage(bench: WalBench): void {
  describe('damage', () => {
    it(
      'of any bit of any field is refused, or is the end of the log',
      async () => {
        const stages = await bench.stagesOf(SHORT_HISTORY);
        const last = stages.at(-1)?.image ?? EMPTY_IMAGE;
        const tally = { harmless: 0, refused: 0, dropped: 0 };
        let before: DiskImage = EMPTY_IMAGE;
        for (const [i, stage] of stages.entries()) {
          const range = changedRange(before, stage.image);
          before = stage.image;
          const isLast = i === stages.length - 1;
          for (const [at, image] of flips(last, range, bench.bits)) {
            tally[await bench.expectSound(image, stages, { ...range, at, isLast })] += 1;
          }
        }
        expect(tally.harmless).toBe(0);
        expect(tally.refused).toBeGreaterThan(400 * bench.bits.length);
        expect(tally.dropped).toBeGreaterThan(100 * bench.bits.length);
      },
      TIMEOUT_MS,
    );

    it(
      'by a file cut, or zero, from any byte of the last block on',
      async () => {
        const stages = await bench.stagesOf(SHORT_HISTORY);
        const [before, after] = await bench.lastStages(SHORT_HISTORY);
        const range = changedRange(before.image, after.image);
        const whole = after.image.get(range.path) ?? new Uint8Array();
        for (let at = range.from; at <= range.to; at += 1) {
          const zeroed = withFile(after.image, range.path, whole.slice().fill(0, at));
          const outcome = await bench.expectSound(zeroed, stages, { ...range, at, isLast: true });
          const expected = at < range.to ? 'dropped' : 'harmless';
          if (outcome !== expected) expect([at, outcome]).toEqual([at, expected]);
          const cut = withFile(after.image, range.path, whole.slice(0, at));
          await expectCutRefused(bench, cut, range.path, at);
        }
      },
      TIMEOUT_MS,
    );
  });
}

/** `image` with one bit of one byte of the range flipped, for every byte and each of `bits`. */
function* flips(
  image: DiskImage,
  range: { readonly path: string; readonly from: number; readonly to: number },
  bits: readonly number[],
): Generator<readonly [number, DiskImage]> {
  for (let at = range.from; at < range.to; at += 1) {
    for (const bit of bits) {
      const bytes = (image.get(range.path) ?? new Uint8Array()).slice();
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      yield [at, withFile(image, range.path, bytes)];
    }
  }
}

/** No crash makes a file shorter than it was synced: entries may be missing (R37). */
async function expectCutRefused(
  bench: WalBench,
  image: DiskImage,
  path: string,
  at: number,
): Promise<void> {
  const cut = await bench.reopened(image);
  if (!(cut instanceof StorageError)) throw new Error(`a file cut at ${at} was taken`);
  expect([cut.kind, cut.offset]).toEqual(['corrupt', at]);
  expect(cut.file.endsWith(path) && cut.message.includes(cut.file)).toBe(true);
}
