/**
 * AppendEntriesRequest and AppendEntriesResponse by hand: a frame carries one turn's messages of
 * all groups to one node (R28). A frame is allocated once and each entry's data copied once into
 * it; decoded entries are views on the received frame.
 */
import {
  CodecError,
  createReader,
  createWriter,
  TRACEPARENT_BYTES,
  type WireReader,
  type WireWriter,
} from '@cashe/codec';
import { PeerHello } from '@cashe/proto';
import type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  Entry,
  EntryKind,
  GoneNotice,
  HeartbeatRequest,
  HeartbeatResponse,
} from '@cashe/raft';
import type {
  Digest,
  DigestReport,
  DigestVerdict,
  EntryTrace,
  TracedAppend,
} from '../host/ports.js';
import { errorText } from '../net/errors.js';

/** What travels on the AppendEntries streams; the other messages have calls of their own. */
export type StreamMessage =
  | AppendEntriesRequest
  | TracedAppend
  | AppendEntriesResponse
  | HeartbeatRequest
  | HeartbeatResponse
  | GoneNotice
  | DigestReport
  | DigestVerdict;

export interface GroupedMessage {
  readonly group: number;
  readonly message: StreamMessage;
}

export interface Frame {
  readonly hello: PeerHello | undefined;
  readonly messages: readonly GroupedMessage[];
}

/** Upper bounds of what stands around the data of an entry and in a message beside entries. */
const ENTRY_OVERHEAD_BYTES = 24;
const MESSAGE_OVERHEAD_BYTES = 96;
const TRACE_BYTES = TRACEPARENT_BYTES + 16;

/** Field of GroupMessage per kind. */
const fieldOf = {
  appendEntriesRequest: 5,
  appendEntriesResponse: 6,
  heartbeatRequest: 7,
  heartbeatResponse: 8,
  goneNotice: 9,
  digestReport: 10,
  digestVerdict: 11,
} as const satisfies Record<StreamMessage['kind'], number>;

const kindNumber = { normal: 1, configuration: 2, noop: 3 } as const satisfies Record<
  EntryKind,
  number
>;
const entryKinds: readonly (EntryKind | undefined)[] = [
  undefined,
  'normal',
  'configuration',
  'noop',
];

/** At least the bytes the message takes in a frame. */
export function frameBytesOf(message: StreamMessage): number {
  if (message.kind !== 'appendEntriesRequest') return MESSAGE_OVERHEAD_BYTES;
  let bytes = MESSAGE_OVERHEAD_BYTES;
  for (const entry of message.entries) bytes += entry.data.length + ENTRY_OVERHEAD_BYTES;
  if ('traces' in message) bytes += message.traces.length * TRACE_BYTES;
  return bytes;
}

/** A frame without hello. */
export function encodeFrame(messages: readonly GroupedMessage[]): Buffer {
  let bytes = MESSAGE_OVERHEAD_BYTES;
  for (const { message } of messages) bytes += frameBytesOf(message);
  const writer = createWriter(bytes);
  for (const { group, message } of messages) writeGroupMessage(writer, group, message);
  return asBuffer(writer.finish());
}

/** The first frame of either direction. */
export function encodeHelloFrame(hello: PeerHello): Buffer {
  const writer = createWriter();
  writer.bytesAlways(1, PeerHello.encode(hello).finish());
  return asBuffer(writer.finish());
}

