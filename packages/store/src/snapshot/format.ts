/**
 * Bytes of a sealed state: protobuf fields, one message after the other, so that a reader needs no
 * more than one of them at a time. First the header (1), then the access policy (6), every node
 * (2), every session (3) each followed by its remembered batches (4), and every record (5),
 * sessions and records in order of last use. The header's counts tell when it is complete; its
 * digest must be what the restored state adds up to. A change of any of this raises
 * SNAPSHOT_FORMAT_VERSION_MAX (R11).
 */
import {
  type AccessPolicy,
  Code,
  CodecError,
  createReader,
  type createWriter,
  encodeAccessPolicy,
  keyBytesOf,
  type OpException,
} from '@cashe/codec';
import { CacheRecord } from '../engine/record.js';
import { storedValue } from '../engine/value-pages.js';
import { type RememberedBatch, Session } from '../sessions/session.js';
import type { BatchAnswer, NodeRecord } from '../types.js';

export type Writer = ReturnType<typeof createWriter>;
type Reader = ReturnType<typeof createReader>;

export const SnapshotField = {
  header: 1,
  node: 2,
  session: 3,
  batch: 4,
  record: 5,
  access: 6,
} as const;

const RECORD_FRAMING_BYTES = 48;
const codes: ReadonlySet<number> = new Set(Object.values(Code));

/** A session of a snapshot, before its batches. */
export interface RestoredSession {
  readonly session: Session;
  readonly batchCount: number;
}

interface RestoredRecord {
  readonly record: CacheRecord;
  readonly value: Uint8Array;
}

export function writeAccess(writer: Writer, policy: AccessPolicy): void {
  writer.bytesAlways(SnapshotField.access, encodeAccessPolicy(policy));
}

export function writeNode(writer: Writer, node: NodeRecord): void {
  writer.begin(SnapshotField.node, 128);
  writer.string(1, node.nodeId);
  writer.string(2, node.nodeUid);
  writer.string(3, node.clientAddress);
  writer.string(4, node.raftAddress);
  writer.uint(5, node.replicaId);
  writer.uint(6, node.formatVersionMax);
  writer.bool(7, node.leaving);
  writer.end();
}

export function readNode(body: Uint8Array): NodeRecord {
  const reader = createReader(body);
  let [nodeId, nodeUid, clientAddress, raftAddress] = ['', '', '', ''];
  let [replicaId, formatVersionMax] = [0, 0];
  let leaving = false;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x0a) nodeId = reader.string();
    else if (tag === 0x12) nodeUid = reader.string();
    else if (tag === 0x1a) clientAddress = reader.string();
    else if (tag === 0x22) raftAddress = reader.string();
    else if (tag === 0x28) replicaId = reader.uint();
    else if (tag === 0x30) formatVersionMax = reader.uint32();
    else if (tag === 0x38) leaving = reader.bool();
    else throw unknownField('node', tag);
  }
  const addresses = { clientAddress, raftAddress };
  return { nodeId, nodeUid, ...addresses, replicaId, formatVersionMax, leaving };
}

export function writeSession(writer: Writer, session: Session): void {
  writer.begin(SnapshotField.session, 64);
  writer.uint(1, session.id);
  writer.string(2, session.owner);
  writer.uint(3, session.firstOutstanding);
  writer.uint(4, session.appliedSequence);
  writer.uint(5, session.lastUsedMs);
  writer.uint(6, session.stamp);
  writer.uint(7, session.batches.length);
  writer.end();
}

export function readSession(body: Uint8Array): RestoredSession {
  const reader = createReader(body);
  const numbers = [0, 0, 0, 0, 0, 0, 0, 0];
  let owner = '';
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    const field = tag >>> 3;
    if (tag === 0x12) owner = reader.string();
    else if ((tag & 7) === 0 && field < numbers.length) numbers[field] = reader.uint();
    else throw unknownField('session', tag);
  }
  const session = new Session(numbers[1]!, owner, keyBytesOf(owner));
  session.firstOutstanding = numbers[3]!;
  session.appliedSequence = numbers[4]!;
  session.lastUsedMs = numbers[5]!;
  session.stamp = numbers[6]!;
  return { session, batchCount: numbers[7]! };
}

export function writeBatch(writer: Writer, batch: RememberedBatch): void {
  const { answer, crc } = batch;
  writer.begin(SnapshotField.batch);
  writer.fixed32(1, crc);
  writer.uint(2, answer.code);
  writer.uint(3, answer.firstRevision);
  for (const exception of answer.exceptions) {
    writer.begin(4);
    writer.uint(1, exception.index);
    writer.uint(2, exception.code);
    writer.string(3, exception.message);
    writer.end();
  }
  writer.end();
}

export function readBatch(body: Uint8Array): { crc: number; answer: BatchAnswer } {
  const reader = createReader(body);
  const exceptions: OpException[] = [];
  let code: Code = Code.UNSPECIFIED;
  let [crc, firstRevision] = [0, 0];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x0d) crc = reader.fixed32();
    else if (tag === 0x10) code = readCode(reader);
    else if (tag === 0x18) firstRevision = reader.uint();
    else if (tag === 0x22) exceptions.push(readException(reader));
    else throw unknownField('batch', tag);
  }
  return { crc, answer: { code, firstRevision, exceptions } };
}

export function writeRecord(writer: Writer, record: CacheRecord): void {
  writer.begin(SnapshotField.record, RECORD_FRAMING_BYTES + record.keyBytes + record.valueBytes);
  writer.string(1, record.key);
  writer.bytes(2, storedValue(record));
  writer.uint(3, record.revision);
  writer.uint(4, record.version);
  writer.uint(5, record.stamp);
  writer.uint(6, record.ttlMs);
  writer.uint(7, record.expireAtMs);
  writer.end();
}

export function readRecord(body: Uint8Array): RestoredRecord {
  const reader = createReader(body);
  let key = '';
  let value = body.subarray(0, 0);
  let [revision, version, stamp, ttlMs, expireAtMs] = [0, 0, 0, 0, 0];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x0a) key = reader.string();
    else if (tag === 0x12) value = reader.view();
    else if (tag === 0x18) revision = reader.uint();
    else if (tag === 0x20) version = reader.uint();
    else if (tag === 0x28) stamp = reader.uint();
    else if (tag === 0x30) ttlMs = reader.uint();
    else if (tag === 0x38) expireAtMs = reader.uint();
    else throw unknownField('record', tag);
  }
  const record = new CacheRecord(key, keyBytesOf(key));
  record.revision = revision;
  record.version = version;
  record.stamp = stamp;
  record.ttlMs = ttlMs;
  record.expireAtMs = expireAtMs;
  return { record, value };
}

export function unknownField(message: string, tag: number): CodecError {
  return new CodecError(`snapshot ${message}: tag ${tag} is unknown`);
}

function readException(reader: Reader): OpException {
  const outer = reader.enter();
  let index = 0;
  let code: Code = Code.UNSPECIFIED;
  let message = '';
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) index = reader.uint32();
    else if (tag === 0x10) code = readCode(reader);
    else if (tag === 0x1a) message = reader.string();
    else throw unknownField('exception', tag);
  }
  reader.leave(outer);
  return { index, code, message };
}

function readCode(reader: Reader): Code {
  const value = reader.uint32();
  if (!isCode(value)) throw new CodecError(`snapshot: ${value} is no code`);
  return value;
}

function isCode(value: number): value is Code {
  return codes.has(value);
}
