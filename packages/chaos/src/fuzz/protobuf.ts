/** Protobuf messages that are almost right: changed field by field, on the wire's own structure. */
import { Buffer } from 'node:buffer';
import type { SeededRandom } from '@cashe/simulator';
import { changeBytes, randomBytes } from './bytes.js';

/** A field as it stands on the wire: its number, its type and what follows the tag. */
interface WireField {
  readonly number: number;
  readonly type: number;
  readonly body: Buffer;
}

const varintType = 0;
const fixed64Type = 1;
const lengthType = 2;
const groupStartType = 3;
const groupEndType = 4;
const fixed32Type = 5;

/** Decoders that call themselves for every level run out of stack somewhere here. */
const nestedLevels = 10_000;

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Buffer.from(bytes);
}

/** One to three changes to a valid message. */
export function changeMessage(random: SeededRandom, message: Buffer): Buffer {
  let changed = message;
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const fields = parseFields(changed);
    const structural = fields !== undefined && fields.length > 0 && !random.chance(0.25);
    changed = structural ? joinFields(changeFields(random, fields)) : changeBytes(random, changed);
  }
  return changed;
}

/** undefined when the bytes are no message any more. */
function parseFields(bytes: Buffer): WireField[] | undefined {
  const fields: WireField[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    if (tag === undefined) return undefined;
    const type = Number(tag.value & 7n);
    const end = endOfBody(bytes, tag.end, type);
    if (end === undefined || end > bytes.length) return undefined;
    const number = Number((tag.value >> 3n) & 0x1fff_ffffn);
    fields.push({ number, type, body: bytes.subarray(tag.end, end) });
    at = end;
  }
  return fields;
}

function endOfBody(bytes: Buffer, start: number, type: number): number | undefined {
  if (type === fixed64Type) return start + 8;
  if (type === fixed32Type) return start + 4;
  const value = readVarint(bytes, start);
  if (value === undefined) return undefined;
  if (type === varintType) return value.end;
  return type === lengthType ? value.end + Number(value.value) : undefined;
}

function readVarint(bytes: Buffer, start: number): { value: bigint; end: number } | undefined {
  let value = 0n;
  for (let at = start; at < bytes.length && at < start + 10; at += 1) {
    const byte = bytes.readUInt8(at);
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - start));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}

function joinFields(fields: readonly WireField[]): Buffer {
  return Buffer.concat(fields.flatMap(({ number, type, body }) => [tagOf(number, type), body]));
}

function lengthField(number: number, content: Buffer): WireField {
  const body = Buffer.concat([varint(BigInt(content.length)), content]);
  return { number, type: lengthType, body };
}

function contentOf(field: WireField): Buffer {
  const length = readVarint(field.body, 0);
  return field.type === lengthType && length !== undefined
    ? field.body.subarray(length.end)
    : field.body;
}

function changeFields(random: SeededRandom, fields: readonly WireField[]): WireField[] {
  const at = random.below(fields.length);
  const field = fields[at] as WireField;
  const before = fields.slice(0, at);
  const after = fields.slice(at + 1);
  return [...before, ...random.pick(fieldChanges)(random, field), ...after];
}

type FieldChange = (random: SeededRandom, field: WireField) => readonly WireField[];

const hugeNumbers: readonly bigint[] = [
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  // Not 2^53 - 1: peers are trusted, and a node may have to count on from a number of theirs.
  2n ** 53n - 2n ** 20n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

const notUtf8: readonly string[] = ['ff', 'c080', 'eda080', 'f8888080', 'e28'].map((text) =>
  text.padEnd(text.length + (text.length % 2), '0'),
);

const objectNames: readonly string[] = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];

const fieldChanges: readonly FieldChange[] = [
  /** Left out. */
  () => [],
  /** Twice, and many times. */
  (_random, field) => [field, field],
  (random, field) => Array.from({ length: random.pick([20, 2_000]) }, () => field),
  /** Another number: unknown, reserved, of a neighbour. */
  (random, field) => [
    { ...field, number: random.pick([0, field.number + 1, 19_000, 536_870_911]) },
  ],
  /** The same bytes under another type. */
  (random, field) => [{ ...field, type: random.below(8) }],
  /** A number beyond what the field holds. */
  (random, field) => [{ ...field, type: varintType, body: varint(random.pick(hugeNumbers)) }],
  /** A varint that does not end. */
  (_random, field) => [{ ...field, type: varintType, body: Buffer.alloc(11, 0xff) }],
  /** A varint written longer than needed. */
  (_random, field) => [{ ...field, type: varintType, body: Buffer.from('8180808000', 'hex') }],
  /** A length that lies. */
  (random, field) => {
    const lie = random.pick([0n, 1n, BigInt(field.body.length + 1), ...hugeNumbers]);
    return [{ ...field, type: lengthType, body: Buffer.concat([varint(lie), contentOf(field)]) }];
  },
  /** Text that is not UTF-8. */
  (random, field) => [lengthField(field.number, Buffer.from(random.pick(notUtf8), 'hex'))],
  /** Other content of the same kind, or none. */
  (random, field) => [lengthField(field.number, changeBytes(random, contentOf(field)))],
  (random, field) => [lengthField(field.number, randomBytes(random, random.below(200)))],
  (_random, field) => [lengthField(field.number, Buffer.alloc(0))],
  /** Names that objects have without being asked. */
  (random, field) => [lengthField(field.number, Buffer.from(random.pick(objectNames)))],
  (random, field) => [lengthField(field.number, Buffer.alloc(random.pick([1_025, 70_000]), 0x61))],
  /** One level deeper, with changes there. */
  (random, field) => {
    const inner = parseFields(contentOf(field));
    if (inner === undefined || inner.length === 0) return [lengthField(field.number, field.body)];
    return [lengthField(field.number, joinFields(changeFields(random, inner)))];
  },
  /** A message inside a message inside a message, and groups inside groups. */
  (random, field) => [nested(field, random.pick([10, 200]))],
  (random, field) => groups(field.number, random.pick([10, nestedLevels])),
];

function nested(field: WireField, levels: number): WireField {
  let inner = field;
  for (let level = 0; level < levels; level += 1)
    inner = lengthField(field.number, joinFields([inner]));
  return inner;
}

/** All of them as one field, whose body holds the others. */
function groups(number: number, levels: number): readonly WireField[] {
  const starts = Buffer.concat(new Array<Buffer>(levels).fill(tagOf(number, groupStartType)));
  const ends = Buffer.concat(new Array<Buffer>(levels).fill(tagOf(number, groupEndType)));
  const body = Buffer.concat([starts, ends, tagOf(number, groupEndType)]);
  return [{ number, type: groupStartType, body }];
}

function tagOf(number: number, type: number): Buffer {
  return varint(BigInt(number * 8 + type));
}