/** Throws a CodecError when the bytes are not a frame of this protocol. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const reader = createReader(bytes);
  let hello: PeerHello | undefined;
  const messages: GroupedMessage[] = [];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 18) messages.push(readGroupMessage(reader));
    else if (tag === 10) hello = decodeHello(reader.view());
    else reader.skip(tag);
  }
  return { hello, messages };
}

/** The same bytes as a Buffer, which grpc-js wants. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decodeHello(bytes: Uint8Array): PeerHello {
  try {
    return PeerHello.decode(bytes);
  } catch (error) {
    throw new CodecError(`hello: ${errorText(error)}`);
  }
}

function writeGroupMessage(writer: WireWriter, group: number, message: StreamMessage): void {
  const bytesHint = frameBytesOf(message);
  writer.begin(2, bytesHint);
  writer.uint(1, group);
  writer.uint(2, message.from);
  writer.uint(3, message.to);
  writer.uint(4, message.term);
  writer.begin(fieldOf[message.kind], bytesHint);
  writeBody(writer, message);
  writer.end();
  writer.end();
}

function writeBody(writer: WireWriter, message: StreamMessage): void {
  switch (message.kind) {
    case 'appendEntriesRequest':
      writeAppendRequest(writer, message);
      return;
    case 'appendEntriesResponse':
      writer.bool(1, message.success);
      writer.uint(2, message.matchIndex);
      writer.uint(3, message.prevLogIndex);
      writer.uint(4, message.hintIndex);
      writer.uint(5, message.hintTerm);
      return;
    case 'heartbeatRequest':
      writer.uint(1, message.leaderCommit);
      writer.uint(2, message.readRound);
      writer.uint(3, message.clusterTime);
      writer.uint(4, message.commitIndex);
      return;
    case 'heartbeatResponse':
      writer.uint(1, message.readRound);
      return;
    case 'goneNotice':
      return;
    case 'digestReport':
      writeDigest(writer, message.digest);
      return;
    case 'digestVerdict':
      writeDigest(writer, message.digest);
      writer.bool(2, message.agreed);
      return;
  }
}

function writeAppendRequest(
  writer: WireWriter,
  message: AppendEntriesRequest | TracedAppend,
): void {
  writer.uint(1, message.prevLogIndex);
  writer.uint(2, message.prevLogTerm);
  writer.uint(3, message.leaderCommit);
  writer.uint(4, message.clusterTime);
  for (const entry of message.entries) {
    writer.begin(5, entry.data.length + ENTRY_OVERHEAD_BYTES);
    writer.uint(1, entry.term);
    writer.uint(2, kindNumber[entry.kind]);
    writer.bytes(3, entry.data);
    writer.end();
  }
  if (!('traces' in message)) return;
  for (const { index, traceparent } of message.traces) {
    writer.begin(6, TRACE_BYTES);
    writer.uint(1, index);
    writer.string(2, traceparent);
    writer.end();
  }
}

function writeDigest(writer: WireWriter, digest: Digest): void {
  writer.begin(1);
  writer.uint(1, digest.index);
  writer.fixed32(2, digest.high);
  writer.fixed32(3, digest.low);
  writer.end();
}

/** Fields of GroupMessage beside its kind; the kind's own field comes after them. */
interface Head {
  from: number;
  to: number;
  term: number;
}

function readGroupMessage(reader: WireReader): GroupedMessage {
  const outer = reader.enter();
  const head: Head = { from: 0, to: 0, term: 0 };
  let group = 0;
  let message: StreamMessage | undefined;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 8) group = reader.uint32();
    else if (tag === 16) head.from = reader.uint();
    else if (tag === 24) head.to = reader.uint();
    else if (tag === 32) head.term = reader.uint();
    else if (message !== undefined) throw new CodecError('a field after the kind of a message');
    else message = readBody(reader, tag, head);
  }
  reader.leave(outer);
  if (message === undefined) throw new CodecError('a message without a kind');
  if (message.from === 0 || message.to === 0 || message.from !== head.from) {
    throw new CodecError('a message without replica ids before its kind');
  }
  return { group, message };
}

function readBody(reader: WireReader, tag: number, head: Head): StreamMessage {
  switch (tag) {
    case 42:
      return readAppendRequest(reader, head);
    case 50:
      return readAppendResponse(reader, head);
    case 58:
      return readHeartbeatRequest(reader, head);
    case 66:
      return readHeartbeatResponse(reader, head);
    case 74:
      return readGoneNotice(reader, head);
    case 82:
      return readDigestMessage(reader, head, false);
    case 90:
      return readDigestMessage(reader, head, true);
    default:
      throw new CodecError(`a message of a kind this release does not know (tag ${tag})`);
  }
}

function readAppendRequest(reader: WireReader, head: Head): StreamMessage {
  const outer = reader.enter();
  let prevLogIndex = 0;
  let prevLogTerm = 0;
  let leaderCommit = 0;
  let clusterTime = 0;
  const entries: Entry[] = [];
  let traces: EntryTrace[] | undefined;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 42) entries.push(readEntry(reader, prevLogIndex + entries.length + 1));
    else if (tag === 8) prevLogIndex = readPrevLogIndex(reader, entries.length);
    else if (tag === 16) prevLogTerm = reader.uint();
    else if (tag === 24) leaderCommit = reader.uint();
    else if (tag === 32) clusterTime = reader.uint();
    else if (tag === 50) {
      traces ??= [];
      traces.push(readTrace(reader, prevLogIndex, entries.length));
    } else reader.skip(tag);
  }
  reader.leave(outer);
  if (prevLogIndex + entries.length > Number.MAX_SAFE_INTEGER) {
    throw new CodecError('an index above 2^53 - 1');
  }
  const message: AppendEntriesRequest = {
    kind: 'appendEntriesRequest',
    from: head.from,
    to: head.to,
    term: head.term,
    prevLogIndex,
    prevLogTerm,
    entries,
    leaderCommit,
    clusterTime,
  };
  return traces === undefined ? message : { ...message, traces };
}

