/**
 * Goal: whatever was acknowledged before a crash is there after it, and nothing half done is.
 * Method: a seeded workload of appends, truncations, rollovers, snapshots, releases and tombstones
 * runs on a disk that stops before step n, for every n; unsynced pages and names survive at random.
 * After reboot the log must equal the model as of the last acknowledged append, or as of the one
 * in flight, and must go on working.
 */

import type { Entry } from '@cashe/raft';
import { describe, expect, it } from '@jest/globals';
import type { GroupRecords, SnapshotStore, Wal } from '../../src/host/storage-ports.js';
import { completed } from '../../src/wal/disk.js';
import { openSnapshotStore } from '../../src/wal/snapshot-store.js';
import { MemoryDisk } from '../support/memory-disk.js';
import {
  append,
  entries,
  hardState,
  marker,
  meta,
  openTestWal,
  randomBytes,
  randomNumbers,
  readAll,
  readSnapshot,
  records,
  testEnvironment,
  texts,
  writeSnapshot,
} from '../support/wal.js';

const GROUPS = 2;
const STEPS = 60;
const SEEDS = [1, 2];

interface GroupModel {
  readonly replicaId: number;
  readonly tombstonedReplicaId: number;
  readonly term: number;
  readonly log: readonly Entry[];
  readonly snapshotIndex: number;
  readonly snapshotFile: string;
}

type Model = readonly GroupModel[];

const EMPTY: GroupModel = {
  replicaId: 0,
  tombstonedReplicaId: 0,
  term: 0,
  log: [],
  snapshotIndex: 0,
  snapshotFile: '',
};

function apply(model: Model, one: GroupRecords): Model {
  return model.map((before, group) => {
    if (group !== one.group) return before;
    const known = before.replicaId === one.replicaId;
    const base = known ? before : { ...EMPTY, tombstonedReplicaId: before.tombstonedReplicaId };
    let { log, snapshotIndex, snapshotFile } = base;
    if (one.snapshot !== undefined) {
      snapshotIndex = one.snapshot.meta.lastIncludedIndex;
      snapshotFile = one.snapshot.file;
      if (one.snapshot.replacesLog) log = [];
      log = log.filter((entry) => entry.index > snapshotIndex);
    }
    const first = one.entries[0]?.index ?? Number.POSITIVE_INFINITY;
    log = [...log.filter((entry) => entry.index < first), ...one.entries];
    const term = one.hardState?.currentTerm ?? base.term;
    if (one.tombstone) return { ...EMPTY, tombstonedReplicaId: one.replicaId };
    const { replicaId } = one;
    return { ...base, replicaId, term, log, snapshotIndex, snapshotFile };
  });
}

function lastIndex(model: GroupModel): number {
  return model.log.at(-1)?.index ?? model.snapshotIndex;
}

class Workload {
  readonly #next: () => number;
  readonly #wal: Wal;
  readonly #snapshots: SnapshotStore;
  acknowledged: Model;
  inFlight: Model;

  constructor(wal: Wal, snapshots: SnapshotStore, model: Model, seed: number) {
    this.#wal = wal;
    this.#snapshots = snapshots;
    this.#next = randomNumbers(seed);
    this.acknowledged = model;
    this.inFlight = model;
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) await this.#step();
  }

  async #step(): Promise<void> {
    const group = this.#below(GROUPS);
    const model = this.acknowledged[group] ?? EMPTY;
    const dice = this.#below(10);
    if (model.replicaId === 0) return this.#found(group, model);
    if (dice === 0 && lastIndex(model) > model.snapshotIndex) return this.#snapshot(group, model);
    if (dice === 1) return this.#install(group, model);
    if (dice === 2 && this.#below(4) === 0) {
      return this.#append(records(group, { replicaId: model.replicaId, tombstone: true }));
    }
    const other = (group + 1) % GROUPS;
    const otherModel = this.acknowledged[other] ?? EMPTY;
    const both = otherModel.replicaId > 0 && this.#below(2) === 0;
    const pieces = [this.#grow(group, model)];
    if (both) pieces.push(this.#grow(other, otherModel));
    await this.#append(...pieces);
  }

  #found(group: number, model: GroupModel): Promise<void> {
    const replicaId = model.tombstonedReplicaId + 1;
    const founded = { replicaId, hardState: hardState(1), snapshot: marker(0, '') };
    return this.#append(records(group, founded));
  }

  /** Appends, sometimes in place of the last uncommitted entries, in a higher term. */
  #grow(group: number, model: GroupModel): GroupRecords {
    const back = this.#below(4) === 0 ? this.#below(3) : 0;
    const firstIndex = Math.max(model.snapshotIndex + 1, lastIndex(model) + 1 - back);
    const term = model.term + (back > 0 ? 1 : 0);
    const bytes = this.#below(5) === 0 ? 5000 : 40;
    const some = entries(firstIndex, 1 + this.#below(2), term, bytes);
    return records(group, {
      replicaId: model.replicaId,
      hardState: hardState(term),
      entries: some,
    });
  }

  /** R38: file, then marker, then the segments may go. */
  async #snapshot(group: number, model: GroupModel): Promise<void> {
    const index = lastIndex(model);
    const file = await this.#write(group, index);
    const snapshot = marker(index, file);
    await this.#append(records(group, { replicaId: model.replicaId, snapshot }));
    await readSnapshot(this.#snapshots, file);
    await completed((done) => this.#snapshots.retain(group, [file], done));
    this.#wal.release(group, index);
  }

  async #install(group: number, model: GroupModel): Promise<void> {
    const index = lastIndex(model) + 3;
    const file = await this.#write(group, index);
    const snapshot = marker(index, file, true);
    await this.#append(records(group, { replicaId: model.replicaId, snapshot }));
    this.#wal.release(group, index);
  }

  #write(group: number, index: number): Promise<string> {
    const chunks = [Buffer.from(`snapshot of ${group} at ${index}`), Buffer.alloc(5000, 7)];
    return writeSnapshot(this.#snapshots, group, meta(index), chunks);
  }

  async #append(...all: readonly GroupRecords[]): Promise<void> {
    this.inFlight = all.reduce(apply, this.acknowledged);
    await append(this.#wal, ...all);
    this.acknowledged = this.inFlight;
  }

  #below(bound: number): number {
    return Math.floor(this.#next() * bound);
  }
}

