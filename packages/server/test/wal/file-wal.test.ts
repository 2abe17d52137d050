/** Goal: the promises of the Wal port beside durability: bounds, order, failure, release, reads. */
import { describe, expect, it, jest } from '@jest/globals';
import type { StorageDone } from '../../src/host/storage-ports.js';
import { type Directory, type DiskFile, result } from '../../src/wal/disk.js';
import { AssertionFailure } from '../../src/wal/errors.js';
import type { FileWal } from '../../src/wal/file-wal.js';
import { MemoryDisk } from '../support/memory-disk.js';
import {
  append,
  BLOCK_BYTES_MAX,
  closeWal,
  entries,
  hardState,
  marker,
  openTestWal,
  readAll,
  readOnce,
  records,
  SEGMENT_BYTES,
  testEnvironment,
  texts,
} from '../support/wal.js';

const NOTHING: StorageDone = () => undefined;

/** Lets everything that is under way on the memory disk finish. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function founded(disk: MemoryDisk, groups = 1): Promise<FileWal> {
  const wal = await openTestWal(disk.root);
  for (let group = 0; group < groups; group += 1) {
    await append(wal, records(group, { hardState: hardState(1), snapshot: marker(0, '') }));
  }
  return wal;
}

/** One entry per block, so one page each. */
async function grow(wal: FileWal, group: number, from: number, to: number): Promise<void> {
  for (let index = from; index <= to; index += 1) {
    await append(wal, records(group, { entries: entries(index, 1) }));
  }
}

describe('append', () => {
  it('refuses a second one while one is outstanding', async () => {
    const wal = await founded(new MemoryDisk());
    wal.append([records(0, { entries: entries(1, 1) })], NOTHING);
    expect(() => wal.append([], NOTHING)).toThrow(AssertionFailure);
  });

  it('refuses what would make the log unreadable', async () => {
    const wal = await founded(new MemoryDisk());
    await append(wal, records(0, { entries: entries(1, 5) }));
    await append(wal, records(0, { snapshot: marker(3, 'file') }));
    const refused: readonly Parameters<typeof records>[1][] = [
      { entries: entries(7, 1) },
      { entries: entries(3, 1) },
      { entries: [...entries(6, 1), ...entries(8, 1)] },
      { snapshot: marker(6, 'file') },
      { snapshot: marker(2, 'file') },
      { snapshot: marker(4, 'ü') },
      { replicaId: 2 },
      { replicaId: 0 },
      { entries: entries(6, 1, 1, BLOCK_BYTES_MAX) },
    ];
    for (const some of refused) {
      expect(() => wal.append([records(0, some)], NOTHING)).toThrow(AssertionFailure);
    }
    await append(wal, records(0, { entries: entries(6, 1) }));
  });

  it('takes several records of one group in order, later ones replacing earlier ones', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await append(
      wal,
      records(0, { entries: entries(1, 4, 1) }),
      records(0, { hardState: hardState(2), entries: entries(3, 1, 2) }),
      records(0, { entries: entries(3, 3, 3) }),
    );
    const expected = texts([...entries(1, 2, 1), ...entries(3, 3, 3)]);
    expect(texts(await readAll(wal, 0, 1))).toEqual(expected);
    await closeWal(wal);
    const again = await openTestWal(disk.root);
    expect(texts(await readAll(again, 0, 1))).toEqual(expected);
    expect(again.groupLog(0)?.hardState.currentTerm).toBe(2);
  });

  it('writes one block per call: one write, one sync', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk, 3);
    await settled();
    const before = disk.steps;
    await append(
      wal,
      records(0, { entries: entries(1, 3) }),
      records(1, { entries: entries(1, 1) }),
      records(2, { hardState: hardState(9) }),
    );
    expect(disk.steps - before).toBe(2);
  });
});

