/**
 * What every implementation of the `SnapshotStore` port must do when the power goes, bytes change
 * or the disk fails (R38): a name that is listed is a whole snapshot, one that was committed stays
 * until it is let go, and a damaged one is refused before its last chunk was given.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SnapshotStore, SnapshotWriter } from '../../../src/host/storage-ports.js';
import { completed, type Directory, result } from '../../../src/wal/disk.js';
import { StorageError } from '../../../src/wal/errors.js';
import type { MemoryDisk } from '../../support/memory-disk.js';
import { meta, readSnapshot, writeSnapshot } from '../../support/wal.js';
import { Faults, FaultyDirectory, type FaultyStep } from './faulty-directory.js';
import {
  type DiskImage,
  EMPTY_IMAGE,
  type Medium,
  type MediumFactory,
  withFile,
} from './medium.js';
import { digest, powerLosses, stoppedEverywhere } from './power-loss.js';

export interface SnapshotStoreImplementation {
  /** `seed` feeds whatever is random in it. */
  readonly open: (root: Directory, seed: number) => Promise<SnapshotStore>;
  readonly medium: MediumFactory;
  /** The bits flipped in every byte of a small snapshot. */
  readonly bits: readonly number[];
}

/** What a run of `replaceSnapshots` is sure of. */
interface Kept {
  /** Files committed and not let go; the last may be the one being let go or committed. */
  sure: readonly string[];
}

const CHUNKS = [Buffer.from('one chunk'), Buffer.alloc(9000, 7), Buffer.from('end')];
const WHOLE = Buffer.concat(CHUNKS);
const GROUP = 3;
const TIMEOUT_MS = 60_000;

const COMMIT_FAILURES: readonly (readonly [FaultyStep, string])[] = [
  ['write', 'ENOSPC'],
  ['datasync', 'EIO'],
  ['rename', 'EIO'],
  ['sync', 'EIO'],
];

function list(store: SnapshotStore, group = GROUP): Promise<readonly string[]> {
  return result<readonly string[]>((done) => store.list(group, done));
}

/** Compared natively: `toEqual` looks at every byte. */
async function expectWhole(store: SnapshotStore, file: string): Promise<void> {
  expect((await readSnapshot(store, file)).equals(WHOLE)).toBe(true);
}

/** Two snapshots, the second in place of the first, and one of another group. */
async function replaceSnapshots(store: SnapshotStore, kept: Kept): Promise<void> {
  await writeSnapshot(store, GROUP + 1, meta(1), []);
  for (const index of [4, 9]) {
    const file = await writeSnapshot(store, GROUP, meta(index), CHUNKS);
    kept.sure = [file];
    await completed((done) => store.retain(GROUP, [file], done));
  }
}

/** One implementation on one medium. */
class StoreBench {
  readonly open: SnapshotStoreImplementation['open'];
  readonly bits: readonly number[];
  readonly #newMedium: MediumFactory;
  #medium: Medium | undefined = undefined;

