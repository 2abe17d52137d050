/** One gRPC call that is almost right: its headers, its frames, its messages. */
import { Buffer } from 'node:buffer';
import { deflateSync, gzipSync } from 'node:zlib';
import type { SeededRandom } from '@cashe/simulator';
import { changeBytes, randomBytes } from './bytes.js';
import { changeMessage } from './protobuf.js';
import type { MethodSeed } from './seeds.js';

/** What is sent, and what may be expected. */
export interface CallInput {
  readonly kind: 'call';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The request ends; otherwise the client leaves it open and goes away. */
  readonly ends: boolean;
  /** The server owes a status. */
  readonly owesStatus: boolean;
}

const baseHeaders = {
  ':method': 'POST',
  'content-type': 'application/grpc',
  te: 'trailers',
  'grpc-timeout': '2S',
} as const;

export function callInput(random: SeededRandom, seeds: readonly MethodSeed[]): CallInput {
  const seed = random.pick(seeds);
  const messages = changeMessages(random, seed.messages);
  const { body, encoding } = random.pick(framings)(random, messages);
  const plainHeaders = random.chance(0.25) ? changeHeaders(random) : baseHeaders;
  const headers = { ...plainHeaders, ...(encoding === undefined ? {} : encodingHeader(encoding)) };
  const path = random.chance(0.03) ? oddPath(random, seed.path) : seed.path;
  const ends = !random.chance(0.1);
  return {
    kind: 'call',
    path,
    headers,
    body,
    ends,
    owesStatus: ends && seed.endsByItself,
  };
}

/** Mostly one message is changed; the others let it get past the hello. */
function changeMessages(random: SeededRandom, messages: readonly Buffer[]): readonly Buffer[] {
  const target = random.below(messages.length);
  const changed = messages.map((message, index) =>
    index === target ? changeMessage(random, message) : message,
  );
  if (random.chance(0.1)) changed.reverse();
  if (random.chance(0.1)) changed.push(...changed);
  if (random.chance(0.05)) changed.splice(0, random.below(changed.length + 1));
  return changed;
}

interface Framed {
  readonly body: Buffer;
  readonly encoding?: string;
}

type Framing = (random: SeededRandom, messages: readonly Buffer[]) => Framed;

function plain(_random: SeededRandom, messages: readonly Buffer[]): Framed {
  return { body: Buffer.concat(messages.map((message) => frame(message))) };
}

/** More than any message may be, in few bytes. */
const inflating: Buffer = gzipSync(Buffer.alloc(12 * 1024 * 1024));

const framings: readonly Framing[] = [
  ...new Array<Framing>(8).fill(plain),
  /** The compressed flag, or one that does not exist, on what is not compressed. */
  (random, messages) => {
    const flag = random.pick([1, 2, 255]);
    return { body: Buffer.concat(messages.map((message) => frame(message, message.length, flag))) };
  },
  /** Compressed: well, badly, under the wrong name, and to much less than it was. */
  (random, messages) => {
    const encoding = random.pick(['gzip', 'deflate', 'br']);
    const pack = random.chance(0.8) === (encoding === 'gzip') ? gzipSync : deflateSync;
    const packed = random.chance(0.05) ? inflating : pack(Buffer.concat([...messages]));
    const sent = random.chance(0.5) ? changeBytes(random, packed) : packed;
    return { body: frame(sent, sent.length, 1), encoding };
  },
  /** A length that lies. */
  (random, messages) => {
    const lies = [0, 1, 0x7fff_ffff, 0xffff_ffff, 9 * 1024 * 1024];
    const frames = messages.map((message) => frame(message, random.pick(lies)));
    return { body: Buffer.concat(frames) };
  },
  /** Cut off, or with bits flipped in the prefix. */
  (random, messages) => ({ body: changeBytes(random, plain(random, messages).body) }),
  (random) => ({ body: randomBytes(random, random.below(300)) }),
  () => ({ body: Buffer.alloc(0) }),
  /** Empty messages, up to thousands. */
  (random) => ({ body: Buffer.alloc(5 * random.pick([1, 2, 4_000])) }),
];

function encodingHeader(encoding: string): Readonly<Record<string, string>> {
  return { 'grpc-encoding': encoding };
}

/** gRPC's frame around a message; the length may lie. */
function frame(message: Buffer, length: number = message.length, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

const headerChanges: readonly Readonly<Record<string, string>>[] = [
  { 'content-type': 'application/json' },
  { 'content-type': 'application/grpc+json' },
  { 'content-type': 'application/grpc-web+proto' },
  { 'content-type': '' },
  { 'grpc-encoding': 'gzip' },
  { 'grpc-encoding': 'deflate' },
  { 'grpc-encoding': 'br' },
  { 'grpc-encoding': 'identity' },
  { 'grpc-timeout': '' },
  { 'grpc-timeout': '1n' },
  { 'grpc-timeout': '99999999H' },
  { 'grpc-timeout': '-1S' },
  { 'grpc-timeout': '1x' },
  { 'x-odd-bin': '!!!not base64!!!' },
  { 'x-long': 'x'.repeat(8_000) },
  { authorization: 'Bearer nobody' },
  { authorization: 'Basic AAAA' },
  { authorization: `Bearer ${'t'.repeat(4_000)}` },
  { ':method': 'GET' },
  { ':method': 'HEAD' },
  { ':method': 'PUT' },
  { 'content-length': '3' },
  { traceparent: '00-ffffffffffffffffffffffffffffffff-0000000000000000-zz' },
];

function changeHeaders(random: SeededRandom): Readonly<Record<string, string>> {
  const changed = { ...baseHeaders, ...random.pick(headerChanges) };
  return random.chance(0.3) ? { ...changed, ...random.pick(headerChanges) } : changed;
}

function oddPath(random: SeededRandom, path: string): string {
  return random.pick([
    '/',
    '*',
    '//',
    `${path}/x`,
    path.slice(1),
    '/%00',
    path.toLowerCase(),
    '/é',
  ]);
}