describe('segments', () => {
  it('follow each other, and a checkpoint carries what older ones said', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk, 2);
    await append(wal, records(1, { hardState: hardState(7, 3), entries: entries(1, 2) }));
    await append(wal, records(1, { snapshot: marker(2, 'one') }));
    wal.release(1, 2);
    await append(wal, records(5, { replicaId: 4, snapshot: marker(0, '') }));
    await append(wal, records(5, { replicaId: 4, tombstone: true }));
    await grow(wal, 0, 1, 40);
    await append(wal, records(0, { snapshot: marker(39, 'zero') }));
    wal.release(0, 39);
    await settled();
    const before = wal.groupLogs();
    expect(disk.names('wal')[0]).not.toMatch(/^0000000001/);
    await closeWal(wal);

    const again = await openTestWal(disk.root);
    expect(again.groupLogs().map(withoutFirst)).toEqual(before.map(withoutFirst));
    expect(again.groupLog(1)?.hardState).toEqual(hardState(7, 3));
    expect(again.groupLog(1)?.snapshot?.file).toBe('one');
    expect(again.groupLog(5)).toMatchObject({ replicaId: 0, tombstonedReplicaId: 4 });
    expect(texts(await readAll(again, 0, 40))).toEqual(texts(entries(40, 1)));
    expect(() => again.append([records(5, { replicaId: 4 })], NOTHING)).toThrow(AssertionFailure);
  });

  it('stay while any group needs them, and the status names that group', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk, 2);
    await append(wal, records(1, { entries: entries(1, 1) }));
    await grow(wal, 0, 1, 40);
    await append(wal, records(0, { snapshot: marker(40, 'zero') }));
    wal.release(0, 40);
    await settled();
    expect(disk.names('wal')[0]).toMatch(/^0000000001/);
    expect(wal.status().pinningGroup).toBe(1);
    await append(wal, records(1, { snapshot: marker(1, 'one') }));
    wal.release(1, 1);
    await settled();
    expect(wal.status()).toMatchObject({ segmentCount: 1, pinningGroup: undefined });
    expect(disk.names('wal').length).toBe(2);
  });

  it('go once the last replica in them is buried (R8)', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await grow(wal, 0, 1, 40);
    await settled();
    expect(wal.status().segmentCount).toBe(3);
    await append(wal, records(0, { tombstone: true }));
    await settled();
    expect(wal.status().segmentCount).toBe(1);
    await closeWal(wal);
    const again = await openTestWal(disk.root);
    expect(again.groupLog(0)).toMatchObject({ replicaId: 0, tombstonedReplicaId: 1 });
  });

  it('are not released beyond the durable snapshot', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await grow(wal, 0, 1, 40);
    wal.release(0, 40);
    await settled();
    expect(wal.status().segmentCount).toBe(3);
    await expect(readAll(wal, 0, 1)).resolves.toHaveLength(40);
  });

  it('whose entries were replaced do not pin', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await grow(wal, 0, 1, 14);
    await append(wal, records(0, { entries: entries(3, 1, 2) }));
    await append(wal, records(0, { snapshot: marker(3, 'three') }));
    wal.release(0, 3);
    await settled();
    expect(wal.status().segmentCount).toBe(1);
  });

  it('go when what is written replaces the last entries that kept them', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await grow(wal, 0, 1, 14);
    await append(wal, records(0, { snapshot: marker(2, 'two') }));
    wal.release(0, 2);
    await settled();
    expect(wal.status().segmentCount).toBe(2);
    await append(wal, records(0, { entries: entries(3, 1, 2) }));
    await settled();
    expect(wal.status().segmentCount).toBe(1);
  });

  it('of a log at its bound are reported, while markers are still taken', async () => {
    const disk = new MemoryDisk();
    const wal = await openTestWal(disk.root, { walBytesMax: 2 * SEGMENT_BYTES });
    await append(wal, records(0, { snapshot: marker(0, '') }));
    await grow(wal, 0, 1, 20);
    await settled();
    expect(wal.status().state).toBe('full');
    await append(wal, records(0, { snapshot: marker(20, 'twenty') }));
    wal.release(0, 20);
    await settled();
    expect(wal.status().state).toBe('ready');
  });
});

