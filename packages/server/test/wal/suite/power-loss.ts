/**
 * Every disk a power loss may leave behind: a run is stopped before each of its steps, and of what
 * was not synced then (4-KiB pages, names, file lengths) every subset survives. A subset is what
 * any order of writing back leaves half way, so all orders are covered.
 */
import { createHash } from 'node:crypto';
import { MemoryDisk } from '../../support/memory-disk.js';
import type { DiskImage } from './medium.js';

/** Up to this many unsynced things every subset is tried: 2^6 disks. */
const EVERY_SUBSET_CHOICES_MAX = 6;

/** Every disk a reboot may find, each once. */
export function powerLosses(disk: MemoryDisk): DiskImage[] {
  const found = new Map<string, DiskImage>();
  const take = (choices: readonly boolean[], otherwise: boolean): number => {
    let asked = 0;
    const after = disk.crash(() => {
      const choice = choices[asked] ?? otherwise;
      asked += 1;
      return choice;
    });
    const image = after.image();
    found.set(digest(image), image);
    return asked;
  };
  const count = Math.max(take([], false), take([], true));
  if (count <= EVERY_SUBSET_CHOICES_MAX) {
    for (let subset = 0; subset < 2 ** count; subset += 1) {
      take(
        Array.from({ length: count }, (_, i) => (subset & (1 << i)) !== 0),
        false,
      );
    }
    return [...found.values()];
  }
  // More: each alone, all but each, the first few, all but the first few.
  for (let one = 0; one < count; one += 1) {
    for (const survives of [true, false]) {
      take([...Array.from({ length: one }, () => !survives), survives], !survives);
      take(
        Array.from({ length: one }, () => survives),
        !survives,
      );
    }
  }
  return [...found.values()];
}

export interface Stopped<T> {
  readonly disk: MemoryDisk;
  /** Where the run was when the disk stopped. */
  readonly progress: T;
}

/**
 * Runs `run` on a disk that stops before step n, for every n up to the run's end. `run` notes in
 * `progress` how far it got. The last one given stopped after the whole run.
 */
export async function* stoppedEverywhere<T>(
  blank: () => T,
  run: (disk: MemoryDisk, progress: T) => Promise<void>,
  newDisk: () => MemoryDisk = () => new MemoryDisk(),
): AsyncGenerator<Stopped<T>> {
  for (let step = 0; ; step += 1) {
    const disk = newDisk();
    disk.stopAtStep = step;
    const progress = blank();
    const ended = run(disk, progress).then(() => true);
    const isOver = await Promise.race([ended, disk.stopped.then(() => false)]);
    yield { disk, progress };
    if (isOver) return;
  }
}

export function digest(image: DiskImage): string {
  const hash = createHash('sha1');
  for (const [path, bytes] of [...image].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${path}:${bytes.length}:`).update(bytes);
  }
  return hash.digest('hex');
}
