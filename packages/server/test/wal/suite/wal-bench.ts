/** One implementation of the `Wal` port on one medium, and the questions the suite asks it. */
import { expect } from '@jest/globals';
import { StorageError } from '../../../src/wal/errors.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import { append, closeWal } from '../../support/wal.js';
import type { ChangedRange } from './changed-range.js';
import { type DiskImage, EMPTY_IMAGE, type Medium, type MediumFactory } from './medium.js';
import { digest, powerLosses, stoppedEverywhere } from './power-loss.js';
import {
  type HistoryStep,
  ONE_MORE,
  type OpenWal,
  observe,
  type Progress,
  writeHistory,
} from './wal-history.js';

export interface WalImplementation {
  readonly open: OpenWal;
  readonly medium: MediumFactory;
  /** The bits flipped in every byte of a small log. */
  readonly bits: readonly number[];
}

/** A log after one of its steps: what it says, and its files. */
export interface Stage {
  readonly said: string;
  readonly image: DiskImage;
}

/** A damaged byte of what one append wrote. */
interface DamagedByte extends ChangedRange {
  readonly at: number;
  readonly isLast: boolean;
}

export class WalBench {
  readonly open: OpenWal;
  readonly bits: readonly number[];
  readonly #newMedium: MediumFactory;
  #medium: Medium | undefined = undefined;

  constructor({ open, bits, medium }: WalImplementation) {
    this.open = open;
    this.bits = bits;
    this.#newMedium = medium;
  }

  get medium(): Medium {
    if (this.#medium === undefined) throw new Error('the bench is set up first');
    return this.#medium;
  }

  async setUp(): Promise<void> {
    this.#medium = await this.#newMedium();
  }

  tearDown(): void {
    this.#medium?.dispose();
  }

  /** The log before the first step of `history` and after each, written on a memory disk. */
  async stagesOf(history: readonly HistoryStep[]): Promise<Stage[]> {
    const stages: Stage[] = [];
    const disk = new MemoryDisk();
    await writeHistory(this.open, disk.root, history, { acknowledged: 0 }, async (wal) => {
      // What runs beside appends (the next segment) ends first.
      await new Promise((resolve) => setImmediate(resolve));
      stages.push({ said: await observe(wal), image: disk.image() });
    });
    return stages;
  }

  /** The log before and after the last step of `history`. */
  async lastStages(history: readonly HistoryStep[]): Promise<readonly [Stage, Stage]> {
    const [before, after] = (await this.stagesOf(history)).slice(-2);
    if (before === undefined || after === undefined) throw new Error('a history has steps');
    return [before, after];
  }

  /** What the log on `image` says, or why it does not open. */
  async reopened(image: DiskImage): Promise<string | StorageError> {
    await this.medium.load(image);
    try {
      const wal = await this.open(this.medium.root, 2);
      const said = await observe(wal);
      await closeWal(wal);
      return said;
    } catch (error) {
      if (error instanceof StorageError) return error;
      throw error;
    }
  }

  /** Opens what a power loss left, goes on, and opens again. */
  async expectRecovery(image: DiskImage, allowed: readonly string[]): Promise<void> {
    await this.medium.load(image);
    const wal = await this.open(this.medium.root, 2);
    const said = await observe(wal);
    if (!allowed.includes(said)) expect(said).toEqual(allowed[0]);
    await append(wal, ONE_MORE);
    const more = await observe(wal);
    await closeWal(wal);
    const again = await this.open(this.medium.root, 3);
    const found = await observe(again);
    if (found !== more) expect(found).toEqual(more);
    await closeWal(again);
  }

  /** Recovers from every disk a power loss during `history` leaves; returns how many differ. */
  async losePower(history: readonly HistoryStep[]): Promise<number> {
    const blank: Stage = { said: '[]', image: EMPTY_IMAGE };
    const stages = await this.stagesOf(history);
    const seen = new Set<string>();
    const run = (disk: MemoryDisk, progress: Progress): Promise<void> =>
      writeHistory(this.open, disk.root, history, progress);
    for await (const { disk, progress } of stoppedEverywhere(() => ({ acknowledged: 0 }), run)) {
      const done = progress.acknowledged;
      const allowed = [stages[done], stages[done + 1]].map((stage) => (stage ?? blank).said);
      for (const image of powerLosses(disk)) {
        const key = `${done} ${digest(image)}`;
        if (seen.has(key)) continue;
        seen.add(key);
        await this.expectRecovery(image, allowed);
      }
    }
    return seen.size;
  }

  /** Harmless, refused with the place, or (at the end of the log only) the last step is gone. */
  async expectSound(
    image: DiskImage,
    stages: readonly Stage[],
    place: DamagedByte,
  ): Promise<'harmless' | 'refused' | 'dropped'> {
    const found = await this.reopened(image);
    // Thousands of times: `expect` only says what is wrong.
    if (found instanceof StorageError) {
      const { kind, file, offset, message } = found;
      const isNamed = file.endsWith(place.path) && message.includes(file);
      const isPlaced = place.from <= offset && offset <= place.at;
      if (kind !== 'corrupt' || !isNamed || !isPlaced) expect(found).toEqual(place);
      return 'refused';
    }
    if (found === stages.at(-1)?.said) return 'harmless';
    const dropped = place.isLast ? stages.at(-2)?.said : undefined;
    if (found !== dropped) expect([place, found]).toEqual([place, dropped]);
    return 'dropped';
  }
}
