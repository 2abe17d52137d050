/** Bytes of HTTP/2 connections that are almost right: frames, header blocks, their order. */
import { Buffer } from 'node:buffer';
import type { SeededRandom } from '@cashe/simulator';
import { changeBytes, randomBytes } from './bytes.js';

const preface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const dataType = 0;
const headersType = 1;
const priorityType = 2;
const resetType = 3;
const settingsType = 4;
const pushType = 5;
const pingType = 6;
const goawayType = 7;
const windowType = 8;
const continuationType = 9;

const endStream = 0x1;
const endHeaders = 0x4;
const padded = 0x8;

function frame(type: number, flags: number, stream: number, body: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** A literal header field without indexing (RFC 7541 section 6.2.2); names below 127 bytes. */
function literal(name: string, value: string): Buffer {
  const nameBytes = Buffer.from(name, 'latin1');
  const valueBytes = Buffer.from(value.slice(0, 126), 'latin1');
  const head = Buffer.from([0, nameBytes.length]);
  return Buffer.concat([head, nameBytes, Buffer.from([valueBytes.length]), valueBytes]);
}

type Pair = readonly [name: string, value: string];

function headerPairs(path: string): readonly Pair[] {
  return [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ];
}

function headerBlock(pairs: readonly Pair[]): Buffer {
  return Buffer.concat(pairs.map(([name, value]) => literal(name, value)));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([id >> 8, id & 0xff]), uint32(value)]);
}

/** A whole connection: what is written, in parts that leave one after the other. */
export function http2Bytes(random: SeededRandom, paths: readonly string[]): readonly Buffer[] {
  const path = random.pick(paths);
  const body = random.pick(scripts)(random, path);
  const settings = frame(settingsType, 0, 0, Buffer.alloc(0));
  const whole = Buffer.concat([preface, settings, ...body]);
  if (random.chance(0.3)) return [changeBytes(random, whole)];
  if (random.chance(0.2)) {
    const at = random.below(whole.length);
    return [whole.subarray(0, at), whole.subarray(at)];
  }
  return [whole];
}

type Script = (random: SeededRandom, path: string) => readonly Buffer[];

/** A call as it should be. */
function wholeCall(path: string, stream: number): Buffer {
  return Buffer.concat([
    frame(headersType, endHeaders, stream, headerBlock(headerPairs(path))),
    frame(dataType, endStream, stream, Buffer.alloc(5)),
  ]);
}

function open(path: string, stream: number, flags: number = endHeaders): Buffer {
  return frame(headersType, flags, stream, headerBlock(headerPairs(path)));
}

const scripts: readonly Script[] = [
  (_random, path) => [wholeCall(path, 1), wholeCall(path, 3)],
  /** Frames of any type, on any stream, in any order. */
  (random, path) => Array.from({ length: 1 + random.below(12) }, () => anyFrame(random, path)),
  /** Header blocks that cannot be decoded, or mean nothing. */
  (random) => [frame(headersType, endHeaders | endStream, 1, random.pick(badBlocks)(random))],
  (random, path) => [frame(headersType, endHeaders, 1, headerBlock(oddPairs(random, path)))],
  /** Header blocks in pieces: without an end, interrupted, many and empty. */
  (random, path) => [
    open(path, 1, 0),
    ...Array.from({ length: random.pick([1, 7, 9, 500]) }, () =>
      frame(continuationType, 0, 1, headerBlock([['x', 'y'.repeat(random.below(100))]])),
    ),
  ],
  (_random, path) => [open(path, 1, 0), wholeCall(path, 3)],
  (random, path) => [
    open(path, 1, 0),
    ...new Array<Buffer>(random.pick([3, 300])).fill(
      frame(continuationType, 0, 1, Buffer.alloc(0)),
    ),
  ],
  /** Windows: beyond 2^31 - 1, of nothing, by less than nothing. */
  (random, path) => [
    open(path, 1),
    ...Array.from({ length: 1 + random.below(3) }, () =>
      frame(windowType, 0, random.pick([0, 1]), uint32(random.pick([0, 1, 0x7fff_ffff]))),
    ),
  ],
  (random) => [frame(settingsType, 0, 0, random.pick(badSettings))],
  /** Floods: resets, pings, settings, empty data, priorities, half-open calls. */
  (_random, path) => Array.from({ length: 150 }, (_, n) => openAndReset(path, 2 * n + 1)),
  (random) => new Array<Buffer>(500).fill(frame(pingType, random.below(2), 0, Buffer.alloc(8))),
  () => new Array<Buffer>(300).fill(frame(settingsType, 0, 0, setting(3, 100))),
  (_random, path) => [
    open(path, 1),
    ...new Array<Buffer>(500).fill(frame(dataType, 0, 1, Buffer.alloc(0))),
  ],
  () => Array.from({ length: 300 }, (_, n) => frame(priorityType, 0, 2 * n + 1, Buffer.alloc(5))),
  (_random, path) => Array.from({ length: 100 }, (_, n) => open(path, 2 * n + 1)),
  /** Padding longer than the frame. */
  (random, path) => [
    open(path, 1),
    frame(dataType, padded, 1, Buffer.concat([Buffer.from([255]), randomBytes(random, 20)])),
  ],
  /** Reset in the same packet that opens the call, whether or not the method exists. */
  (random, path) => [openAndReset(random.pick([path, '/nobody/nothing']), 1)],
  /** A frame that announces 16 MiB. */
  (random) => [Buffer.concat([Buffer.from('ffffff', 'hex'), randomBytes(random, 30)])],
  /** Goodbye, and then calls. */
  (_random, path) => [frame(goawayType, 0, 0, Buffer.alloc(8)), wholeCall(path, 1)],
];