async function open(disk: MemoryDisk, seed: number): Promise<[Wal, SnapshotStore]> {
  const environment = testEnvironment(seed);
  const wal = await openTestWal(disk.root, { environment });
  const random = randomBytes(randomNumbers(seed + 1));
  return [wal, await openSnapshotStore(disk.root, random)];
}

/** What the log holds, in the model's terms; checks that what the marker names can be read. */
async function observe(wal: Wal, snapshots: SnapshotStore): Promise<Model> {
  const observed: GroupModel[] = [];
  for (let group = 0; group < GROUPS; group += 1) {
    const log = wal.groupLog(group);
    if (log === undefined) {
      observed.push(EMPTY);
      continue;
    }
    const snapshotIndex = log.snapshot?.meta.lastIncludedIndex ?? 0;
    const snapshotFile = log.snapshot?.file ?? '';
    if (snapshotFile !== '') {
      const content = await readSnapshot(snapshots, snapshotFile);
      expect(content.toString('latin1')).toContain(`snapshot of ${group} at ${snapshotIndex}`);
    }
    observed.push({
      replicaId: log.replicaId,
      tombstonedReplicaId: log.tombstonedReplicaId,
      term: log.hardState.currentTerm,
      log: await readAll(wal, group, snapshotIndex + 1),
      snapshotIndex,
      snapshotFile,
    });
  }
  return observed;
}

function describeModel(model: Model): unknown {
  return model.map((group) => ({ ...group, log: texts(group.log) }));
}

/** One run up to the crash before step `stopAtStep`; false when the workload ended earlier. */
async function crashRun(seed: number, stopAtStep: number): Promise<boolean> {
  const disk = new MemoryDisk();
  disk.stopAtStep = stopAtStep;
  const blank = Array.from({ length: GROUPS }, () => EMPTY);
  let workload: Workload | undefined;
  const run = async (): Promise<'ended'> => {
    const [wal, snapshots] = await open(disk, seed);
    workload = new Workload(wal, snapshots, blank, seed);
    await workload.run(STEPS);
    return 'ended';
  };
  const ended = await Promise.race([run(), disk.stopped]);
  const survival = randomNumbers(seed * 7919 + stopAtStep);
  const chance = survival();
  const after = disk.crash(() => survival() < chance);

  const [wal, snapshots] = await open(after, seed + 100);
  const observed = await observe(wal, snapshots);
  const acknowledged = workload?.acknowledged ?? blank;
  const inFlight = workload?.inFlight ?? blank;
  const found = describeModel(observed);
  const matches = [acknowledged, inFlight].some((model) => {
    return JSON.stringify(describeModel(model)) === JSON.stringify(found);
  });
  if (!matches) expect(found).toEqual(describeModel(acknowledged));

  // It goes on, and a clean restart sees the same.
  const more = new Workload(wal, snapshots, observed, seed + 200);
  await more.run(3);
  await completed((done) => wal.close(done));
  const [again, snapshotsAgain] = await open(after, seed + 300);
  const reopened = await observe(again, snapshotsAgain);
  expect(describeModel(reopened)).toEqual(describeModel(more.acknowledged));
  return ended !== 'ended';
}

/** Segments used and segments deleted by the whole workload, without a crash. */
async function segmentsOf(seed: number): Promise<{ used: number; deleted: number }> {
  const disk = new MemoryDisk();
  const [wal, snapshots] = await open(disk, seed);
  const blank = Array.from({ length: GROUPS }, () => EMPTY);
  await new Workload(wal, snapshots, blank, seed).run(STEPS);
  await completed((done) => wal.close(done));
  const sequences = disk.names('wal').map((name) => Number(name.slice(0, 10)));
  return { used: Math.max(...sequences), deleted: Math.min(...sequences) - 1 };
}

describe('crash at every write and sync boundary (R37, R38)', () => {
  it('runs through rollovers and deletions of segments', async () => {
    for (const seed of SEEDS) {
      const { used, deleted } = await segmentsOf(seed);
      expect(used).toBeGreaterThan(3);
      expect(deleted).toBeGreaterThan(0);
    }
  });

  for (const seed of SEEDS) {
    it(`keeps what was acknowledged, seed ${seed}`, async () => {
      let crashes = 0;
      while (await crashRun(seed, crashes)) crashes += 1;
      expect(crashes).toBeGreaterThan(200);
    }, 120_000);
  }
});