describe('a full disk while a segment is prepared', () => {
  it('is reported at once, waited out each second, and delays only what does not fit', async () => {
    const disk = new MemoryDisk();
    const environment = testEnvironment();
    const full = (step: string, path: string): string | undefined => {
      return step === 'write' && path.endsWith('.tmp') ? 'ENOSPC' : undefined;
    };
    const wal = await openTestWal(disk.root, { environment });
    await append(wal, records(0, { snapshot: marker(0, '') }));
    await settled();
    disk.fault = full;
    // The prepared segment 2 becomes current at the first rollover; 3 cannot be prepared.
    await grow(wal, 0, 1, 20);
    await settled();
    expect(wal.status().state).toBe('waitingForSpace');
    await grow(wal, 0, 21, 29);
    let outcome: string | undefined;
    wal.append([records(0, { entries: entries(30, 1) })], (error) => {
      outcome = error === undefined ? 'done' : error.kind;
    });
    environment.scheduler.advance(1000);
    await settled();
    expect([outcome, wal.status().state]).toEqual([undefined, 'waitingForSpace']);
    disk.fault = () => undefined;
    environment.scheduler.advance(999);
    await settled();
    expect(outcome).toBeUndefined();
    environment.scheduler.advance(1);
    await settled();
    expect([outcome, wal.status().state]).toEqual(['done', 'ready']);
    await closeWal(wal);
    await expect(readAll(await openTestWal(disk.root), 0, 1)).resolves.toHaveLength(30);
  });

  it('stops the start of a node without a log', async () => {
    const disk = new MemoryDisk();
    disk.fault = (step) => (step === 'write' ? 'ENOSPC' : undefined);
    await expect(openTestWal(disk.root)).rejects.toMatchObject({ kind: 'noSpace' });
  });

  it('does not keep the log from closing', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await settled();
    disk.fault = (step, path) =>
      step === 'create' && path.includes('.tmp') ? 'ENOSPC' : undefined;
    await grow(wal, 0, 1, 20);
    expect(wal.status().state).toBe('waitingForSpace');
    await closeWal(wal);
  });

  it('differs from a failure to prepare, which is final', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await settled();
    disk.fault = (step) => (step === 'rename' ? 'EIO' : undefined);
    await grow(wal, 0, 1, 14);
    await append(wal, records(0, { entries: entries(15, 1) }));
    await settled();
    expect(wal.status().state).toBe('failed');
    await expect(append(wal)).rejects.toMatchObject({ kind: 'io' });
  });
});

