/** Bytes for ports that expect something else: HTTP/1, TLS, and nothing known. */
import { Buffer } from 'node:buffer';
import type { SeededRandom } from '@cashe/simulator';
import { changeBytes, randomBytes } from './bytes.js';

type Parts = readonly Buffer[];

/** What no port of a node speaks. */
export function strangeBytes(random: SeededRandom): Parts {
  return [random.pick(strange)(random)];
}

const strange: readonly ((random: SeededRandom) => Buffer)[] = [
  (random) => randomBytes(random, random.pick([1, 9, 100, 5_000])),
  () => Buffer.alloc(0),
  () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  () => Buffer.from('PRI * HTTP/2.0\r\n\r\n'),
  () => Buffer.from('SSH-2.0-OpenSSH_9.9\r\n'),
  () => Buffer.from('*1\r\n$4\r\nPING\r\n'),
  (random) => tlsRecord(random, clientHello(random)),
  (random) => changeBytes(random, tlsRecord(random, clientHello(random))),
  (random) => tlsRecord(random, randomBytes(random, random.pick([0, 1, 300]))),
];

/** A record whose type, version and length may lie (RFC 8446 section 5.1). */
function tlsRecord(random: SeededRandom, body: Buffer): Buffer {
  const head = Buffer.from([random.pick([20, 21, 22, 22, 22, 23, 99]), 3, random.below(5), 0, 0]);
  const length = random.chance(0.8) ? body.length : random.pick([0, 1, 16_385, 65_535]);
  head.writeUInt16BE(Math.min(length, 65_535), 3);
  return Buffer.concat([head, body]);
}

function clientHello(random: SeededRandom): Buffer {
  const body = Buffer.concat([
    Buffer.from('0303', 'hex'),
    randomBytes(random, 32),
    Buffer.from('000002130101000000', 'hex'),
  ]);
  const head = Buffer.from([random.pick([1, 1, 1, 2, 11, 20]), 0, 0, body.length]);
  return Buffer.concat([head, body]);
}
