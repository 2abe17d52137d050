/**
 * Goal: at boot a torn tail is dropped and everything else that is wrong is refused, naming file
 * and offset (R37). Method: a log on a memory disk, damaged between two opens. Torn tails and
 * flipped bits, all of them: `suite/describe-wal.ts`; here, what is particular to segments.
 */
import { describe, expect, it } from '@jest/globals';
import type { WalErrorKind } from '../../src/host/storage-ports.js';
import { PAGE_BYTES } from '../../src/wal/block.js';
import { StorageError } from '../../src/wal/errors.js';
import type { FileWal } from '../../src/wal/file-wal.js';
import { MemoryDisk } from '../support/memory-disk.js';
import {
  append,
  closeWal,
  entries,
  hardState,
  marker,
  openTestWal,
  readAll,
  records,
  SEGMENT_BYTES,
  testEnvironment,
  texts,
} from '../support/wal.js';

/** A log with one founded group. */
async function founded(disk: MemoryDisk): Promise<FileWal> {
  const wal = await openTestWal(disk.root);
  await append(wal, records(0, { hardState: hardState(1), snapshot: marker(0, '') }));
  return wal;
}

/** Opens again with other random numbers. */
function reopen(disk: MemoryDisk): Promise<FileWal> {
  return openTestWal(disk.root, { environment: testEnvironment(2) });
}

function segment(disk: MemoryDisk, sequence: number): { path: string; bytes: Uint8Array } {
  const prefix = String(sequence).padStart(10, '0');
  const name = disk.names('wal').find((candidate) => candidate.startsWith(prefix));
  if (name === undefined) throw new Error(`segment ${sequence} is not there`);
  return { path: `wal/${name}`, bytes: disk.bytesOf(`wal/${name}`) };
}

async function refusal(disk: MemoryDisk): Promise<StorageError> {
  const opened = reopen(disk).then(
    () => undefined,
    (error: unknown) => error,
  );
  const error = await opened;
  if (!(error instanceof StorageError)) throw new Error(`a refusal, got ${String(error)}`);
  return error;
}

async function expectRefusal(
  disk: MemoryDisk,
  kind: WalErrorKind,
  place: { readonly file: string; readonly offset: number },
): Promise<void> {
  const error = await refusal(disk);
  expect([error.kind, error.offset]).toEqual([kind, place.offset]);
  expect(error.file).toContain(place.file);
  expect(error.message).toContain(place.file);
}

async function expectIndexes(
  wal: FileWal,
  group: number,
  indexes: readonly number[],
): Promise<void> {
  const found = await readAll(wal, group, indexes[0] ?? 1);
  expect(found.map((entry) => entry.index)).toEqual(indexes);
}

/** Blocks 3, 4 and 5 at pages 2, 3 and 4 of segment 1 hold entries 1, 2 and 3. */
async function threeBlocks(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const wal = await founded(disk);
  for (const index of [1, 2, 3]) await append(wal, records(0, { entries: entries(index, 1) }));
  await closeWal(wal);
  return disk;
}