function openAndReset(path: string, stream: number): Buffer {
  return Buffer.concat([open(path, stream), frame(resetType, 0, stream, uint32(8))]);
}

function anyFrame(random: SeededRandom, path: string): Buffer {
  const stream = random.pick([0, 1, 1, 3, 2, 5, 0x7fff_ffff, 0xffff_ffff]);
  if (random.chance(0.3)) return wholeCall(path, stream);
  const type = random.pick([
    dataType,
    headersType,
    priorityType,
    resetType,
    settingsType,
    pushType,
    pingType,
    goawayType,
    windowType,
    continuationType,
    200,
  ]);
  return frame(type, random.below(256), stream, randomBytes(random, random.pick([0, 4, 5, 8, 40])));
}

const badBlocks: readonly ((random: SeededRandom) => Buffer)[] = [
  (random) => randomBytes(random, 1 + random.below(60)),
  /** Index 0; an index beyond the table; an integer without end. */
  () => Buffer.from([0x80]),
  () => Buffer.from([0xff, 0xff, 0xff, 0x7f]),
  () => Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  /** A table larger than was allowed; one that changes in the middle of a block. */
  () => Buffer.from([0x3f, 0xe1, 0xff, 0x7f]),
  () => Buffer.from([0x82, 0x20]),
  /** A Huffman string that ends badly; a string longer than the block. */
  () => Buffer.from([0x40, 0x82, 0xff, 0xff, 0x81, 0x00]),
  () => Buffer.from([0x40, 0x7f, 0xff, 0x03, 0x61]),
  /** The same large field again and again, by its index. */
  () => {
    const large = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0x81, 0x1e]), bigValue]);
    return Buffer.concat([large, Buffer.alloc(8_000, 0xbe)]);
  },
];

const bigValue: Buffer = Buffer.alloc(4_000, 0x79);

function oddPairs(random: SeededRandom, path: string): readonly Pair[] {
  const pairs = [...headerPairs(path)];
  const odd = random.pick<Pair>([
    ['Upper-Case', 'x'],
    ['', 'nameless'],
    [':unknown', 'x'],
    [':path', path],
    [':status', '200'],
    ['connection', 'close'],
    ['transfer-encoding', 'chunked'],
    ['content-length', '1'],
    ['content-length', '-1'],
    ['grpc-timeout', '\u00ff'],
    ['x-nul', 'a\u0000b'],
    ['x-crlf', 'a\r\nb'],
    ['cookie', 'a=b'],
    ['expect', '100-continue'],
    [':protocol', 'websocket'],
  ]);
  pairs.splice(random.below(pairs.length + 1), random.below(2), odd);
  if (random.chance(0.2)) {
    for (let count = 200; count > 0; count -= 1) pairs.push([`x-${count}`, 'y'.repeat(100)]);
  }
  return pairs;
}

const badSettings: readonly Buffer[] = [
  setting(2, 5),
  setting(4, 0x8000_0000),
  setting(4, 0),
  setting(5, 1),
  setting(5, 0xffff_ffff),
  setting(1, 0xffff_ffff),
  setting(3, 0),
  setting(6, 1),
  setting(0xffff, 1),
  Buffer.alloc(5),
  Buffer.concat(new Array<Buffer>(200).fill(setting(0x99, 7))),
];
