/**
 * Goal: `cashe verify` says of every directory whether a node could start from it with everything
 * it acknowledged, names what is wrong, and changes nothing (R39). Method: a node's real directory,
 * copied while the node holds it, as kill -9 leaves it; then damaged.
 */
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { encodeEntry, FORMAT_VERSION, openPolicy, type StateDigest } from '@cashe/codec';
import type { Entry } from '@cashe/raft';
import { createStore, type StateMachine } from '@cashe/store';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { genesisTerms, newGenesisRecord, readGenesis } from '../../src/node/records.js';
import { Storage } from '../../src/node/storage.js';
import { type Verification, verifyDirectory } from '../../src/node/verify.js';
import { PAGE_BYTES } from '../../src/wal/block.js';
import { append, hardState, records, writeSnapshot } from '../support/wal.js';

const KIB = 1024;
/** A block takes a page at least: sixteen appends fill a segment. */
const SIZES = { segmentBytes: 64 * KIB, walBytesMax: 4096 * KIB, blockBytesMax: 16 * KIB };
const ENTRY_COUNT = 40;
const SNAPSHOT_INDEX = 10;
const COMMIT_INDEX = 38;
const DIGEST_INDEX = 30;

let home = '';
/** As it was when the node was killed. */
let template = '';
let directory = '';
let made = 0;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'cashe-verify-'));
  template = await killedNode((entry) => entry);
});
beforeEach(async () => {
  directory = newPath();
  await cp(template, directory, { recursive: true });
});
afterAll(() => rm(home, { recursive: true, force: true }));

function newPath(): string {
  made += 1;
  return join(home, `${made}`);
}

function entryAt(index: number, digest: StateDigest | undefined): Entry {
  const header = {
    ...{ formatVersion: FORMAT_VERSION, clusterTimeMs: index, restartLeases: false },
    ...{ envelopes: [], recencyHints: [], digest },
    command: { kind: 'openSession', owner: `owner-${index}` } as const,
  };
  const data = encodeEntry({ header, batches: [] });
  return { index, term: index <= 20 ? 1 : 2, kind: 'normal', data };
}

/** A node's directory after kill -9; `change` replaces entries before they are logged. */
async function killedNode(change: (entry: Entry) => Entry): Promise<string> {
  const live = newPath();
  const storage = await Storage.open(live, SIZES);
  const founder = {
    ...{ nodeId: 'n1', nodeUid: storage.nodeUid },
    ...{ clientAddress: '', raftAddress: '' },
  };
  const terms = genesisTerms({ settings: {}, access: openPolicy });
  const genesis = readGenesis(newGenesisRecord([founder], terms));
  const identity = { nodeId: 'n1', replicaId: 1, members: genesis.founders };
  await storage.admit({ genesis, identity });
  const { wal, snapshots } = await storage.log({ genesis, identity });
  const store = createStore(genesis.group(0));
  await append(wal, records(0, { hardState: hardState(2, 1, COMMIT_INDEX) }));
  for (let index = 1; index <= ENTRY_COUNT; index += 1) {
    const digest = index === DIGEST_INDEX ? store.digestAt(index - 1) : undefined;
    const entry = entryAt(index, digest);
    await append(wal, records(0, { entries: [change(entry)] }));
    store.apply(index, entry.data, undefined);
    if (index !== SNAPSHOT_INDEX) continue;
    const configuration = { voters: [1], votersOutgoing: [], learners: [], replicaIdMax: 1 };
    const meta = { lastIncludedIndex: index, lastIncludedTerm: 1, configuration };
    const file = await writeSnapshot(snapshots, 0, meta, sealed(store));
    await append(wal, records(0, { snapshot: { meta, file, replacesLog: false } }));
  }
  await append(wal, records(0, { hardState: hardState(2, 1, COMMIT_INDEX) }));
  const killed = newPath();
  const filter = (source: string): boolean => !basename(source).startsWith('lock-');
  await cp(live, killed, { recursive: true, filter });
  await storage.close();
  return killed;
}

function sealed(store: StateMachine): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  store.seal();
  for (;;) {
    const chunk = store.scanSealed(4 * KIB);
    if (chunk === undefined) return chunks;
    chunks.push(chunk.slice());
  }
}

async function segmentPath(position: number): Promise<string> {
  const names = await readdir(join(directory, 'wal'));
  const name = names.filter((one) => one.endsWith('.wal')).sort()[position];
  if (name === undefined) throw new Error(`segment ${position} is not there`);
  return join(directory, 'wal', name);
}

async function snapshotPath(): Promise<string> {
  const [name = ''] = await readdir(join(directory, 'snapshots'));
  return join(directory, 'snapshots', name);
}

