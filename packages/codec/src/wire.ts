/** What other packages build their own strict codecs from. */
import { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

const BYTES_HINT = 256;

export function createReader(bytes: Uint8Array): WireReader {
  return new WireReader(bytes);
}

/** bytesHint: size of the result where it is known, so that it is allocated once. */
export function createWriter(bytesHint: number = BYTES_HINT): WireWriter {
  return new WireWriter(bytesHint);
}