  constructor({ open, bits, medium }: SnapshotStoreImplementation) {
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

  /** What is listed is whole, what is `sure` is listed, and the store goes on. */
  async expectSound(image: DiskImage, sure: readonly string[]): Promise<void> {
    await this.medium.load(image);
    const store = await this.open(this.medium.root, 2);
    const listed = await list(store);
    expect(listed).toEqual(expect.arrayContaining([...sure]));
    for (const file of listed) await expectWhole(store, file);
    await expectNext(store);
  }

  /** A small snapshot, alone on the medium. */
  async written(): Promise<{
    readonly file: string;
    readonly path: string;
    readonly image: DiskImage;
    readonly bytes: Uint8Array;
  }> {
    await this.medium.load(EMPTY_IMAGE);
    const store = await this.open(this.medium.root, 1);
    const small = [Buffer.from('one'), Buffer.from('and two')];
    const file = await writeSnapshot(store, GROUP, meta(9), small);
    const image = this.medium.image();
    const path = [...image.keys()].find((one) => one.endsWith(file)) ?? '';
    const bytes = image.get(path);
    if (bytes === undefined) throw new Error(`${file} is not on the disk`);
    return { file, path, image, bytes };
  }

  async expectRefusal(image: DiskImage, file: string, label: string): Promise<void> {
    await this.medium.load(image);
    const store = await this.open(this.medium.root, 2);
    const outcome = await readSnapshot(store, file).catch((error: unknown) => error);
    if (!(outcome instanceof StorageError)) throw new Error(`taken for whole: ${label}`);
    const isNamed = outcome.file.endsWith(file) && outcome.message.includes(outcome.file);
    if (outcome.kind !== 'corrupt' || !isNamed) expect(outcome).toEqual(label);
  }
}

/** The next snapshot can be written, and takes the place of all others. */
async function expectNext(store: SnapshotStore): Promise<void> {
  const next = await writeSnapshot(store, GROUP, meta(20), CHUNKS);
  await completed((done) => store.retain(GROUP, [next], done));
  expect(await list(store)).toEqual([next]);
  await expectWhole(store, next);
}

export function describeSnapshotStore(
  name: string,
  implementation: SnapshotStoreImplementation,
): void {
  const bench = new StoreBench(implementation);
  describe(name, () => {
    beforeAll(() => bench.setUp());
    afterAll(() => bench.tearDown());
    describePowerLoss(bench);
    describeDamage(bench);
    describeFailures(bench);
  });
}

function describePowerLoss(bench: StoreBench): void {
  describe('a power loss', () => {
    it(
      'at every write and sync leaves what was committed whole, and nothing half written listed',
      async () => {
        const run = async (disk: MemoryDisk, kept: Kept): Promise<void> => {
          await replaceSnapshots(await bench.open(disk.root, 1), kept);
        };
        const seen = new Set<string>();
        for await (const { disk, progress } of stoppedEverywhere<Kept>(() => ({ sure: [] }), run)) {
          for (const image of powerLosses(disk)) {
            const key = `${progress.sure.join()} ${digest(image)}`;
            if (seen.has(key)) continue;
            seen.add(key);
            await bench.expectSound(image, progress.sure);
          }
        }
        expect(seen.size).toBeGreaterThan(60);
      },
      TIMEOUT_MS,
    );
  });
}

function describeDamage(bench: StoreBench): void {
  describe('damage', () => {
    it(
      'of any bit is refused, naming the file',
      async () => {
        const { file, path, image, bytes } = await bench.written();
        expect(bytes.length).toBeGreaterThan(100);
        for (let at = 0; at < bytes.length; at += 1) {
          for (const bit of bench.bits) {
            const damaged = bytes.slice();
            damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
            const label = `bit ${bit} of byte ${at}`;
            await bench.expectRefusal(withFile(image, path, damaged), file, label);
          }
        }
      },
      TIMEOUT_MS,
    );

    it('by a cut at any byte, or a byte more, or no file, is refused', async () => {
      const { file, path, image, bytes } = await bench.written();
      for (let at = 0; at < bytes.length; at += 1) {
        const cut = withFile(image, path, bytes.slice(0, at));
        await bench.expectRefusal(cut, file, `cut at byte ${at}`);
      }
      const longer = new Uint8Array(bytes.length + 1);
      longer.set(bytes);
      await bench.expectRefusal(withFile(image, path, longer), file, 'a byte more');
      const without = new Map(image);
      without.delete(path);
      await bench.expectRefusal(without, file, 'no file');
    });
  });
}

function describeFailures(bench: StoreBench): void {
  describe('a disk error', () => {
    for (const [step, code] of COMMIT_FAILURES) {
      it(`${code} of a ${step} of a commit is reported, and leaves nothing behind`, async () => {
        await bench.medium.load(EMPTY_IMAGE);
        const faults = new Faults();
        const store = await bench.open(new FaultyDirectory(bench.medium.root, faults), 1);
        const older = await writeSnapshot(store, GROUP, meta(4), CHUNKS);
        const before = [...bench.medium.image().keys()];
        const writer = await result<SnapshotWriter>((done) => store.begin(GROUP, meta(9), done));
        for (const chunk of CHUNKS) await completed((done) => writer.write(chunk, done));
        faults.tried.length = 0;
        faults.fault = (tried) => (tried === step ? code : undefined);
        const committed = result<string>((done) => writer.commit(done));
        const kind = code === 'ENOSPC' ? 'noSpace' : 'io';
        await expect(committed).rejects.toMatchObject({ kind });
        expect(faults.tried.filter((one) => one.startsWith(`${step} `))).toHaveLength(1);
        // A snapshot is tried again each second: what failed must not fill the disk, or stay open.
        if (step !== 'sync') expect([...bench.medium.image().keys()]).toEqual(before);
        expect(faults.open).toBe(0);
        faults.fault = () => undefined;
        await expectWhole(store, older);
        await expectNext(store);
      });
    }
  });
}
