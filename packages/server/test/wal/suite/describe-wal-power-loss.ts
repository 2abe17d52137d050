/** A power loss under a `Wal`: every place it can happen, every disk it can leave. */
import { describe, expect, it } from '@jest/globals';
import { MemoryDisk } from '../../support/memory-disk.js';
import { closeWal, entries, records } from '../../support/wal.js';
import { changedRange } from './changed-range.js';
import { type DiskImage, withFile } from './medium.js';
import { digest, powerLosses, stoppedEverywhere } from './power-loss.js';
import type { WalBench } from './wal-bench.js';
import { LONG_HISTORY, SHORT_HISTORY } from './wal-history.js';

const PAGE_BYTES = 4096;
/** A block of four pages, as large as one may be. */
const LARGE_STEP = { records: [records(0, { entries: entries(4, 1, 5, 12_240) })] };
const TIMEOUT_MS = 60_000;

export function describeWalPowerLoss(bench: WalBench): void {
  describe('a power loss', () => {
    it(
      'at every write and sync leaves what was acknowledged, and goes on',
      async () => {
        expect(await bench.losePower(LONG_HISTORY)).toBeGreaterThan(75);
      },
      TIMEOUT_MS,
    );

    it(
      'with pages of one block persisted out of order drops the block unless it is whole',
      async () => {
        const history = [...SHORT_HISTORY.slice(0, 3), LARGE_STEP];
        const [before, after] = await bench.lastStages(history);
        const subsets = pageSubsets(before.image, after.image);
        expect(subsets.length).toBe(16);
        for (const image of subsets) {
          const whole = digest(image) === digest(after.image);
          await bench.expectRecovery(image, [whole ? after.said : before.said]);
        }
      },
      TIMEOUT_MS,
    );

    it('during the recovery from another one leaves the same log', async () => {
      const [before, after] = await bench.lastStages(SHORT_HISTORY);
      const { path, from, to } = changedRange(before.image, after.image);
      const torn = (after.image.get(path) ?? new Uint8Array()).slice();
      torn.fill(0, from + Math.floor((to - from) / 2), to);
      const image = withFile(after.image, path, torn);
      const recover = async (disk: MemoryDisk): Promise<void> => {
        await closeWal(await bench.open(disk.root, 2));
      };
      let count = 0;
      const disks = stoppedEverywhere(
        () => undefined,
        recover,
        () => MemoryDisk.of(image),
      );
      for await (const { disk } of disks) {
        for (const left of powerLosses(disk)) {
          await bench.expectRecovery(left, [before.said]);
          count += 1;
        }
      }
      expect(count).toBeGreaterThan(3);
    });
  });
}

/** `before` with every subset of the 4-KiB pages that differ in `after`. */
function pageSubsets(before: DiskImage, after: DiskImage): DiskImage[] {
  const { path, from, to } = changedRange(before, after);
  const [old, written] = [before.get(path), after.get(path)];
  if (old === undefined || written === undefined) throw new Error('the block is in one file');
  const pages: number[] = [];
  for (let page = from - (from % PAGE_BYTES); page < to; page += PAGE_BYTES) pages.push(page);
  return Array.from({ length: 2 ** pages.length }, (_, subset) => {
    const bytes = old.slice();
    for (const [i, page] of pages.entries()) {
      if ((subset & (1 << i)) !== 0) bytes.set(written.subarray(page, page + PAGE_BYTES), page);
    }
    return withFile(before, path, bytes);
  });
}
