/** Messages that are one oneof and nothing else: SessionRequest, ForwardResponse and so on. */
import { CodecError } from './errors.js';
import { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/** bytesMax: size of the result at most, for a single allocation. */
export function encodeOneof<T>(
  field: number,
  bytesMax: number,
  body: T,
  write: (writer: WireWriter, body: T) => void,
): Uint8Array {
  const writer = new WireWriter(bytesMax);
  writer.begin(field, bytesMax);
  write(writer, body);
  writer.end();
  return writer.finish();
}

/** Reads a message that is one oneof. `read` returns undefined for a tag it does not know. */
export function decodeOneof<T>(
  bytes: Uint8Array,
  read: (reader: WireReader, tag: number) => T | undefined,
): T {
  const reader = new WireReader(bytes);
  let result: T | undefined;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    const body = read(reader, tag);
    if (body === undefined) reader.skip(tag);
    else if (result === undefined) result = body;
    else throw new CodecError('the message has more than one kind');
  }
  if (result === undefined) throw new CodecError('the message has no kind this release knows');
  return result;
}
