/**
 * UTF-8 without TextEncoder, TextDecoder or Buffer, which a pure package does not see (R12). Keys
 * are short and mostly ASCII: the loops below beat the native calls up to about 60 bytes.
 */
import protobuf from 'protobufjs/minimal.js';

const REPLACEMENT = 0xfffd;

/** Bytes of the string in UTF-8; a lone surrogate counts as the three bytes of U+FFFD. */
export function utf8Bytes(text: string): number {
  const { length } = text;
  let bytes = length;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
    } else if (isPairAt(text, index, unit)) {
      bytes += 2; // Two units, four bytes.
      index++;
    } else {
      bytes += 2;
    }
  }
  return bytes;
}

/** False when a surrogate stands alone: such a string has no UTF-8 form. */
export function isWellFormed(text: string): boolean {
  const { length } = text;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if ((unit & 0xf800) !== 0xd800) continue;
    if (!isPairAt(text, index, unit)) return false;
    index++;
  }
  return true;
}

/**
 * Writes the string at pos and returns the position after it. The caller has reserved
 * utf8Bytes(text); a lone surrogate becomes U+FFFD.
 */
export function writeUtf8(text: string, bytes: Uint8Array, pos: number): number {
  const { length } = text;
  let at = pos;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) bytes[at++] = unit;
    else if (isPairAt(text, index, unit)) at = writePoint(text.codePointAt(index++)!, bytes, at);
    else at = writePoint((unit & 0xf800) === 0xd800 ? REPLACEMENT : unit, bytes, at);
  }
  return at;
}

/** Writes a string that is ASCII; -1, and the bytes from pos on are of no use, when it is not. */
export function writeAscii(text: string, bytes: Uint8Array, pos: number): number {
  const { length } = text;
  let units = 0;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    units |= unit;
    bytes[pos + index] = unit;
  }
  return units < 0x80 ? pos + length : -1;
}

function isPairAt(text: string, index: number, unit: number): boolean {
  return (unit & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
}

function writePoint(point: number, bytes: Uint8Array, pos: number): number {
  let at = pos;
  if (point < 0x800) {
    bytes[at++] = 0xc0 | (point >> 6);
  } else {
    if (point < 0x10000) {
      bytes[at++] = 0xe0 | (point >> 12);
    } else {
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
    }
    bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
  }
  bytes[at++] = 0x80 | (point & 0x3f);
  return at;
}

/** Well-formed UTF-8 (Unicode 15, table 3-7): no overlong form, surrogate or stray byte. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    if (bytes[at]! < 0x80) {
      at++;
      continue;
    }
    const size = sequenceBytes(bytes, at, end);
    if (size === 0) return false;
    at += size;
  }
  return true;
}

/** Size of the well-formed sequence of two to four bytes at pos; 0 when there is none. */
function sequenceBytes(bytes: Uint8Array, pos: number, end: number): number {
  const lead = bytes[pos]!;
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || pos + size > end) return 0;
  const second = bytes[pos + 1]!;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let at = pos + 2; at < pos + size; at++) {
    if ((bytes[at]! & 0xc0) !== 0x80) return 0;
  }
  return size;
}

/**
 * Turns bytes into strings. protobufjs reads a Buffer's bytes natively, which for a key costs a
 * third of any loop; it wants a length prefix before them, as every string on the wire has.
 */
export class StringReader {
  readonly #reader: protobuf.Reader;

  constructor(bytes: Uint8Array) {
    this.#reader = protobuf.Reader.create(bytes);
  }

  /** prefix: where the string's length varint is. Check bounds and isUtf8 first. */
  read(prefix: number): string {
    this.#reader.pos = prefix;
    return this.#reader.string();
  }
}
