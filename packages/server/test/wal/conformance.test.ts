/** The log and the snapshot store of files pass the suite of the ports, in memory and on a disk. */
import { openWal } from '../../src/wal/open-wal.js';
import { openSnapshotStore } from '../../src/wal/snapshot-store.js';
import { randomBytes, randomNumbers, testEnvironment } from '../support/wal.js';
import {
  describeSnapshotStore,
  type SnapshotStoreImplementation,
} from './suite/describe-snapshot-store.js';
import { describeWal } from './suite/describe-wal.js';
import { fileMedium, memoryMedium } from './suite/medium.js';
import { type OpenWal, SUITE_BLOCK_BYTES_MAX, SUITE_SEGMENT_BYTES } from './suite/wal-history.js';

const openFileWal: OpenWal = (parent, seed) =>
  openWal({
    parent,
    environment: testEnvironment(seed),
    mustExist: false,
    segmentBytes: SUITE_SEGMENT_BYTES,
    blockBytesMax: SUITE_BLOCK_BYTES_MAX,
    walBytesMax: 64 * SUITE_SEGMENT_BYTES,
  });

const openFileSnapshots: SnapshotStoreImplementation['open'] = (parent, seed) =>
  openSnapshotStore(parent, randomBytes(randomNumbers(seed)));

const MEMORY = { medium: memoryMedium, bits: [0, 1, 2, 3, 4, 5, 6, 7] };
/** Two bits of each byte: the format is the same, only the reading differs. */
const FILES = { medium: fileMedium, bits: [0, 7] };

describeWal('FileWal in memory', { open: openFileWal, ...MEMORY });
describeWal('FileWal on real files', { open: openFileWal, ...FILES });
describeSnapshotStore('FileSnapshotStore in memory', { open: openFileSnapshots, ...MEMORY });
describeSnapshotStore('FileSnapshotStore on real files', { open: openFileSnapshots, ...FILES });
