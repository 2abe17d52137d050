/**
 * Goal: a real disk that takes no more in the middle of a block (R39): the log fails for good, and
 * what it acknowledged is there at the next start. Method: `ulimit -f` lets a child's files grow
 * to a limit inside the prepared segment: the write that crosses it is cut short, the next one
 * gets EFBIG. The child runs what was built, with its sync thread.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { completed, type DiskFile, result } from '../../src/wal/disk.js';
import { openNodeDisk } from '../../src/wal/node-disk.js';
import { openStorage } from '../../src/wal/storage.js';
import {
  append,
  entries,
  hardState,
  marker,
  readAll,
  records,
  testEnvironment,
  texts,
} from '../support/wal.js';

const PAGE_BYTES = 4096;
const SIZES = { segmentBytes: 16 * PAGE_BYTES, blockBytesMax: 16 * 1024, walBytesMax: 1 << 30 };
const ENTRY_BYTES = 9000;
/** Checkpoint and founding take a page each, every entry three. */
const ENTRY_PAGES = 3;
/** What POSIX lets `ulimit -f` count in. */
const ULIMIT_UNIT_BYTES = 512;

const BUILT = new URL('../../dist/wal/index.js', pathToFileURL(__filename));
const WORKER = new URL('../../dist/wal/sync-worker.js', pathToFileURL(__filename));

/** Appends until an error; says how many were acknowledged and what the later ones were told. */
const CHILD = `
  const [built, path, sizes] = process.argv.slice(2);
  const { openStorage, syncWorkerUrl } = await import(built);
  const { randomBytes } = await import('node:crypto');
  const environment = {
    clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
    scheduler: {
      defer: (run) => setImmediate(run),
      after: (ms, run) => {
        const timer = setTimeout(run, ms);
        return { cancel: () => clearTimeout(timer) };
      },
      every: () => { throw new Error('not needed here'); },
    },
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
  };
  const storage = await openStorage({ path, environment, syncWorker: syncWorkerUrl });
  const wal = await storage.openLog({ ...JSON.parse(sizes), mustExist: true });
  const append = (index) => new Promise((resolve) => {
    const data = new Uint8Array(Buffer.from(('1:' + index).padEnd(${ENTRY_BYTES}, '.')));
    const entries = [{ index, term: 1, kind: 'normal', data }];
    const nothing = { hardState: undefined, snapshot: undefined, tombstone: false };
    wal.append([{ ...nothing, group: 0, replicaId: 1, entries }], resolve);
  });
  let acknowledged = 0;
  let error;
  while (error === undefined && acknowledged < 100) {
    error = await append(acknowledged + 1);
    if (error === undefined) acknowledged += 1;
  }
  const later = [await append(acknowledged + 1), await append(acknowledged + 1)];
  console.log(JSON.stringify({
    acknowledged, kind: error?.kind, code: error?.cause?.code, file: error?.file,
    final: later.every((one) => one === error), state: wal.status().state,
  }));
  await storage.close();
`;

let directory = '';

/** Beside the child's script. */
function dataPath(): string {
  return join(directory, 'data');
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cashe-limit-test-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function runLimited(limitBytes: number): Promise<unknown> {
  const limited = `ulimit -f ${limitBytes / ULIMIT_UNIT_BYTES}; exec "$@"`;
  const script = join(directory, 'child.mjs');
  await writeFile(script, CHILD);
  const run = [process.execPath, script, BUILT.href, dataPath()];
  const child = spawn('sh', ['-c', limited, 'sh', ...run, JSON.stringify(SIZES)]);
  const said: string[] = [];
  const complaints: string[] = [];
  child.stdout.on('data', (data) => said.push(String(data)));
  child.stderr.on('data', (data) => complaints.push(String(data)));
  const [code, signal] = await once(child, 'close');
  expect([code, signal, complaints.join('')]).toEqual([0, null, '']);
  return JSON.parse(said.join(''));
}

describe('a file that may not grow any more', () => {
  // At a block's start (nothing is written), within its first, second and last page.
  for (const [entriesThatFit, cutBytes] of [
    [0, 512],
    [1, 0],
    [1, 2 * PAGE_BYTES + 512],
    [2, PAGE_BYTES],
    [3, 3584],
  ] as const) {
    const place = `${cutBytes} bytes into block ${entriesThatFit + 1}`;
    it(`${place} fails the log, not what it has`, async () => {
      const options = { path: dataPath(), environment: testEnvironment(), syncWorker: undefined };
      const first = await openStorage(options);
      const wal = await first.openLog({ ...SIZES, mustExist: false });
      await append(wal, records(0, { hardState: hardState(1), snapshot: marker(0, '') }));
      // The next segment is prepared beside the appends, and must be there before the limit is.
      while (wal.status().diskBytes < 2 * SIZES.segmentBytes) await nextTurn();
      await first.close();

      const limit = (2 + ENTRY_PAGES * entriesThatFit) * PAGE_BYTES + cutBytes;
      const [segment = ''] = (await readdir(join(dataPath(), 'wal'))).sort();
      const report = await runLimited(limit);
      expect(report).toEqual({
        acknowledged: entriesThatFit,
        kind: 'io',
        code: 'EFBIG',
        file: join(dataPath(), 'wal', segment),
        final: true,
        state: 'failed',
      });

      const again = await openStorage({ ...options, environment: testEnvironment(2) });
      const log = await again.openLog({ ...SIZES, mustExist: true });
      const expected = texts(entries(1, entriesThatFit, 1, ENTRY_BYTES));
      expect(texts(await readAll(log, 0, 1))).toEqual(expected);
      await append(log, records(0, { entries: entries(entriesThatFit + 1, 1) }));
      await again.close();
    });
  }
});

describe('a durable write', () => {
  // /dev/null takes any write and refuses any sync: an acknowledgement would mean there was none.
  for (const [kind, syncWorker] of [
    ['of the sync thread', WORKER],
    ["of libuv's pool", undefined],
  ] as const) {
    it(`${kind} is acknowledged only by the sync behind it`, async () => {
      const disk = await openNodeDisk('/dev', { syncWorker });
      const file = await result<DiskFile>((done) => disk.root.open('null', done));
      await completed((done) => file.write(new Uint8Array(8), 0, done));
      const data = disk.root.allocate(8);
      const written = completed((done) => file.writeDurably(data, 0, done));
      await expect(written).rejects.toMatchObject({ kind: 'io', message: /EINVAL/ });
      await completed((done) => file.close(done));
      disk.close();
    });
  }
});
