// R12: what the strict decoder refuses, case by case, and at which level.
import {
  Code,
  CodecError,
  codeName,
  decodeOps,
  decodeOpsForApply,
  deriveLimits,
  type OpsKind,
  VALUE_BYTES_MAX_MIN,
} from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import {
  bytesField,
  bytesOf,
  numberField,
  paddedVarint,
  readBatchOf,
  tag,
  textField,
  varint,
  writeBatchOf,
} from './support/raw.js';

const limits = deriveLimits(VALUE_BYTES_MAX_MIN);
const key = textField(1, 'key');
const value = textField(2, 'value');
const goodSet = bytesField(1, [...key, ...value]);
const goodDelete = bytesField(2, key);
const set = (...fields: readonly (readonly number[])[]): number[] => bytesField(1, fields.flat());

function decode(bytes: Uint8Array, kind: OpsKind): string {
  const decoded = decodeOps(bytes, { kind, limits });
  if (decoded.kind === 'refused') return `${codeName(decoded.code)}: ${decoded.message}`;
  return decoded.verdicts
    .map(({ index, code, message }) => `${index} ${codeName(code)}: ${message}`)
    .join();
}

const refusedOps: readonly (readonly [string, readonly number[], string])[] = [
  ['an empty op', [], 'INVALID_ARGUMENT: the op is empty'],
  ['an unknown field', bytesField(5, key), 'INVALID_ARGUMENT: the op has an unknown field'],
  ['an op that is a number', numberField(1, 0), 'INVALID_ARGUMENT: the op has an unknown field'],
  ['two kinds', [...goodSet, ...goodDelete], 'INVALID_ARGUMENT: the op has more than one field'],
  ['one kind twice', [...goodSet, ...goodSet], 'INVALID_ARGUMENT: the op has more than one field'],
  ['trailing bytes', [...goodSet, 0], 'INVALID_ARGUMENT: the op has more than one field'],
  ['a length beyond the op', [0x0a, 9, ...key], 'INVALID_ARGUMENT: the op is cut off'],
  ['a tag alone', [0x0a], 'INVALID_ARGUMENT: the op is cut off'],
  ['a padded tag', [0x8a, 0, ...key], 'INVALID_ARGUMENT: the op'],
  ['a set without fields', set(), 'INVALID_ARGUMENT: the key is empty'],
  ['a set without a key', set(value), 'INVALID_ARGUMENT: the key is empty'],
  ['an empty key', set(textField(1, ''), value), 'INVALID_ARGUMENT: the key is empty'],
  ['a repeated key', set(key, key), 'INVALID_ARGUMENT: the op has a repeated field'],
  ['a repeated value', set(key, value, value), 'INVALID_ARGUMENT: the op has a repeated field'],
  [
    'a repeated ttl_ms',
    set(key, numberField(3, 5), numberField(3, 5)),
    'INVALID_ARGUMENT: the op has a repeated field',
  ],
  [
    'a repeated keep_ttl',
    set(key, numberField(4, 1), numberField(4, 1)),
    'INVALID_ARGUMENT: the op has a repeated field',
  ],
  [
    'an unknown field in a set',
    set(key, numberField(5, 1)),
    'INVALID_ARGUMENT: the op has an unknown field',
  ],
  [
    'a key of another wire type',
    set(numberField(1, 7), value),
    'INVALID_ARGUMENT: the op has an unknown field',
  ],
  ['a key cut off', set([0x0a, 4, 97]), 'INVALID_ARGUMENT: the key is cut off'],
  ['a key length cut off', set([0x0a, 0x83]), 'INVALID_ARGUMENT: the key is cut off'],
  [
    'a key length of six bytes',
    set([0x0a, ...paddedVarint(1, 6), 97]),
    'INVALID_ARGUMENT: the key is cut off',
  ],
  [
    'a key of 1,025 bytes',
    set(textField(1, 'k'.repeat(1025))),
    'TOO_LARGE: the key has 1025 bytes, more than 1024',
  ],
  ['a key of stray bytes', set(bytesField(1, [0x80])), 'INVALID_ARGUMENT: the key is not UTF-8'],
  [
    'a key with a surrogate',
    set(bytesField(1, [0xed, 0xa0, 0x80])),
    'INVALID_ARGUMENT: the key is not UTF-8',
  ],
  [
    'a key in overlong form',
    set(bytesField(1, [0xc0, 0x80])),
    'INVALID_ARGUMENT: the key is not UTF-8',
  ],
  ['a value cut off', set(key, [0x12, 9, 1]), 'INVALID_ARGUMENT: the value is cut off'],
  [
    'a value of 1,025 bytes',
    set(key, bytesField(2, new Uint8Array(1025))),
    'TOO_LARGE: the value has 1025 bytes, more than 1024',
  ],
  [
    'an op of more than 5,120 bytes',
    set(key, bytesField(2, new Uint8Array(5200))),
    'TOO_LARGE: the op has 5211 bytes, more than 5120',
  ],
  ['ttl_ms 0', set(key, numberField(3, 0)), 'INVALID_ARGUMENT: ttl_ms is no integer from 1'],
  [
    'ttl_ms 2^53',
    set(key, numberField(3, 2n ** 53n)),
    'INVALID_ARGUMENT: ttl_ms is no integer from 1 to 9007199254740991',
  ],
  [
    'ttl_ms 2^64 - 1',
    set(key, numberField(3, 2n ** 64n - 1n)),
    'INVALID_ARGUMENT: ttl_ms is no integer from 1',
  ],
  [
    'a varint of eleven bytes',
    set(key, [0x18, ...paddedVarint(5, 11)]),
    'INVALID_ARGUMENT: ttl_ms is no integer from 1',
  ],
  ['ttl_ms cut off', set(key, [0x18, 0x80]), 'INVALID_ARGUMENT: ttl_ms is no integer from 1'],
  ['keep_ttl 2', set(key, numberField(4, 2)), 'INVALID_ARGUMENT: keep_ttl is neither 0 nor 1'],
  ['keep_ttl cut off', set(key, [0x20]), 'INVALID_ARGUMENT: keep_ttl is neither 0 nor 1'],
  [
    'ttl_ms together with keep_ttl',
    set(key, numberField(3, 5), numberField(4, 1)),
    'INVALID_ARGUMENT: ttl_ms and keep_ttl exclude each other',
  ],
  ['a delete without a key', bytesField(2, []), 'INVALID_ARGUMENT: the key is empty'],
  [
    'a delete with a value',
    bytesField(2, [...key, ...value]),
    'INVALID_ARGUMENT: the op has a repeated or unknown field',
  ],
  [
    'a delete that begins with a value',
    bytesField(2, value),
    'INVALID_ARGUMENT: the op has an unknown field',
  ],
];

