/** Goal: what is encoded is decoded, and no changed bit goes unnoticed. */

import type { Entry, EntryKind } from '@cashe/raft';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { GroupRecords } from '../../src/host/storage-ports.js';
import {
  BLOCK_HEADER_BYTES,
  blockBytes,
  blockPayload,
  checkBlock,
  PAGE_BYTES,
  peekBlock,
  sealBlock,
} from '../../src/wal/block.js';
import { ByteReader, ByteWriter, MalformedBytes } from '../../src/wal/bytes.js';
import { decodeRecordFile, encodeRecordFile } from '../../src/wal/record-file.js';
import {
  decodeEntries,
  decodeRecord,
  encodeRecords,
  recordBytes,
  type WalRecord,
} from '../../src/wal/records.js';
import {
  decodeFrame,
  decodeHead,
  decodeTrailer,
  encodeFrame,
  encodeHead,
  encodeTrailer,
} from '../../src/wal/snapshot-format.js';

const SALT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const number = fc.maxSafeNat();
const group = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const ids = fc.array(number, { maxLength: 5 });
const configuration = fc.record({
  voters: ids,
  votersOutgoing: ids,
  learners: ids,
  replicaIdMax: number,
});
const snapshotMeta = fc.record({
  lastIncludedIndex: number,
  lastIncludedTerm: number,
  configuration,
});
const entryList: fc.Arbitrary<Entry[]> = fc
  .record({
    firstIndex: fc.integer({ min: 1, max: 2 ** 52 }),
    parts: fc.array(
      fc.record({
        term: number,
        kind: fc.constantFrom<EntryKind>('normal', 'configuration', 'noop'),
        data: fc.uint8Array({ maxLength: 300 }),
      }),
      { maxLength: 8 },
    ),
  })
  .map(({ firstIndex, parts }) => parts.map((part, i) => ({ ...part, index: firstIndex + i })));
const groupRecords: fc.Arbitrary<GroupRecords> = fc.record({
  group,
  replicaId: number,
  hardState: fc.option(fc.record({ currentTerm: number, votedFor: number, commitIndex: number }), {
    nil: undefined,
  }),
  entries: entryList,
  snapshot: fc.option(
    fc.record({
      meta: snapshotMeta,
      file: fc.stringMatching(/^[0-9a-z.-]{0,60}$/),
      replacesLog: fc.boolean(),
    }),
    { nil: undefined },
  ),
  tombstone: fc.boolean(),
});

function encode(some: GroupRecords): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(recordBytes(some)));
  encodeRecords(writer, some);
  expect(writer.offset).toBe(writer.bytes.length);
  return writer.bytes;
}

function decode(bytes: Uint8Array): WalRecord[] {
  const reader = new ByteReader(bytes);
  const all: WalRecord[] = [];
  while (reader.left > 0) all.push(decodeRecord(reader));
  return all;
}

/** Puts decoded records of one group together again. */
function rebuild(original: GroupRecords, all: readonly WalRecord[]): GroupRecords {
  const { group: of, replicaId } = original;
  let rebuilt: GroupRecords = {
    group: of,
    replicaId,
    hardState: undefined,
    entries: [],
    snapshot: undefined,
    tombstone: false,
  };
  for (const record of all) {
    expect([record.group, record.replicaId]).toEqual([of, replicaId]);
    if (record.kind === 'hardState') rebuilt = { ...rebuilt, hardState: record.hardState };
    if (record.kind === 'snapshot') rebuilt = { ...rebuilt, snapshot: record.snapshot };
    if (record.kind === 'tombstone') rebuilt = { ...rebuilt, tombstone: true };
    if (record.kind === 'entries') {
      const entries: Entry[] = [];
      const toIndex = record.firstIndex + record.count - 1;
      const { firstIndex } = record;
      const range = { firstIndex, fromIndex: firstIndex, toIndex, bytesMax: 2 ** 40 };
      decodeEntries(record.body, range, entries);
      rebuilt = { ...rebuilt, entries };
    }
  }
  return rebuilt;
}

function block(payload: Uint8Array, blockNumber = 7): Uint8Array {
  const buffer = new Uint8Array(blockBytes(payload.length) + PAGE_BYTES).fill(0xaa);
  buffer.set(payload, BLOCK_HEADER_BYTES);
  const payloadBytes = payload.length;
  const wallTimeMs = 1_700_000_000_123;
  const header = { salt: SALT, number: blockNumber, wallTimeMs, payloadBytes, checkpoint: false };
  return sealBlock(buffer, header);
}

function isValid(bytes: Uint8Array): boolean {
  const header = peekBlock(bytes, SALT, bytes.length);
  return header !== undefined && checkBlock(bytes, header);
}

