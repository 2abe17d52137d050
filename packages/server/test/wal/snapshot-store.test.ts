/** Goal: a snapshot is whole or refused, and nothing unfinished is ever taken for one (R38). */
import { describe, expect, it } from '@jest/globals';
import type { SnapshotStore, SnapshotWriter } from '../../src/host/storage-ports.js';
import { completed, result } from '../../src/wal/disk.js';
import { AssertionFailure } from '../../src/wal/errors.js';
import { openSnapshotStore } from '../../src/wal/snapshot-store.js';
import { MemoryDisk } from '../support/memory-disk.js';
import {
  meta,
  nextChunk,
  openSnapshot,
  randomBytes,
  randomNumbers,
  readSnapshot,
  writeSnapshot,
} from '../support/wal.js';

function openStore(disk: MemoryDisk, seed = 1): Promise<SnapshotStore> {
  return openSnapshotStore(disk.root, randomBytes(randomNumbers(seed)));
}

function begin(store: SnapshotStore, group: number, index: number): Promise<SnapshotWriter> {
  return result((done: Parameters<SnapshotStore['begin']>[2]) => {
    store.begin(group, meta(index), done);
  });
}

function list(store: SnapshotStore, group: number): Promise<readonly string[]> {
  return result<readonly string[]>((done) => store.list(group, done));
}

describe('a snapshot (R38)', () => {
  it('is read back chunk by chunk, with its meta', async () => {
    const store = await openStore(new MemoryDisk());
    const chunks = [
      Buffer.alloc(store.chunkBytesMax, 1),
      Buffer.from('x'),
      Buffer.alloc(70_000, 3),
    ];
    const file = await writeSnapshot(store, 4, meta(77, 5), chunks);
    const reader = await openSnapshot(store, file);
    expect([reader.group, reader.meta]).toEqual([4, meta(77, 5)]);
    expect(reader.bytes).toBe(store.chunkBytesMax + 1 + 70_000);
    for (const chunk of chunks) {
      expect(Buffer.from((await nextChunk(reader)) ?? []).equals(chunk)).toBe(true);
    }
    expect(await nextChunk(reader)).toBeUndefined();
    await completed((done) => reader.close(done));
  });

  it('may be empty', async () => {
    const store = await openStore(new MemoryDisk());
    const file = await writeSnapshot(store, 0, meta(1), []);
    expect(await readSnapshot(store, file)).toHaveLength(0);
  });

  it('takes one call at a time, within its bound, and none after its end', async () => {
    const store = await openStore(new MemoryDisk());
    const writer = await begin(store, 0, 1);
    const ignore = (): void => undefined;
    const tooMuch = new Uint8Array(store.chunkBytesMax + 1);
    expect(() => writer.write(tooMuch, ignore)).toThrow(AssertionFailure);
    const first = completed((done) => writer.write(Buffer.from('a'), done));
    expect(() => writer.write(Buffer.from('b'), ignore)).toThrow(AssertionFailure);
    await first;
    await result<string>((done) => writer.commit(done));
    expect(() => writer.write(Buffer.from('c'), ignore)).toThrow(AssertionFailure);
  });

  it('that was aborted, or not committed before a restart, leaves nothing', async () => {
    const disk = new MemoryDisk();
    const store = await openStore(disk);
    const aborted = await begin(store, 0, 1);
    await completed((done) => aborted.write(Buffer.from('a'), done));
    await completed((done) => aborted.abort(done));
    expect(disk.names('snapshots')).toEqual([]);
    const left = await begin(store, 0, 2);
    await completed((done) => left.write(Buffer.from('a'), done));
    expect(await list(store, 0)).toEqual([]);
    await openStore(disk);
    expect(disk.names('snapshots')).toEqual([]);
  });

  it('that cannot be written reports the error', async () => {
    const disk = new MemoryDisk();
    const store = await openStore(disk);
    const writer = await begin(store, 0, 1);
    disk.fault = (step) => (step === 'write' ? 'ENOSPC' : undefined);
    const written = completed((done) => writer.write(Buffer.from('a'), done));
    await expect(written).rejects.toMatchObject({ kind: 'noSpace' });
    disk.fault = () => undefined;
    await completed((done) => writer.abort(done));
    expect(disk.names('snapshots')).toEqual([]);
  });
});

describe('the store', () => {
  it('lists a group oldest first and keeps only what it is told to', async () => {
    const disk = new MemoryDisk();
    const store = await openStore(disk);
    const chunk = [Buffer.from('x')];
    const tenth = await writeSnapshot(store, 1, meta(10), chunk);
    const ninth = await writeSnapshot(store, 1, meta(9), chunk);
    const again = await writeSnapshot(store, 1, meta(10), chunk);
    const other = await writeSnapshot(store, 11, meta(9), chunk);
    expect(new Set([tenth, ninth, again, other]).size).toBe(4);
    expect((await list(store, 1))[0]).toBe(ninth);
    await completed((done) => store.retain(1, [again], done));
    expect(await list(store, 1)).toEqual([again]);
    expect(await list(store, 11)).toEqual([other]);
  });
});
