/** Small changes to bytes that leave most of their structure in place. */
import { Buffer } from 'node:buffer';
import type { SeededRandom } from '@cashe/simulator';

export function randomBytes(random: SeededRandom, count: number): Buffer {
  return Buffer.from(random.bytes(count));
}

/** Flips 1 to 8 bits anywhere. */
function flipBits(random: SeededRandom, bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  for (let count = 1 + random.below(8); count > 0 && changed.length > 0; count -= 1) {
    const at = random.below(changed.length);
    changed.writeUInt8(changed.readUInt8(at) ^ (1 << random.below(8)), at);
  }
  return changed;
}

function truncate(random: SeededRandom, bytes: Buffer): Buffer {
  return bytes.subarray(0, random.below(bytes.length + 1));
}

function lengthen(random: SeededRandom, bytes: Buffer): Buffer {
  return Buffer.concat([bytes, randomBytes(random, 1 + random.below(16))]);
}

/** Repeats a part of itself in its middle. */
function repeatPart(random: SeededRandom, bytes: Buffer): Buffer {
  const start = random.below(bytes.length + 1);
  const end = start + random.below(bytes.length - start + 1);
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
}

/** Replaces a run of bytes by one that means something to many parsers. */
function plantValue(random: SeededRandom, bytes: Buffer): Buffer {
  const value = Buffer.from(random.pick(plantedValues), 'hex');
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), value, bytes.subarray(at + value.length)]);
}

const plantedValues: readonly string[] = [
  '00',
  'ff',
  '7f',
  '80',
  'ffffffff',
  '7fffffff',
  '80000000',
  'ffffffffffffffffff01',
  'ffffffffffffffffffffff7f',
  'c080',
  'eda080',
  'f4908080',
];

const changes: readonly ((random: SeededRandom, bytes: Buffer) => Buffer)[] = [
  flipBits,
  flipBits,
  truncate,
  lengthen,
  repeatPart,
  plantValue,
];

export function changeBytes(random: SeededRandom, bytes: Buffer): Buffer {
  return random.pick(changes)(random, bytes);
}