describe('reading entries', () => {
  it('gives at least one entry, then up to the wanted bytes', async () => {
    const wal = await founded(new MemoryDisk());
    await append(wal, records(0, { entries: entries(1, 10, 1, 1000) }));
    const indexes = async (from: number, bytesMax: number): Promise<number[]> => {
      return (await readOnce(wal, 0, from, bytesMax)).map((entry) => entry.index);
    };
    expect(await indexes(3, 1)).toEqual([3]);
    expect(await indexes(3, 3000)).toEqual([3, 4, 5]);
    expect(await indexes(9, 1 << 20)).toEqual([9, 10]);
  });

  it('gives nothing outside of the log', async () => {
    const wal = await founded(new MemoryDisk());
    await append(wal, records(0, { snapshot: marker(10, 'ten', true) }));
    await append(wal, records(0, { entries: entries(11, 2) }));
    for (const index of [0, 1, 10, 13]) expect(await readOnce(wal, 0, index)).toEqual([]);
    expect(await readOnce(wal, 4, 1)).toEqual([]);
    expect(wal.groupLog(0)).toMatchObject({ firstIndex: 11, lastIndex: 12 });
    expect(await readOnce(wal, 0, 11)).toHaveLength(2);
  });

  it('passes blocks of other groups and crosses segments', async () => {
    const wal = await founded(new MemoryDisk(), 2);
    for (let index = 1; index <= 30; index += 1) {
      await append(wal, records(0, { entries: entries(index, 1) }));
      await append(wal, records(1, { entries: entries(index, 1, 2, 3000) }));
    }
    expect(texts(await readAll(wal, 0, 1))).toEqual(texts(entries(1, 30)));
    expect(texts(await readAll(wal, 1, 5))).toEqual(texts(entries(5, 26, 2, 3000)));
  });

  it('reports damage since the entry was written', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await append(wal, records(0, { entries: entries(1, 1) }));
    const [name = ''] = disk.names('wal');
    // Only the entry's data: nothing but the CRC can notice.
    disk.bytesOf(`wal/${name}`).fill(1, 2 * 4096 + 85, 2 * 4096 + 87);
    const place = { kind: 'corrupt', offset: 2 * 4096 };
    await expect(readOnce(wal, 0, 1)).rejects.toMatchObject(place);
  });

  it('survives the deletion of the segment being read', async () => {
    const wal = await founded(new MemoryDisk());
    await grow(wal, 0, 1, 20);
    await append(wal, records(0, { snapshot: marker(20, 'twenty') }));
    const reading = readOnce(wal, 0, 1);
    wal.release(0, 20);
    // Released entries are gone from the index: an empty answer, and no failure.
    await expect(reading).resolves.toEqual([]);
    expect(wal.status().state).toBe('ready');
  });

  it('closes a deleted segment once, also when a read ends while it is being deleted', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await grow(wal, 0, 1, 20);
    await append(wal, records(0, { snapshot: marker(20, 'twenty') }));
    const [first = ''] = disk.names('wal');
    const folder = await result<Directory>((done) => disk.root.directory('wal', done));
    const file = await result<DiskFile>((done) => folder.open(first, done));
    const close = jest.spyOn(Object.getPrototypeOf(file), 'close');
    const held: (() => void)[] = [];
    const prototype = Object.getPrototypeOf(disk.root) as Directory;
    const { unlink } = prototype;
    jest.spyOn(prototype, 'unlink').mockImplementation(function (this: Directory, name, done) {
      held.push(() => unlink.call(this, name, done));
    });
    const reading = readOnce(wal, 0, 1);
    wal.release(0, 20);
    await reading;
    for (const run of held) run();
    await settled();
    const paths = close.mock.contexts.map((one) => (one as DiskFile).path);
    jest.restoreAllMocks();
    expect(paths.filter((path) => path.endsWith(first))).toHaveLength(1);
    expect(wal.status().state).toBe('ready');
  });
});

describe('the snapshot trigger', () => {
  it('counts record bytes above the snapshot, not padding', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    const one = records(0, { entries: entries(1, 1) });
    const bytes = wal.bytesOf(one);
    expect(bytes).toBeLessThan(100);
    await append(wal, one);
    await grow(wal, 0, 2, 10);
    expect(wal.bytesSince(0)).toBe(10 * bytes);
    await append(wal, records(0, { snapshot: marker(6, 'six') }));
    expect(wal.bytesSince(0)).toBe(4 * bytes);
    await closeWal(wal);
    const again = await openTestWal(disk.root);
    expect(again.bytesSince(0)).toBe(4 * bytes);
    await append(again, records(0, { snapshot: marker(20, 'twenty', true) }));
    expect(again.bytesSince(0)).toBe(0);
  });
});

describe('replicas', () => {
  it('of a group follow each other only over a tombstone, with a higher id', async () => {
    const disk = new MemoryDisk();
    const wal = await founded(disk);
    await append(wal, records(0, { entries: entries(1, 3) }));
    await append(wal, records(0, { tombstone: true }));
    expect(wal.groupLog(0)).toMatchObject({ replicaId: 0, tombstonedReplicaId: 1, lastIndex: 0 });
    await append(
      wal,
      records(0, { replicaId: 8, hardState: hardState(3), snapshot: marker(0, '') }),
    );
    await append(wal, records(0, { replicaId: 8, entries: entries(1, 1, 3) }));
    await closeWal(wal);
    const again = await openTestWal(disk.root);
    expect(again.groupLog(0)).toMatchObject({ replicaId: 8, tombstonedReplicaId: 1, lastIndex: 1 });
    expect(texts(await readAll(again, 0, 1))).toEqual(texts(entries(1, 1, 3)));
  });
});

function withoutFirst(log: { readonly firstIndex: number }): unknown {
  return { ...log, firstIndex: 0 };
}
