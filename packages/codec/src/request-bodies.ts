/** Bodies of what a client asks; SessionRequest and the nodes' ForwardRequest wrap them. */
import { Consistency } from './code.js';
import { readConsistency } from './enums.js';
import { CodecError } from './errors.js';
import { TRACEPARENT_BYTES } from './traceparent.js';
import type { ClientHello, CloseSession, OpenSession, ReadBatch, WriteBatch } from './types.js';
import type { WireReader } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

/** Bytes of a request beside its ops and principal, at most, framing included. */
export const REQUEST_BASE_BYTES_MAX = 160;

export function writeClientHello(writer: WireWriter, hello: ClientHello): void {
  writer.packed(1, hello.protocolVersions);
  writer.string(2, hello.clusterId);
  writer.string(3, hello.clientName);
}

export function readClientHello(reader: WireReader): ClientHello {
  const protocolVersions: number[] = [];
  let clusterId = '';
  let clientName = '';
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x0a) reader.packed(protocolVersions);
    else if (tag === 0x08) protocolVersions.push(reader.uint32());
    else if (tag === 0x12) clusterId = reader.string();
    else if (tag === 0x1a) clientName = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { kind: 'hello', protocolVersions, clusterId, clientName };
}

/** Its text is judged by who continues the trace; here only its length (R35). */
function readTraceparent(reader: WireReader): string | undefined {
  const text = reader.string();
  if (text.length > TRACEPARENT_BYTES) throw new CodecError('traceparent is too long');
  return text === '' ? undefined : text;
}

export function writeWriteBatch(writer: WireWriter, batch: WriteBatch): void {
  writer.uint(1, batch.transmission);
  writer.uint(2, batch.group);
  writer.uint(3, batch.session);
  writer.uint(4, batch.sequence);
  writer.uint(5, batch.firstOutstanding);
  writer.uint(6, batch.remainingMs);
  writer.bytes(7, batch.ops);
  if (batch.traceparent !== undefined) writer.string(8, batch.traceparent);
}

export function readWriteBatch(reader: WireReader): WriteBatch {
  let transmission = 0;
  let group = 0;
  let session = 0;
  let sequence = 0;
  let firstOutstanding = 0;
  let remainingMs = 0;
  let ops: Uint8Array = reader.bytes.subarray(0, 0);
  let traceparent: string | undefined;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) transmission = reader.uint();
    else if (tag === 0x10) group = reader.uint32();
    else if (tag === 0x18) session = reader.uint();
    else if (tag === 0x20) sequence = reader.uint();
    else if (tag === 0x28) firstOutstanding = reader.uint();
    else if (tag === 0x30) remainingMs = reader.uint32();
    else if (tag === 0x3a) ops = reader.view();
    else if (tag === 0x42) traceparent = readTraceparent(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  const kind = 'write';
  const batch: WriteBatch = {
    kind,
    transmission,
    group,
    session,
    sequence,
    firstOutstanding,
    remainingMs,
    ops,
  };
  return traceparent === undefined ? batch : { ...batch, traceparent };
}

export function writeReadBatch(writer: WireWriter, batch: ReadBatch): void {
  writer.uint(1, batch.transmission);
  writer.uint(2, batch.group);
  writer.uint(3, batch.session);
  writer.uint(4, batch.afterSequence);
  writer.uint(5, batch.consistency);
  writer.uint(6, batch.remainingMs);
  writer.bytes(7, batch.ops);
  if (batch.traceparent !== undefined) writer.string(8, batch.traceparent);
}

export function readReadBatch(reader: WireReader): ReadBatch {
  let transmission = 0;
  let group = 0;
  let session = 0;
  let afterSequence = 0;
  let consistency: Consistency = Consistency.UNSPECIFIED;
  let remainingMs = 0;
  let ops: Uint8Array = reader.bytes.subarray(0, 0);
  let traceparent: string | undefined;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) transmission = reader.uint();
    else if (tag === 0x10) group = reader.uint32();
    else if (tag === 0x18) session = reader.uint();
    else if (tag === 0x20) afterSequence = reader.uint();
    else if (tag === 0x28) consistency = readConsistency(reader.uint());
    else if (tag === 0x30) remainingMs = reader.uint32();
    else if (tag === 0x3a) ops = reader.view();
    else if (tag === 0x42) traceparent = readTraceparent(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  const kind = 'read';
  const batch: ReadBatch = {
    kind,
    transmission,
    group,
    session,
    afterSequence,
    consistency,
    remainingMs,
    ops,
  };
  return traceparent === undefined ? batch : { ...batch, traceparent };
}

export function writeOpenSession(writer: WireWriter, open: OpenSession): void {
  writer.uint(1, open.transmission);
  writer.uint(2, open.group);
  writer.uint(3, open.remainingMs);
}

export function readOpenSession(reader: WireReader): OpenSession {
  let transmission = 0;
  let group = 0;
  let remainingMs = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) transmission = reader.uint();
    else if (tag === 0x10) group = reader.uint32();
    else if (tag === 0x18) remainingMs = reader.uint32();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { kind: 'open', transmission, group, remainingMs };
}

export function writeCloseSession(writer: WireWriter, close: CloseSession): void {
  writer.uint(1, close.transmission);
  writer.uint(2, close.group);
  writer.uint(3, close.session);
}

export function readCloseSession(reader: WireReader): CloseSession {
  let transmission = 0;
  let group = 0;
  let session = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) transmission = reader.uint();
    else if (tag === 0x10) group = reader.uint32();
    else if (tag === 0x18) session = reader.uint();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { kind: 'close', transmission, group, session };
}
