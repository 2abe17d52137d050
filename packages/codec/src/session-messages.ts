/**
 * Messages of the Session stream. Fields a newer peer added are skipped; everything malformed, a
 * message without a kind or with two, and numbers above 2^53 - 1 are a CodecError.
 */
import {
  readAnswerBytesMax,
  readReadAnswer,
  readSessionAnswer,
  readWriteAnswer,
  writeAnswerBytesMax,
  writeReadAnswer,
  writeSessionAnswer,
  writeWriteAnswer,
} from './answer-bodies.js';
import {
  readGroupLeader,
  readServerHello,
  writeGroupLeader,
  writeServerHello,
} from './node-bodies.js';
import { decodeOneof, encodeOneof } from './oneof.js';
import {
  REQUEST_BASE_BYTES_MAX,
  readClientHello,
  readCloseSession,
  readOpenSession,
  readReadBatch,
  readWriteBatch,
  writeClientHello,
  writeCloseSession,
  writeOpenSession,
  writeReadBatch,
  writeWriteBatch,
} from './request-bodies.js';
import type { SessionRequest, SessionResponse } from './types.js';
import type { WireReader } from './wire-reader.js';

/** What a message without long parts takes; the writer grows when it is more. */
const SMALL_BYTES_HINT = 256;

export function encodeSessionRequest(message: SessionRequest): Uint8Array {
  switch (message.kind) {
    case 'hello':
      return encodeOneof(1, SMALL_BYTES_HINT, message, writeClientHello);
    case 'write':
      return encodeOneof(2, REQUEST_BASE_BYTES_MAX + message.ops.length, message, writeWriteBatch);
    case 'read':
      return encodeOneof(3, REQUEST_BASE_BYTES_MAX + message.ops.length, message, writeReadBatch);
    case 'open':
      return encodeOneof(4, REQUEST_BASE_BYTES_MAX, message, writeOpenSession);
    case 'close':
      return encodeOneof(5, REQUEST_BASE_BYTES_MAX, message, writeCloseSession);
  }
}

export function encodeSessionResponse(message: SessionResponse): Uint8Array {
  switch (message.kind) {
    case 'hello':
      return encodeOneof(1, SMALL_BYTES_HINT, message, writeServerHello);
    case 'write':
      return encodeOneof(2, writeAnswerBytesMax(message), message, writeWriteAnswer);
    case 'read':
      return encodeOneof(3, readAnswerBytesMax(message), message, writeReadAnswer);
    case 'session':
      return encodeOneof(4, SMALL_BYTES_HINT, message, writeSessionAnswer);
    case 'leader':
      return encodeOneof(5, SMALL_BYTES_HINT, message, writeGroupLeader);
  }
}

/** `ops` is a view on bytes. */
export function decodeSessionRequest(bytes: Uint8Array): SessionRequest {
  return decodeOneof(bytes, readRequestBody);
}

/** Values are views on bytes. */
export function decodeSessionResponse(bytes: Uint8Array): SessionResponse {
  return decodeOneof(bytes, readResponseBody);
}

function readRequestBody(reader: WireReader, tag: number): SessionRequest | undefined {
  switch (tag) {
    case 0x0a:
      return readClientHello(reader);
    case 0x12:
      return readWriteBatch(reader);
    case 0x1a:
      return readReadBatch(reader);
    case 0x22:
      return readOpenSession(reader);
    case 0x2a:
      return readCloseSession(reader);
    default:
      return undefined;
  }
}

function readResponseBody(reader: WireReader, tag: number): SessionResponse | undefined {
  switch (tag) {
    case 0x0a:
      return readServerHello(reader);
    case 0x12:
      return readWriteAnswer(reader);
    case 0x1a:
      return readReadAnswer(reader);
    case 0x22:
      return readSessionAnswer(reader);
    case 0x2a:
      return readGroupLeader(reader);
    default:
      return undefined;
  }
}