describe('records', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(groupRecords, (some) => {
        expect(rebuild(some, decode(encode(some)))).toEqual(some);
      }),
    );
  });

  it('that end early or are unknown are malformed', () => {
    const hardState = { currentTerm: 1, votedFor: 2, commitIndex: 3 };
    const bytes = encode({
      group: 1,
      replicaId: 1,
      hardState,
      entries: [],
      snapshot: undefined,
      tombstone: false,
    });
    for (let length = 1; length < bytes.length; length += 1) {
      expect(() => decode(bytes.subarray(0, length))).toThrow(MalformedBytes);
    }
    const unknown = bytes.slice();
    unknown[0] = 99;
    expect(() => decode(unknown)).toThrow(MalformedBytes);
  });

  it('are read in parts by index and bytes', () => {
    const entries = [10, 11, 12, 13].map((index) => {
      return { index, term: 1, kind: 'normal' as const, data: new Uint8Array(100).fill(index) };
    });
    const some = { group: 0, replicaId: 1, hardState: undefined, entries };
    const [record] = decode(encode({ ...some, snapshot: undefined, tombstone: false }));
    if (record?.kind !== 'entries') throw new Error('an entries record');
    const taken = (fromIndex: number, toIndex: number, bytesMax: number): number[] => {
      const into: Entry[] = [];
      decodeEntries(record.body, { firstIndex: 10, fromIndex, toIndex, bytesMax }, into);
      return into.map((entry) => entry.index);
    };
    expect(taken(11, 13, 1000)).toEqual([11, 12, 13]);
    expect(taken(11, 12, 1000)).toEqual([11, 12]);
    expect(taken(11, 13, 200)).toEqual([11, 12]);
    expect(taken(11, 13, 1)).toEqual([11]);
    expect(taken(14, 20, 1000)).toEqual([]);
  });
});

describe('a block', () => {
  it('comes back as it was written, padded with zeros to a page', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9000 }), number, (payload, blockNumber) => {
        const bytes = block(payload, blockNumber);
        expect(bytes.length % PAGE_BYTES).toBe(0);
        const header = peekBlock(bytes, SALT, bytes.length);
        if (header === undefined) throw new Error('a valid header');
        expect(checkBlock(bytes, header)).toBe(true);
        expect(header.number).toBe(blockNumber);
        expect(blockPayload(bytes, header)).toEqual(payload);
        const padding = bytes.subarray(BLOCK_HEADER_BYTES + payload.length);
        expect(padding.every((byte) => byte === 0)).toBe(true);
      }),
    );
  });

  it('with any flipped bit in header or payload is not valid', () => {
    const payload = Uint8Array.from({ length: 40 }, (_, i) => i);
    const bytes = block(payload);
    expect(isValid(bytes)).toBe(true);
    for (let bit = 0; bit < (BLOCK_HEADER_BYTES + payload.length) * 8; bit += 1) {
      const flipped = bytes.slice();
      const at = bit >> 3;
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
      expect([bit, isValid(flipped)]).toEqual([bit, false]);
    }
  });

  it('of another segment, or longer than there is room, is not valid', () => {
    const bytes = block(new Uint8Array(100));
    expect(
      peekBlock(
        bytes,
        SALT.map((byte) => byte + 1),
        bytes.length,
      ),
    ).toBeUndefined();
    expect(peekBlock(bytes, SALT, PAGE_BYTES - 1)).toBeUndefined();
    expect(peekBlock(bytes.subarray(0, BLOCK_HEADER_BYTES - 1), SALT, PAGE_BYTES)).toBeUndefined();
  });
});

describe('a record file', () => {
  it('comes back as it was written, and no flipped bit goes unnoticed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), fc.nat(), (bytes, where) => {
        const file = encodeRecordFile(bytes);
        expect(decodeRecordFile(file)).toEqual(bytes);
        const bit = where % (file.length * 8);
        const at = bit >> 3;
        file[at] = (file[at] ?? 0) ^ (1 << (bit & 7));
        expect(() => decodeRecordFile(file)).toThrow(MalformedBytes);
      }),
    );
  });
});

describe('snapshot parts', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(group, snapshotMeta, number, number, (of, meta, streamBytes, frameCount) => {
        expect(decodeHead(encodeHead({ group: of, meta }))).toEqual({ group: of, meta });
        const trailer = { streamBytes, frameCount };
        expect(decodeTrailer(encodeTrailer(trailer))).toEqual(trailer);
      }),
    );
  });

  it('refuse a frame in another place', () => {
    const chunk = Uint8Array.of(1, 2, 3);
    const frame = encodeFrame(new Uint8Array(100), chunk, 4);
    expect(decodeFrame(frame, 4)).toEqual(chunk);
    expect(() => decodeFrame(frame, 5)).toThrow(MalformedBytes);
  });
});
