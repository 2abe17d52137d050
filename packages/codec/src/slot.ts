/**
 * Which group a key belongs to: public protocol, equal in every client and node (R24).
 * slot = MurmurHash3 x86_32(UTF-8 of tag(key), seed 0) mod 1024.
 */
import { utf8Bytes, writeUtf8 } from './utf8.js';

export const SLOT_COUNT = 1024;

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/** MurmurHash3 x86_32, unsigned. */
export function murmur3(bytes: Uint8Array, seed: number): number {
  const { length } = bytes;
  const blocksEnd = length & ~3;
  let hash = seed;
  for (let at = 0; at < blocksEnd; at += 4) {
    const low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    hash = mixBlock(hash, low | (bytes[at + 3]! << 24));
  }
  let tail = 0;
  for (let at = length - 1; at >= blocksEnd; at--) tail = (tail << 8) | bytes[at]!;
  return finish(hash, tail, length);
}

/** The same for the bytes of an ASCII string, seed 0; -1 when the string is not ASCII. */
function murmur3Ascii(text: string): number {
  const { length } = text;
  const blocksEnd = length & ~3;
  let hash = 0;
  let units = 0;
  for (let at = 0; at < blocksEnd; at += 4) {
    const first = text.charCodeAt(at);
    const second = text.charCodeAt(at + 1);
    const third = text.charCodeAt(at + 2);
    const fourth = text.charCodeAt(at + 3);
    units |= first | second | third | fourth;
    hash = mixBlock(hash, first | (second << 8) | (third << 16) | (fourth << 24));
  }
  let tail = 0;
  for (let at = length - 1; at >= blocksEnd; at--) {
    const unit = text.charCodeAt(at);
    units |= unit;
    tail = (tail << 8) | unit;
  }
  return units < 0x80 ? finish(hash, tail, length) : -1;
}

function mixBlock(hash: number, block: number): number {
  const mixed = hash ^ scramble(block);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function scramble(block: number): number {
  const product = Math.imul(block, C1);
  return Math.imul((product << 15) | (product >>> 17), C2);
}

/** A tail of no bytes scrambles to 0 and changes nothing. */
function finish(hash: number, tail: number, length: number): number {
  let mixed = hash ^ scramble(tail) ^ length;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * The part of the key that is hashed, as in Redis: what stands between the first `{` and the
 * first `}` after it, unless nothing does; else the whole key.
 */
export function hashTag(key: string): string {
  const open = key.indexOf('{');
  if (open < 0) return key;
  const close = key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

export function slotOfKey(key: string): number {
  return hashText(hashTag(key)) % SLOT_COUNT;
}

function hashText(text: string): number {
  const hash = murmur3Ascii(text);
  if (hash >= 0) return hash;
  const bytes = new Uint8Array(utf8Bytes(text));
  writeUtf8(text, bytes, 0);
  return murmur3(bytes, 0);
}

/** Slots are dealt out in ranges whose sizes differ by at most one; fixed at genesis. */
export function groupOfSlot(slot: number, groupCount: number): number {
  return Math.floor((slot * groupCount) / SLOT_COUNT);
}

export function groupOfKey(key: string, groupCount: number): number {
  return groupCount === 1 ? 0 : groupOfSlot(slotOfKey(key), groupCount);
}