async function flipBit(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

/** Every file with its bytes and times. */
async function fingerprint(path: string): Promise<string[]> {
  const names = await readdir(path, { recursive: true });
  const all = names.sort().map(async (name) => {
    const { mtimeMs, ctimeMs, ino, mode } = await stat(join(path, name));
    const isFile = (mode & 0o170000) === 0o100000;
    const bytes = isFile ? await readFile(join(path, name)) : '';
    const hash = createHash('sha256').update(bytes).digest('hex');
    return [name, mtimeMs, ctimeMs, ino, mode, hash].join(' ');
  });
  return Promise.all(all);
}

async function problemsOf(path: string): Promise<string> {
  const { problems } = await verifyDirectory(path);
  return problems.join('\n');
}

describe('the directory of a node that was killed', () => {
  it('is sound, and the report says what is in it', async () => {
    const found = await verifyDirectory(directory);
    expect(found.problems).toEqual([]);
    expect(found.identity?.nodeId).toBe('n1');
    expect([found.nodeUid, found.clusterId]).toEqual(
      [expect.any(String), expect.any(String)].map(() => expect.stringMatching(/^[0-9a-f]{32}$/)),
    );
    const blocks = found.segments.map(({ firstBlock, lastBlock }) => [firstBlock, lastBlock]);
    expect(blocks).toEqual([
      [1, 16],
      [17, 32],
      [33, expect.any(Number)],
    ]);
    const [group] = found.groups;
    expect(group?.log).toMatchObject({ firstIndex: 1, lastIndex: ENTRY_COUNT, replicaId: 1 });
    expect(group?.lastTerm).toBe(2);
    expect(group?.state?.appliedIndex).toBe(COMMIT_INDEX);
    expect(found.snapshots).toEqual([
      expect.objectContaining({ group: 0, current: true, bytes: expect.any(Number) }),
    ]);
    expect(found.snapshots[0]?.meta.lastIncludedIndex).toBe(SNAPSHOT_INDEX);
    expect(found.droppedTails).toEqual([]);
  });

  it('is not changed by the check, damaged or not', async () => {
    const check = async (): Promise<Verification> => {
      const before = await fingerprint(directory);
      const found = await verifyDirectory(directory);
      expect(await fingerprint(directory)).toEqual(before);
      return found;
    };
    await writeFile(join(directory, 'wal', 'half.wal.tmp'), 'x');
    await writeFile(join(directory, 'genesis.tmp'), 'x');
    await tear(2);
    const { unfinished, problems } = await check();
    expect(unfinished.map((file) => basename(file))).toEqual(['genesis.tmp', 'half.wal.tmp']);
    expect(problems).toEqual([]);
    await flipBit(await segmentPath(0), 5 * PAGE_BYTES + 60);
    expect((await check()).problems).toHaveLength(1);
  });

  it('is sound with a torn end, which is counted', async () => {
    const { file, offset } = await tear(2);
    const found = await verifyDirectory(directory);
    expect(found.problems).toEqual([]);
    expect(found.droppedTails).toEqual([{ file, offset, bytes: PAGE_BYTES }]);
  });
});

/** Fills the first free page of a segment as a write does that was not synced. */
async function tear(position: number): Promise<{ readonly file: string; readonly offset: number }> {
  const file = await segmentPath(position);
  const bytes = await readFile(file);
  let offset = 0;
  while (bytes.subarray(offset, offset + PAGE_BYTES).some((byte) => byte !== 0)) {
    offset += PAGE_BYTES;
  }
  bytes.fill(0xaa, offset, offset + PAGE_BYTES);
  await writeFile(file, bytes);
  return { file, offset };
}

describe('damage', () => {
  it.each([
    [
      'a flipped bit within a segment',
      async () => flipBit(await segmentPath(0), 5 * PAGE_BYTES + 60),
      /0000000001-\w+-65536\.wal is damaged at byte 20480: no valid block here, but block 7 is/,
    ],
    [
      'a flipped bit in a later segment',
      async () => flipBit(await segmentPath(1), 3 * PAGE_BYTES + 60),
      /0000000002-\w+-65536\.wal is damaged at byte 12288: no valid block here/,
    ],
    [
      'a segment that is missing between others',
      async () => rm(await segmentPath(1)),
      /wal is damaged at byte 0: segment 2 is missing/,
    ],
    [
      'every segment missing',
      async () => {
        await rm(join(directory, 'wal'), { recursive: true });
        await mkdir(join(directory, 'wal'));
      },
      /wal is damaged at byte 0: the log of a node with an identity is empty/,
    ],
    [
      'no log at all',
      () => rm(join(directory, 'wal'), { recursive: true }),
      /wal is damaged at byte 0: the log of a node with an identity is empty/,
    ],
    [
      'a segment that was cut',
      async () => {
        const path = await segmentPath(2);
        await writeFile(path, (await readFile(path)).subarray(0, 60 * KIB));
      },
      /0000000003-\w+-65536\.wal is damaged at byte 61440: the segment has 61440 bytes/,
    ],
    [
      'a flipped bit in the snapshot',
      async () => flipBit(await snapshotPath(), 200),
      /snapshots\/0-0{14}10-\w+\.snapshot is damaged at byte \d+: the CRC does not hold/,
    ],
    [
      'a snapshot that is missing',
      async () => rm(await snapshotPath()),
      /snapshots\/0-0{14}10-\w+\.snapshot is damaged at byte 0: the file is missing/,
    ],
    ...['node-uid', 'genesis', 'identity'].map(
      (name) =>
        [
          `a flipped bit in ${name}`,
          () => flipBit(join(directory, name), 14),
          new RegExp(`/${name} is damaged at byte 0: the CRC does not hold`),
        ] as const,
    ),
    ...['node-uid', 'genesis'].map(
      (name) =>
        [
          `${name} missing`,
          () => rm(join(directory, name)),
          new RegExp(`/${name} is damaged at byte 0: the file is missing`),
        ] as const,
    ),
  ])('is found: %s', async (_, damage, line) => {
    await damage();
    const { problems } = await verifyDirectory(directory);
    expect(problems).toEqual([expect.stringMatching(line)]);
  });

  it('in several places is one line each', async () => {
    await flipBit(await segmentPath(0), 5 * PAGE_BYTES + 60);
    await flipBit(join(directory, 'identity'), 14);
    await flipBit(await snapshotPath(), 200);
    expect((await verifyDirectory(directory)).problems).toHaveLength(3);
  });
});

describe('entries whose checksums hold', () => {
  const places: readonly (readonly [string, (entry: Entry) => Entry, RegExp])[] = [
    [
      'do not decode',
      (entry) => (entry.index === 25 ? { ...entry, data: new Uint8Array([0xff]) } : entry),
      /0000000002-\w+-65536\.wal is damaged at byte \d+: group 0, entry 25: /,
    ],
    [
      'do not decode, though not yet committed',
      (entry) => (entry.index === 40 ? { ...entry, data: new Uint8Array([0xff]) } : entry),
      /0000000003-\w+-65536\.wal is damaged at byte \d+: group 0, entry 40: /,
    ],
    [
      'are out of order',
      (entry) => (entry.index === 22 ? { ...entry, term: 1 } : entry),
      /group 0, entry 22: term 1 follows term 2/,
    ],
    [
      'are of a term that is still to come',
      (entry) => (entry.index === 40 ? { ...entry, term: 3 } : entry),
      /group 0, entry 40: term 3 is above the current 2/,
    ],
    [
      'differ from the snapshot',
      (entry) => (entry.index > SNAPSHOT_INDEX - 1 ? { ...entry, term: 2 } : entry),
      /group 0, entry 10: term 2, but the snapshot says 1/,
    ],
    [
      'lead to another state than their digest says',
      (entry) =>
        entry.index === DIGEST_INDEX
          ? { ...entry, data: entryAt(entry.index, { index: 29, high: 1, low: 2 }).data }
          : entry,
      /0000000003-\w+-65536\.wal is damaged at byte \d+: the state at index 29 differs/,
    ],
  ];

  it.each(places)('%s: the block is named', async (_, change, line) => {
    expect(await problemsOf(await killedNode(change))).toMatch(line);
  });
});

describe('a directory that cannot be judged', () => {
  it('in use is refused, naming the process, and its lock stays', async () => {
    const storage = await Storage.open(directory, SIZES);
    const before = await readdir(directory);
    const message = expect.stringContaining(`is in use by process ${process.pid}`);
    await expect(verifyDirectory(directory)).rejects.toMatchObject({ kind: 'locked', message });
    expect(await readdir(directory)).toEqual(before);
    await storage.close();
    expect(await problemsOf(directory)).toBe('');
  });

  it('is one that no node made, one that is missing, or a file', async () => {
    const other = newPath();
    await mkdir(other);
    await expect(verifyDirectory(other)).rejects.toMatchObject({ kind: 'foreign' });
    await expect(verifyDirectory(join(other, 'no'))).rejects.toMatchObject({ kind: 'io' });
    expect(await readdir(other)).toEqual([]);
    const file = join(directory, 'genesis');
    await expect(verifyDirectory(file)).rejects.toMatchObject({ kind: 'io' });
  });
});

it('a node that is no member yet has a sound directory', async () => {
  const path = newPath();
  await (await Storage.open(path, SIZES)).close();
  const found = await verifyDirectory(path);
  expect([found.problems, found.identity, found.groups]).toEqual([[], undefined, []]);
});
