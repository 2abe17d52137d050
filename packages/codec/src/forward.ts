/** Messages of the nodes' Forward stream (R30): the same bodies, with who asked. */
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
import { CodecError } from './errors.js';
import { decodeOneof, encodeOneof } from './oneof.js';
import {
  REQUEST_BASE_BYTES_MAX,
  readCloseSession,
  readOpenSession,
  readReadBatch,
  readWriteBatch,
  writeCloseSession,
  writeOpenSession,
  writeReadBatch,
  writeWriteBatch,
} from './request-bodies.js';
import type {
  CloseSession,
  OpenSession,
  ReadAnswer,
  ReadBatch,
  SessionAnswer,
  WriteAnswer,
  WriteBatch,
} from './types.js';
import { utf8Bytes } from './utf8.js';
import type { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

export interface ForwardedWrite {
  readonly kind: 'write';
  readonly batch: WriteBatch;
  readonly principal: string;
}
export interface ForwardedRead {
  readonly kind: 'read';
  readonly batch: ReadBatch;
  readonly principal: string;
}
export interface ForwardedOpen {
  readonly kind: 'open';
  readonly open: OpenSession;
  readonly principal: string;
}
export interface ForwardedClose {
  readonly kind: 'close';
  readonly close: CloseSession;
  readonly principal: string;
}
/** hello and admin are rare: their encoded bodies (PeerHello, ForwardedAdmin) pass as they are. */
export type ForwardRequest =
  | { readonly kind: 'hello'; readonly hello: Uint8Array }
  | ForwardedWrite
  | ForwardedRead
  | ForwardedOpen
  | ForwardedClose
  | { readonly kind: 'admin'; readonly admin: Uint8Array };

/** admin: an encoded ForwardedAdminAnswer. */
export type ForwardResponse =
  | { readonly kind: 'hello'; readonly hello: Uint8Array }
  | WriteAnswer
  | ReadAnswer
  | SessionAnswer
  | { readonly kind: 'admin'; readonly admin: Uint8Array };

export function encodeForwardRequest(message: ForwardRequest): Uint8Array {
  switch (message.kind) {
    case 'hello':
      return encodeOpaque(1, message.hello);
    case 'write':
      return encodeForwarded(2, message.batch.ops.length, message.principal, (writer) => {
        writeWriteBatch(writer, message.batch);
      });
    case 'read':
      return encodeForwarded(3, message.batch.ops.length, message.principal, (writer) => {
        writeReadBatch(writer, message.batch);
      });
    case 'open':
      return encodeForwarded(4, 0, message.principal, (writer) => {
        writeOpenSession(writer, message.open);
      });
    case 'close':
      return encodeForwarded(5, 0, message.principal, (writer) => {
        writeCloseSession(writer, message.close);
      });
    case 'admin':
      return encodeOpaque(6, message.admin);
  }
}

export function encodeForwardResponse(message: ForwardResponse): Uint8Array {
  switch (message.kind) {
    case 'hello':
      return encodeOpaque(1, message.hello);
    case 'write':
      return encodeOneof(2, writeAnswerBytesMax(message), message, writeWriteAnswer);
    case 'read':
      return encodeOneof(3, readAnswerBytesMax(message), message, writeReadAnswer);
    case 'session':
      return encodeOneof(4, REQUEST_BASE_BYTES_MAX, message, writeSessionAnswer);
    case 'admin':
      return encodeOpaque(5, message.admin);
  }
}

const OPAQUE_FRAMING_BYTES_MAX = 32;

function encodeOpaque(field: number, body: Uint8Array): Uint8Array {
  const writer = new WireWriter(OPAQUE_FRAMING_BYTES_MAX + body.length);
  writer.bytesAlways(field, body);
  return writer.finish();
}

/** A forwarded body is field 1 of its message and the principal field 2. */
function encodeForwarded(
  field: number,
  opsBytes: number,
  principal: string,
  writeBody: (writer: WireWriter) => void,
): Uint8Array {
  const bodyBytesMax = REQUEST_BASE_BYTES_MAX + opsBytes;
  const bytesMax = bodyBytesMax + REQUEST_BASE_BYTES_MAX + utf8Bytes(principal);
  return encodeOneof(field, bytesMax, principal, (writer) => {
    writer.begin(1, bodyBytesMax);
    writeBody(writer);
    writer.end();
    writer.string(2, principal);
  });
}

/** `ops` and opaque bodies are views on bytes. */
export function decodeForwardRequest(bytes: Uint8Array): ForwardRequest {
  return decodeOneof(bytes, readRequestBody);
}

/** Values and opaque bodies are views on bytes. */
export function decodeForwardResponse(bytes: Uint8Array): ForwardResponse {
  return decodeOneof(bytes, readResponseBody);
}

function readRequestBody(reader: WireReader, tag: number): ForwardRequest | undefined {
  switch (tag) {
    case 0x0a:
      return { kind: 'hello', hello: reader.view() };
    case 0x12: {
      const { body, principal } = readForwarded(reader, readWriteBatch);
      return { kind: 'write', batch: body, principal };
    }
    case 0x1a: {
      const { body, principal } = readForwarded(reader, readReadBatch);
      return { kind: 'read', batch: body, principal };
    }
    case 0x22: {
      const { body, principal } = readForwarded(reader, readOpenSession);
      return { kind: 'open', open: body, principal };
    }
    case 0x2a: {
      const { body, principal } = readForwarded(reader, readCloseSession);
      return { kind: 'close', close: body, principal };
    }
    case 0x32:
      return { kind: 'admin', admin: reader.view() };
    default:
      return undefined;
  }
}

function readForwarded<T>(
  reader: WireReader,
  read: (reader: WireReader) => T,
): { readonly body: T; readonly principal: string } {
  let body: T | undefined;
  let principal = '';
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x0a) body = read(reader);
    else if (tag === 0x12) principal = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (body === undefined) throw new CodecError('a forwarded call has no body');
  return { body, principal };
}

function readResponseBody(reader: WireReader, tag: number): ForwardResponse | undefined {
  switch (tag) {
    case 0x0a:
      return { kind: 'hello', hello: reader.view() };
    case 0x12:
      return readWriteAnswer(reader);
    case 0x1a:
      return readReadAnswer(reader);
    case 0x22:
      return readSessionAnswer(reader);
    case 0x2a:
      return { kind: 'admin', admin: reader.view() };
    default:
      return undefined;
  }
}
