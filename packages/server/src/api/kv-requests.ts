/**
 * Decoders of the unary KV requests. Unlike the generated ones they refuse a key that is not
 * UTF-8: replacing its bad bytes, as those do, would read or write another key (R20). Fields this
 * release does not know are skipped, as everywhere in the public API.
 */
import { CodecError, Consistency, createReader, type WireReader } from '@cashe/codec';
import type {
  DeleteManyRequest,
  DeleteRequest,
  GetManyRequest,
  GetRequest,
  HasRequest,
  SetManyRequest,
  SetRequest,
} from '@cashe/proto';

const lengthDelimited = 2;
const field1Bytes = tagOf(1, lengthDelimited);
const field2Bytes = tagOf(2, lengthDelimited);
const field2Varint = tagOf(2, 0);
const field3Varint = tagOf(3, 0);
const field4Varint = tagOf(4, 0);

function tagOf(field: number, wireType: number): number {
  return field * 8 + wireType;
}

/** Get and Has have the same fields. */
export function decodeRead(bytes: Uint8Array): GetRequest & HasRequest {
  let key = '';
  let consistency: Consistency = Consistency.UNSPECIFIED;
  readFields(createReader(bytes), (tag, reader) => {
    if (tag === field1Bytes) key = reader.string();
    else if (tag === field2Varint) consistency = readConsistency(reader);
    else reader.skip(tag);
  });
  return { key, consistency };
}

export function decodeReadMany(bytes: Uint8Array): GetManyRequest {
  const keys: string[] = [];
  let consistency: Consistency = Consistency.UNSPECIFIED;
  readFields(createReader(bytes), (tag, reader) => {
    if (tag === field1Bytes) keys.push(reader.string());
    else if (tag === field2Varint) consistency = readConsistency(reader);
    else reader.skip(tag);
  });
  return { keys, consistency };
}

export function decodeDelete(bytes: Uint8Array): DeleteRequest {
  let key = '';
  readFields(createReader(bytes), (tag, reader) => {
    if (tag === field1Bytes) key = reader.string();
    else reader.skip(tag);
  });
  return { key };
}

export function decodeDeleteMany(bytes: Uint8Array): DeleteManyRequest {
  const keys: string[] = [];
  readFields(createReader(bytes), (tag, reader) => {
    if (tag === field1Bytes) keys.push(reader.string());
    else reader.skip(tag);
  });
  return { keys };
}

export function decodeSet(bytes: Uint8Array): SetRequest {
  return readSet(createReader(bytes));
}

export function decodeSetMany(bytes: Uint8Array): SetManyRequest {
  const entries: SetRequest[] = [];
  readFields(createReader(bytes), (tag, reader) => {
    if (tag !== field1Bytes) {
      reader.skip(tag);
      return;
    }
    const outer = reader.enter();
    entries.push(readSet(reader));
    reader.leave(outer);
  });
  return { entries };
}

function readSet(reader: WireReader): SetRequest {
  let key = '';
  let value = new Uint8Array(0);
  let ttlMs: number | undefined;
  let keepTtl = false;
  readFields(reader, (tag) => {
    if (tag === field1Bytes) key = reader.string();
    else if (tag === field2Bytes) value = reader.view() as Uint8Array<ArrayBuffer>;
    else if (tag === field3Varint) ttlMs = reader.uint();
    else if (tag === field4Varint) keepTtl = reader.bool();
    else reader.skip(tag);
  });
  return { key, value, ttlMs, keepTtl };
}

function readFields(reader: WireReader, read: (tag: number, reader: WireReader) => void): void {
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) read(tag, reader);
}

function readConsistency(reader: WireReader): Consistency {
  const value = reader.uint();
  if (value === Consistency.UNSPECIFIED || value === Consistency.LINEARIZABLE) return value;
  if (value === Consistency.STALE) return value;
  throw new CodecError(`consistency ${value} is unknown; 0 to 2 are allowed`);
}
