/**
 * The data of a normal log entry (R12): the leader's header and the untouched bytes of each batch.
 * Strict both ways: replicas and later boots must read exactly what the leader wrote, and what
 * this release does not know is a newer format, which stops the node (R11).
 */
import { readCommand, readEnvelope, readStateDigest } from './entry-reader.js';
import { commandBytesMax, writeCommand, writeEnvelope, writeStateDigest } from './entry-writer.js';
import { CodecError } from './errors.js';
import { ENTRY_OPS_MAX, RECENCY_HINTS_MAX } from './limits.js';
import type { BatchEnvelope, EntryCommand, EntryHeader, EntryPayload } from './types.js';
import { utf8Bytes } from './utf8.js';
import { seenOnce, WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/** The format this release writes, and the newest it applies. */
export const FORMAT_VERSION = 1;

/** Payload and header framing, scalars and digest. */
const BASE_BYTES_MAX = 96;
/** Envelope framing and scalars, framing of the batch. */
const ENVELOPE_BASE_BYTES_MAX = 64;
const VERDICT_BYTES_MAX = 10;
const STRING_FRAMING_BYTES_MAX = 6;

/** Bytes that a batch's envelope and framing add to its entry, at most. */
export function envelopeBytesMax(principal: string, verdictCount: number): number {
  return ENVELOPE_BASE_BYTES_MAX + utf8Bytes(principal) + VERDICT_BYTES_MAX * verdictCount;
}

/** Bytes that one recency hint adds to its entry, at most. */
export function recencyHintBytesMax(key: string): number {
  return STRING_FRAMING_BYTES_MAX + utf8Bytes(key);
}

/** Size of the encoded entry, at most; what the leader fills an entry by. */
export function entryBytesMax(payload: EntryPayload): number {
  const { header, batches } = payload;
  let bytes = BASE_BYTES_MAX;
  if (header.command !== undefined) bytes += commandBytesMax(header.command);
  for (const { principal, verdicts } of header.envelopes) {
    bytes += envelopeBytesMax(principal, verdicts.length);
  }
  for (const key of header.recencyHints) bytes += recencyHintBytesMax(key);
  for (const batch of batches) bytes += batch.length;
  return bytes;
}

/** Copies every batch once, into one allocation. */
export function encodeEntry(payload: EntryPayload): Uint8Array {
  checkEntry(payload);
  const writer = new WireWriter(entryBytesMax(payload));
  const { header } = payload;
  writer.begin(1, header.envelopes.length > 1 || header.recencyHints.length > 0 ? 128 : 0);
  writer.uint(1, header.formatVersion);
  writer.uint(2, header.clusterTimeMs);
  writer.bool(3, header.restartLeases);
  for (const envelope of header.envelopes) writeEnvelope(writer, 4, envelope);
  for (const key of header.recencyHints) writer.stringAlways(5, key);
  if (header.digest !== undefined) writeStateDigest(writer, 6, header.digest);
  if (header.command !== undefined) writeCommand(writer, header.command);
  writer.end();
  for (const batch of payload.batches) writer.bytesAlways(2, batch);
  return writer.finish();
}

/** Batches are views. Throws a CodecError on anything that encodeEntry would not write. */
export function decodeEntry(data: Uint8Array): EntryPayload {
  const reader = new WireReader(data);
  const batches: Uint8Array[] = [];
  let header: EntryHeader | undefined;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x0a && header === undefined) header = readHeader(reader);
    else if (tag === 0x12) batches.push(reader.view());
    else throw new CodecError(`entry: tag ${tag} is unknown or repeated`);
  }
  if (header === undefined) throw new CodecError('entry: no header');
  const payload = { header, batches };
  checkEntry(payload);
  return payload;
}

function readHeader(reader: WireReader): EntryHeader {
  const envelopes: BatchEnvelope[] = [];
  const recencyHints: string[] = [];
  let formatVersion = 0;
  let clusterTimeMs = 0;
  let restartLeases = false;
  let digest: EntryHeader['digest'];
  let command: EntryCommand | undefined;
  let seen = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag !== 0x22 && tag !== 0x2a) seen = seenOnce(seen, tag);
    if (tag === 0x08) formatVersion = readFormatVersion(reader);
    else if (tag === 0x10) clusterTimeMs = reader.uint();
    else if (tag === 0x18) restartLeases = reader.bool();
    else if (tag === 0x22) envelopes.push(readEnvelope(reader));
    else if (tag === 0x2a) recencyHints.push(reader.string());
    else if (tag === 0x32) digest = readStateDigest(reader);
    else if (command === undefined) command = readCommand(reader, tag);
    else throw new CodecError('entry: more than one command');
  }
  reader.leave(outer);
  return { formatVersion, clusterTimeMs, restartLeases, envelopes, recencyHints, digest, command };
}

/** First, since a newer format may have fields that this release would misread. */
function readFormatVersion(reader: WireReader): number {
  const version = reader.uint32();
  if (version > FORMAT_VERSION) {
    throw new CodecError(`entry: format ${version} is newer than ${FORMAT_VERSION}`);
  }
  return version;
}

/** What holds between the parts of every entry. */
function checkEntry({ header, batches }: EntryPayload): void {
  const { envelopes, recencyHints, command, formatVersion } = header;
  check(formatVersion >= 1 && formatVersion <= FORMAT_VERSION, 'format version');
  check(envelopes.length === batches.length, 'one envelope per batch');
  check(command === undefined || batches.length === 0, 'a command comes without batches');
  check(recencyHints.length <= RECENCY_HINTS_MAX, `at most ${RECENCY_HINTS_MAX} recency hints`);
  let ops = 0;
  for (const { opCount, verdicts } of envelopes) {
    ops += opCount;
    let previous = -1;
    for (const { index } of verdicts) {
      check(index > previous && index < opCount, 'verdicts ascend within the batch');
      previous = index;
    }
  }
  check(ops <= ENTRY_OPS_MAX, `at most ${ENTRY_OPS_MAX} ops`);
}

function check(holds: boolean, rule: string): void {
  if (!holds) throw new CodecError(`entry: broken rule: ${rule}`);
}