describe('reopening a log', () => {
  it('finds everything after a clean close', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await append(
      wal,
      records(0, { hardState: hardState(5, 2, 2), entries: entries(1, 3, 5) }),
      records(7, { replicaId: 9, hardState: hardState(4, 9), snapshot: marker(0, '') }),
    );
    await append(wal, records(0, { entries: entries(3, 2, 6) }));
    const before = wal.groupLogs();
    await closeWal(wal);
    const again = await reopen(disk);
    expect(again.groupLogs()).toEqual(before);
    expect(again.groupLog(0)?.hardState).toEqual(hardState(5, 2, 2));
    expect(again.groupLog(0)?.lastEntryWallTimeMs).toBeGreaterThan(0);
    expect(again.groupLog(7)?.replicaId).toBe(9);
    expect(again.bytesSince(0)).toBe(wal.bytesSince(0));
    const expected = [...entries(1, 2, 5), ...entries(3, 2, 6)];
    expect(texts(await readAll(again, 0, 1))).toEqual(texts(expected));
  });

  it('does not show a commit index above the last entry', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await append(wal, records(0, { hardState: hardState(1, 1, 50), entries: entries(1, 2) }));
    expect(wal.groupLog(0)?.hardState.commitIndex).toBe(2);
  });

  it('uses the prepared segment of the last run', async () => {
    const disk = await threeBlocks();
    const before = disk.names('wal');
    const wal = await reopen(disk);
    await closeWal(wal);
    expect(disk.names('wal')).toEqual(before);
  });

  it('replaces a prepared segment of another size', async () => {
    const disk = await threeBlocks();
    const old = segment(disk, 2).path;
    const wal = await openTestWal(disk.root, { segmentBytes: 2 * SEGMENT_BYTES });
    for (let index = 4; index < 30; index += 1) {
      await append(wal, records(0, { entries: entries(index, 1) }));
    }
    expect(disk.names('wal')).not.toContain(old.slice('wal/'.length));
    expect(segment(disk, 2).bytes.length).toBe(2 * SEGMENT_BYTES);
  });

  it('deletes what was half prepared', async () => {
    const disk = await threeBlocks();
    disk.put('wal/0000000003-0000000000000000-65536.wal.tmp', new Uint8Array(10));
    await closeWal(await reopen(disk));
    expect(disk.names('wal').filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('a torn tail (R37)', () => {
  it('leaves zeros, whichever page of the block is missing, and its room is used', async () => {
    for (const missing of [0, 1, 2]) {
      const disk = new MemoryDisk();
      const wal = await founded(disk);
      await append(wal, records(0, { entries: entries(1, 1, 1, 9000) }));
      await closeWal(wal);
      const { path, bytes } = segment(disk, 1);
      const from = (2 + missing) * PAGE_BYTES;
      bytes.fill(0, from, from + PAGE_BYTES);
      const again = await reopen(disk);
      expect(again.groupLog(0)?.lastIndex).toBe(0);
      expect(
        disk
          .bytesOf(path)
          .subarray(2 * PAGE_BYTES)
          .every((byte) => byte === 0),
      ).toBe(true);
      await append(again, records(0, { entries: entries(1, 2, 2) }));
      await closeWal(again);
      await expectIndexes(await reopen(disk), 0, [1, 2]);
    }
  });

  it('of a checkpoint leaves the segment unused', async () => {
    const disk = await threeBlocks();
    const { path, bytes } = segment(disk, 2);
    bytes.fill(0x5a, 100, 9000);
    const wal = await reopen(disk);
    await expectIndexes(wal, 0, [1, 2, 3]);
    expect(disk.bytesOf(path).every((byte) => byte === 0)).toBe(true);
    await closeWal(wal);
  });
});

describe('damage (R37)', () => {
  it('by a lost page before a valid block is refused', async () => {
    const disk = await threeBlocks();
    const { path, bytes } = segment(disk, 1);
    bytes.fill(0, 3 * PAGE_BYTES, 4 * PAGE_BYTES);
    await expectRefusal(disk, 'corrupt', { file: path, offset: 3 * PAGE_BYTES });
  });

  it('of the first block of a segment in use is refused', async () => {
    const disk = await threeBlocks();
    const { path, bytes } = segment(disk, 1);
    bytes.fill(0, 0, PAGE_BYTES);
    await expectRefusal(disk, 'corrupt', { file: path, offset: 0 });
  });

  it('of the last block before a later segment is refused', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    for (let index = 1; index <= 20; index += 1) {
      await append(wal, records(0, { entries: entries(index, 1) }));
    }
    await closeWal(wal);
    // Page 0: checkpoint, page 1: founding, pages 2 to 15: entries.
    const { bytes } = segment(disk, 1);
    bytes.fill(0, 15 * PAGE_BYTES, 16 * PAGE_BYTES);
    await expectRefusal(disk, 'corrupt', { file: segment(disk, 2).path, offset: 0 });
  });

  it('by a shorter segment file is refused', async () => {
    const disk = await threeBlocks();
    const { path, bytes } = segment(disk, 1);
    disk.put(path, bytes.slice(0, SEGMENT_BYTES - PAGE_BYTES));
    await expectRefusal(disk, 'corrupt', { file: path, offset: SEGMENT_BYTES - PAGE_BYTES });
  });

  it('by a missing segment is refused', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    for (let index = 1; index <= 40; index += 1) {
      await append(wal, records(0, { entries: entries(index, 1) }));
    }
    await closeWal(wal);
    disk.remove(segment(disk, 2).path);
    await expectRefusal(disk, 'corrupt', { file: '/data/wal', offset: 0 });
  });

  it('by missing old segments that no snapshot covers is refused', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    for (let index = 1; index <= 40; index += 1) {
      await append(wal, records(0, { entries: entries(index, 1) }));
    }
    await closeWal(wal);
    disk.remove(segment(disk, 1).path);
    const error = await refusal(disk);
    expect(error.message).toContain('group 0 lacks entries after 0');
  });

  it('by a checkpoint that contradicts the log before it is refused', async () => {
    const [one, other] = [new MemoryDisk(), new MemoryDisk()];
    for (const [disk, term] of [
      [one, 1],
      [other, 2],
    ] as const) {
      const wal = await founded(disk);
      for (let index = 1; index <= 20; index += 1) {
        const hard = hardState(term);
        await append(wal, records(0, { hardState: hard, entries: entries(index, 1) }));
      }
      await closeWal(wal);
    }
    const { path } = segment(one, 2);
    one.put(path, segment(other, 2).bytes);
    await expectRefusal(one, 'corrupt', { file: path, offset: 0 });
  });

  it('by an empty log of a node with an identity is refused', async () => {
    const opened = openTestWal(new MemoryDisk().root, { mustExist: true });
    await expect(opened).rejects.toMatchObject({ kind: 'corrupt', file: '/data/wal' });
  });

  it('by a strange file or a newer format is foreign', async () => {
    const disk = await threeBlocks();
    disk.put('wal/notes.txt', new Uint8Array(1));
    await expectRefusal(disk, 'foreign', { file: 'wal/notes.txt', offset: 0 });
  });
});