describe('a verdict for one op (R12)', () => {
  it.each(refusedOps)('%s', (_, op, expected) => {
    const bytes = writeBatchOf(goodSet, op, goodDelete);
    expect(decode(bytes, 'write')).toContain(`1 ${expected}`);
    const decoded = decodeOps(bytes, { kind: 'write', limits });
    if (decoded.kind !== 'ops') throw new Error('the batch was refused');
    expect(decoded.ops.map((one) => one?.kind)).toEqual(['set', undefined, 'delete']);
    const applied = decodeOpsForApply(bytes, 3, decoded.verdicts);
    expect(applied).toEqual(decoded.ops);
  });

  it.each(
    refusedOps.filter(
      ([, , why]) =>
        !why.startsWith('TOO_LARGE: the value') && !why.startsWith('TOO_LARGE: the op'),
    ),
  )('is what apply insists on: %s', (_, op) => {
    expect(() => decodeOpsForApply(writeBatchOf(goodSet, op, goodDelete), 3, [])).toThrow(
      CodecError,
    );
  });
});

describe('accepted though unusual', () => {
  it.each([
    ['fields in another order', set(value, key)],
    ['an explicit empty value', set(key, textField(2, ''))],
    ['an explicit keep_ttl 0', set(key, numberField(4, 0))],
    ['keep_ttl 0 beside ttl_ms', set(key, numberField(3, 5), numberField(4, 0))],
    ['padded lengths and numbers', set([0x0a, 0x81, 0x00, 97], [0x18, ...paddedVarint(5, 10)])],
    ['the largest ttl_ms', set(key, numberField(3, 2n ** 53n - 1n))],
  ])('%s', (_, op) => {
    expect(decode(writeBatchOf(op), 'write')).toBe('');
  });
});