/** Of one of the entries before it: there are no more traces than entries (R35). */
function readTrace(reader: WireReader, prevLogIndex: number, entryCount: number): EntryTrace {
  const outer = reader.enter();
  let index = 0;
  let traceparent = '';
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 8) index = reader.uint();
    else if (tag === 18) traceparent = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
  const isHere = index > prevLogIndex && index <= prevLogIndex + entryCount;
  if (!isHere) throw new CodecError('a trace of an entry that is not in the message');
  if (traceparent.length > TRACEPARENT_BYTES) throw new CodecError('traceparent is too long');
  return { index, traceparent };
}

/** Entries are numbered while they are read, so the index before them comes first. */
function readPrevLogIndex(reader: WireReader, entryCount: number): number {
  if (entryCount > 0) throw new CodecError('prev_log_index after the entries');
  return reader.uint();
}

function readEntry(reader: WireReader, index: number): Entry {
  const outer = reader.enter();
  let term = 0;
  let kind: EntryKind | undefined;
  let data: Uint8Array = reader.bytes.subarray(0, 0);
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 8) term = reader.uint();
    else if (tag === 16) kind = entryKinds[reader.uint()];
    else if (tag === 26) data = reader.view();
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (kind === undefined) throw new CodecError('an entry without a kind this release knows');
  if (term === 0) throw new CodecError('an entry without a term');
  return { term, index, kind, data };
}

function readAppendResponse(reader: WireReader, head: Head): StreamMessage {
  const outer = reader.enter();
  let success = false;
  let matchIndex = 0;
  let prevLogIndex = 0;
  let hintIndex = 0;
  let hintTerm = 0;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 8) success = reader.bool();
    else if (tag === 16) matchIndex = reader.uint();
    else if (tag === 24) prevLogIndex = reader.uint();
    else if (tag === 32) hintIndex = reader.uint();
    else if (tag === 40) hintTerm = reader.uint();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return {
    kind: 'appendEntriesResponse',
    from: head.from,
    to: head.to,
    term: head.term,
    success,
    matchIndex,
    prevLogIndex,
    hintIndex,
    hintTerm,
  };
}

function readHeartbeatRequest(reader: WireReader, head: Head): StreamMessage {
  const outer = reader.enter();
  let leaderCommit = 0;
  let readRound = 0;
  let clusterTime = 0;
  let commitIndex = 0;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 8) leaderCommit = reader.uint();
    else if (tag === 16) readRound = reader.uint();
    else if (tag === 24) clusterTime = reader.uint();
    else if (tag === 32) commitIndex = reader.uint();
    else reader.skip(tag);
  }
  reader.leave(outer);
  const { from, to, term } = head;
  const progress = { leaderCommit, commitIndex, readRound, clusterTime };
  return { kind: 'heartbeatRequest', from, to, term, ...progress };
}

function readHeartbeatResponse(reader: WireReader, head: Head): StreamMessage {
  const outer = reader.enter();
  let readRound = 0;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 8) readRound = reader.uint();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { kind: 'heartbeatResponse', from: head.from, to: head.to, term: head.term, readRound };
}

function readGoneNotice(reader: WireReader, head: Head): StreamMessage {
  reader.view();
  return { kind: 'goneNotice', from: head.from, to: head.to, term: head.term };
}

function readDigestMessage(reader: WireReader, head: Head, verdict: boolean): StreamMessage {
  const outer = reader.enter();
  let digest: Digest | undefined;
  let agreed = false;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 10) digest = readDigest(reader);
    else if (tag === 16 && verdict) agreed = reader.bool();
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (digest === undefined) throw new CodecError('a digest message without digest');
  const { from, to, term } = head;
  if (!verdict) return { kind: 'digestReport', from, to, term, digest };
  return { kind: 'digestVerdict', from, to, term, digest, agreed };
}

function readDigest(reader: WireReader): Digest {
  const outer = reader.enter();
  let index = 0;
  let high = 0;
  let low = 0;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 8) index = reader.uint();
    else if (tag === 21) high = reader.fixed32();
    else if (tag === 29) low = reader.fixed32();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { index, high, low };
}
