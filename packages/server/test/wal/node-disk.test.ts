/**
 * Goal: the real disk keeps the promises the doubled one is tested with, with the sync thread and
 * without. Method: real files; the thread runs what was built.
 */
import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { completed, type DiskFile, result } from '../../src/wal/disk.js';
import { type NodeDisk, openNodeDisk } from '../../src/wal/node-disk.js';
import { openStorage } from '../../src/wal/storage.js';
import { SyncThread } from '../../src/wal/sync-thread.js';
import {
  append,
  BLOCK_BYTES_MAX,
  entries,
  hardState,
  marker,
  readAll,
  records,
  SEGMENT_BYTES,
  testEnvironment,
  texts,
} from '../support/wal.js';

/** Far above what a process can have open: never somebody else's file. */
const NO_SUCH_FD = 2 ** 30;

const BUILT_WORKER = pathToFileURL(join(__dirname, '../../dist/wal/sync-worker.js'));
const SIZES = {
  segmentBytes: SEGMENT_BYTES,
  blockBytesMax: BLOCK_BYTES_MAX,
  walBytesMax: 1 << 30,
};

let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cashe-disk-test-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

function create(disk: NodeDisk, name: string): Promise<DiskFile> {
  return result<DiskFile>((done) => disk.root.create(name, done));
}

async function contents(disk: NodeDisk, name: string): Promise<string> {
  const file = await result<DiskFile>((done) => disk.root.open(name, done));
  const bytes = new Uint8Array(await result<number>((done) => file.size(done)));
  await result<number>((done) => file.read(bytes, 0, done));
  await completed((done) => file.close(done));
  return Buffer.from(bytes).toString();
}

for (const [kind, syncWorker] of [
  ['with a sync thread', BUILT_WORKER],
  ['without a sync thread', undefined],
] as const) {
  describe(`storage ${kind}`, () => {
    it('writes durably where it is told to', async () => {
      const disk = await openNodeDisk(join(directory, 'a', 'b'), { syncWorker });
      const file = await create(disk, 'log');
      const data = disk.root.allocate(6);
      data.set(Buffer.from('world!'));
      await completed((done) => file.writeDurably(data.subarray(0, 5), 6, done));
      data.set(Buffer.from('hello '));
      await completed((done) => file.writeDurably(data, 0, done));
      await completed((done) => file.close(done));
      expect(await contents(disk, 'log')).toBe('hello world');
      disk.close();
    });

    it('keeps a log over a restart', async () => {
      const options = { path: directory, environment: testEnvironment(), syncWorker };
      const first = await openStorage(options);
      const wal = await first.openLog({ ...SIZES, mustExist: false });
      await append(wal, records(0, { hardState: hardState(2), snapshot: marker(0, '') }));
      for (let index = 1; index <= 40; index += 1) {
        await append(wal, records(0, { entries: entries(index, 1, 2, 9000) }));
      }
      await first.close();
      const again = await openStorage({ ...options, environment: testEnvironment(2) });
      const log = await again.openLog({ ...SIZES, mustExist: true });
      expect(again.data.nodeUid).toBe(first.data.nodeUid);
      expect(log.groupLog(0)?.hardState).toEqual(hardState(2));
      const found = texts(await readAll(log, 0, 1));
      expect(found).toEqual(texts(entries(1, 40, 2, 9000)));
      await again.close();
    });
  });
}

describe('storage', () => {
  it('renames, lists and deletes names', async () => {
    const disk = await openNodeDisk(directory, { syncWorker: undefined });
    const file = await create(disk, 'one');
    await completed((done) => file.close(done));
    await completed((done) => disk.root.rename('one', 'two', done));
    await completed((done) => disk.root.sync(done));
    const list = result<readonly string[]>((done) => disk.root.list(done));
    expect(await list).toEqual(['two']);
    await completed((done) => disk.root.unlink('two', done));
    await completed((done) => disk.root.unlink('two', done));
    expect(await readdir(directory)).toEqual([]);
    const opened = result<DiskFile>((done) => disk.root.open('two', done));
    await expect(opened).rejects.toMatchObject({ kind: 'io' });
  });

  it('locks its directory until it is closed', async () => {
    const options = { path: directory, environment: testEnvironment(), syncWorker: undefined };
    const first = await openStorage(options);
    await expect(openStorage(options)).rejects.toMatchObject({ kind: 'locked' });
    await first.close();
    await (await openStorage(options)).close();
  });

  it('refuses a truncated segment and gives the lock back', async () => {
    const options = { path: directory, environment: testEnvironment(), syncWorker: undefined };
    const first = await openStorage(options);
    await first.openLog({ ...SIZES, mustExist: false });
    await first.close();
    const [name = ''] = await readdir(join(directory, 'wal'));
    await truncate(join(directory, 'wal', name), SEGMENT_BYTES - 4096);
    const again = await openStorage(options);
    const place = { kind: 'corrupt', file: join(directory, 'wal', name) };
    await expect(again.openLog({ ...SIZES, mustExist: true })).rejects.toMatchObject(place);
    await again.close();
    await (await openStorage(options)).close();
  });
});

describe('the sync thread', () => {
  it('reports why a write failed, and goes on', async () => {
    const thread = new SyncThread(BUILT_WORKER);
    const data = new Uint8Array(new SharedArrayBuffer(8));
    const write = (fd: number): Promise<{ code: string | undefined }> =>
      new Promise((resolve) => thread.write(data, { fd, offset: 0 }, resolve));
    expect(await write(NO_SUCH_FD)).toMatchObject({ code: 'EBADF' });
    expect(await write(NO_SUCH_FD)).toMatchObject({ code: 'EBADF' });
    thread.close();
  });
});