describe('the whole batch is refused (R12)', () => {
  const goodGet = bytesField(3, key);
  it.each<readonly [string, Uint8Array, OpsKind, string]>([
    ['no bytes', bytesOf(), 'write', 'INVALID_ARGUMENT: the batch has no tag'],
    ['no bytes to read', bytesOf(), 'read', 'INVALID_ARGUMENT: the batch has no ops'],
    ['seven bytes', bytesOf([1, 2, 3, 4, 5, 6, 7]), 'write', 'the batch has no tag'],
    ['a tag alone', bytesOf([...tag]), 'write', 'INVALID_ARGUMENT: the batch has no ops'],
    [
      'the tag left out',
      writeBatchOf(goodSet).subarray(0, -8),
      'write',
      'INVALID_ARGUMENT: op 0 is cut off',
    ],
    [
      'an op beyond the end',
      bytesOf(varint(40), goodSet, [...tag]),
      'write',
      'INVALID_ARGUMENT: op 0 is cut off',
    ],
    [
      'a length of six bytes',
      bytesOf(paddedVarint(goodSet.length, 6), goodSet, [...tag]),
      'write',
      'INVALID_ARGUMENT: op 0 is cut off',
    ],
    [
      'a get among writes',
      writeBatchOf(goodSet, goodGet),
      'write',
      'INVALID_ARGUMENT: op 1 is no write',
    ],
    [
      'a has among writes',
      writeBatchOf(bytesField(4, key)),
      'write',
      'INVALID_ARGUMENT: op 0 is no write',
    ],
    [
      'a set among reads',
      readBatchOf(goodGet, goodSet),
      'read',
      'INVALID_ARGUMENT: op 1 is no read',
    ],
    ['a delete among reads', readBatchOf(goodDelete), 'read', 'op 0 is no read'],
    [
      '1,025 ops',
      readBatchOf(...Array.from({ length: 1025 }, () => goodGet)),
      'read',
      'TOO_LARGE: the batch has more than 1024 ops',
    ],
    [
      'more bytes than a batch may have',
      new Uint8Array(limits.batchBytesMax + 1),
      'write',
      `TOO_LARGE: the batch has ${limits.batchBytesMax + 1} bytes`,
    ],
  ])('for %s', (_, bytes, kind, expected) => {
    expect(decode(bytes, kind)).toContain(expected);
    expect(decodeOps(bytes, { kind, limits }).kind).toBe('refused');
  });

  it('but not at 1,024 ops', () => {
    const ops = Array.from({ length: 1024 }, () => goodGet);
    expect(decode(readBatchOf(...ops), 'read')).toBe('');
  });
});

describe('decodeOpsForApply throws', () => {
  const batch = writeBatchOf(goodSet, goodDelete);
  const verdict = (index: number): { index: number; code: Code } => ({
    index,
    code: Code.INVALID_ARGUMENT,
  });
  it.each<readonly [string, Uint8Array, number, readonly number[]]>([
    ['fewer ops than told', batch, 3, []],
    ['more ops than told', batch, 1, []],
    ['no tag', batch.subarray(0, 4), 2, []],
    ['a verdict beyond the ops', batch, 2, [2]],
    ['verdicts out of order', batch, 2, [1, 0]],
    ['an op beyond the end', bytesOf(varint(40), goodSet, [...tag]), 1, []],
    ['a read', writeBatchOf(bytesField(3, key)), 1, []],
  ])('on %s', (_, bytes, opCount, verdicts) => {
    expect(() => decodeOpsForApply(bytes, opCount, verdicts.map(verdict))).toThrow(CodecError);
  });

  it('but skips an op with a verdict whatever it holds, even a read', () => {
    const ops = decodeOpsForApply(writeBatchOf([255, 255], bytesField(3, key), goodDelete), 3, [
      verdict(0),
      verdict(1),
    ]);
    expect(ops.map((op) => op?.kind)).toEqual([undefined, undefined, 'delete']);
  });

  it('and does not ask for the value limit, which may have changed since', () => {
    const op = set(key, bytesField(2, new Uint8Array(2000)));
    expect(decodeOpsForApply(writeBatchOf(op), 1, [])[0]?.value).toHaveLength(2000);
  });
});
