/** Bodies of answers to batches; SessionResponse and the nodes' ForwardResponse wrap them. */
import { Code, Outcome } from './code.js';
import { readCode, readOutcome } from './enums.js';
import { CodecError } from './errors.js';
import { BATCH_OPS_MAX } from './limits.js';
import type { OpException, ReadAnswer, ReadResult, SessionAnswer, WriteAnswer } from './types.js';
import { utf8Bytes } from './utf8.js';
import { varintBytes } from './varint.js';
import type { WireReader } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

/** Bytes of an answer beside its texts and lists, at most, framing included. */
const ANSWER_BASE_BYTES_MAX = 64;
const EXCEPTION_BASE_BYTES_MAX = 20;

export function writeAnswerBytesMax(answer: WriteAnswer): number {
  let bytes = ANSWER_BASE_BYTES_MAX + utf8Bytes(answer.message);
  for (const { message } of answer.exceptions) {
    bytes += EXCEPTION_BASE_BYTES_MAX + utf8Bytes(message);
  }
  return bytes;
}

export function writeWriteAnswer(writer: WireWriter, answer: WriteAnswer): void {
  writer.uint(1, answer.transmission);
  writer.uint(2, answer.code);
  writer.uint(3, answer.outcome);
  writer.string(4, answer.message);
  writer.uint(5, answer.firstRevision);
  for (const { index, code, message } of answer.exceptions) {
    writer.begin(6);
    writer.uint(1, index);
    writer.uint(2, code);
    writer.string(3, message);
    writer.end();
  }
}

export function readWriteAnswer(reader: WireReader): WriteAnswer {
  const exceptions: OpException[] = [];
  let transmission = 0;
  let code: Code = Code.UNSPECIFIED;
  let outcome: Outcome = Outcome.UNSPECIFIED;
  let message = '';
  let firstRevision = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) transmission = reader.uint();
    else if (tag === 0x10) code = readCode(reader.uint());
    else if (tag === 0x18) outcome = readOutcome(reader.uint());
    else if (tag === 0x22) message = reader.string();
    else if (tag === 0x28) firstRevision = reader.uint();
    else if (tag === 0x32) exceptions.push(readException(reader, exceptions.length));
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { kind: 'write', transmission, code, outcome, message, firstRevision, exceptions };
}

function readException(reader: WireReader, count: number): OpException {
  checkCount(count);
  let index = 0;
  let code: Code = Code.UNSPECIFIED;
  let message = '';
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) index = reader.uint32();
    else if (tag === 0x10) code = readCode(reader.uint());
    else if (tag === 0x1a) message = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { index, code, message };
}

/** Bytes of one encoded ReadResult: exact, so that a value is written once, at its place. */
function resultBytes(result: ReadResult): number {
  const { value, revision, version, ttlMs, code, message } = result;
  let bytes = result.found ? 2 : 0;
  if (value.length > 0) bytes += 1 + varintBytes(value.length) + value.length;
  if (revision > 0) bytes += 1 + varintBytes(revision);
  if (version > 0) bytes += 1 + varintBytes(version);
  if (ttlMs !== undefined) bytes += 1 + varintBytes(ttlMs);
  if (code > 0) bytes += 1 + varintBytes(code);
  if (message === '') return bytes;
  const messageBytes = utf8Bytes(message);
  return bytes + 1 + varintBytes(messageBytes) + messageBytes;
}

const RESULT_FRAMING_BYTES_MAX = 6;

export function readAnswerBytesMax(answer: ReadAnswer): number {
  let bytes = ANSWER_BASE_BYTES_MAX + utf8Bytes(answer.message);
  for (const result of answer.results) bytes += RESULT_FRAMING_BYTES_MAX + resultBytes(result);
  return bytes;
}

export function writeReadAnswer(writer: WireWriter, answer: ReadAnswer): void {
  writer.uint(1, answer.transmission);
  writer.uint(2, answer.code);
  writer.string(3, answer.message);
  writer.uint(4, answer.revision);
  writer.uint(5, answer.ageMs);
  for (const result of answer.results) writeResult(writer, result);
}

function writeResult(writer: WireWriter, result: ReadResult): void {
  writer.begin(6, resultBytes(result));
  writer.bool(1, result.found);
  writer.bytes(2, result.value);
  writer.uint(3, result.revision);
  writer.uint(4, result.version);
  if (result.ttlMs !== undefined) writer.uintAlways(5, result.ttlMs);
  writer.uint(6, result.code);
  writer.string(7, result.message);
  writer.end();
}

export function readReadAnswer(reader: WireReader): ReadAnswer {
  const results: ReadResult[] = [];
  let transmission = 0;
  let code: Code = Code.UNSPECIFIED;
  let message = '';
  let revision = 0;
  let ageMs = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) transmission = reader.uint();
    else if (tag === 0x10) code = readCode(reader.uint());
    else if (tag === 0x1a) message = reader.string();
    else if (tag === 0x20) revision = reader.uint();
    else if (tag === 0x28) ageMs = reader.uint32();
    else if (tag === 0x32) results.push(readResult(reader, results.length));
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { kind: 'read', transmission, code, message, revision, ageMs, results };
}

function readResult(reader: WireReader, count: number): ReadResult {
  checkCount(count);
  let found = false;
  let value: Uint8Array | undefined;
  let revision = 0;
  let version = 0;
  let ttlMs: number | undefined;
  let code: Code = Code.UNSPECIFIED;
  let message = '';
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) found = reader.bool();
    else if (tag === 0x12) value = reader.view();
    else if (tag === 0x18) revision = reader.uint();
    else if (tag === 0x20) version = reader.uint();
    else if (tag === 0x28) ttlMs = reader.uint();
    else if (tag === 0x30) code = readCode(reader.uint());
    else if (tag === 0x3a) message = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
  value ??= reader.bytes.subarray(0, 0);
  return { found, value, revision, version, ttlMs, code, message };
}

export function writeSessionAnswer(writer: WireWriter, answer: SessionAnswer): void {
  writer.uint(1, answer.transmission);
  writer.uint(2, answer.code);
  writer.string(3, answer.message);
  writer.uint(4, answer.session);
}

export function readSessionAnswer(reader: WireReader): SessionAnswer {
  let transmission = 0;
  let code: Code = Code.UNSPECIFIED;
  let message = '';
  let session = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) transmission = reader.uint();
    else if (tag === 0x10) code = readCode(reader.uint());
    else if (tag === 0x1a) message = reader.string();
    else if (tag === 0x20) session = reader.uint();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { kind: 'session', transmission, code, message, session };
}

/** A batch has no more ops than this, so neither has its answer (R35). */
function checkCount(count: number): void {
  if (count === BATCH_OPS_MAX)
    throw new CodecError(`an answer is for ${BATCH_OPS_MAX} ops at most`);
}
