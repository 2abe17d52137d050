import {
  assertLimits,
  BATCH_OPS_MAX,
  Code,
  CodecError,
  deriveLimits,
  encodedOpBytes,
  encodeEntry,
  entryBytesMax,
  FORMAT_VERSION,
  INTEGER_MAX,
  KEY_BYTES_MAX,
  opFor,
  PRINCIPAL_BYTES_MAX,
  TAG_BYTES,
  VALUE_BYTES_MAX_DEFAULT,
  VALUE_BYTES_MAX_LIMIT,
  VALUE_BYTES_MAX_MIN,
} from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('the limits table (R20)', () => {
  it('has the stated sizes for the default value limit', () => {
    expect(deriveLimits(VALUE_BYTES_MAX_DEFAULT)).toEqual({
      valueBytesMax: MIB,
      keyBytesMax: 1024,
      opBytesMax: MIB + 4 * KIB,
      batchBytesMax: MIB + 8 * KIB,
      batchOpsMax: 1024,
      entryBytesMax: 4 * MIB,
      blockBytesMax: 4 * MIB + 64 * KIB,
      messageBytesMax: 4 * MIB + 128 * KIB,
    });
  });

  it.each([VALUE_BYTES_MAX_MIN, 65_536, VALUE_BYTES_MAX_DEFAULT, VALUE_BYTES_MAX_LIMIT])(
    'passes its own check for values of %d bytes',
    (valueBytesMax) => {
      expect(() => assertLimits(deriveLimits(valueBytesMax))).not.toThrow();
    },
  );

  it.each([0, 1023, 1024.5, Number.NaN, VALUE_BYTES_MAX_LIMIT + 1])(
    'refuses a value limit of %d',
    (valueBytesMax) => {
      expect(() => assertLimits(deriveLimits(valueBytesMax))).toThrow(CodecError);
    },
  );

  it.each([
    ['keyBytesMax', 2048],
    ['opBytesMax', MIB + KIB],
    ['batchBytesMax', MIB + 4 * KIB + TAG_BYTES],
    ['batchOpsMax', BATCH_OPS_MAX + 1],
    ['entryBytesMax', MIB + 8 * KIB],
    ['blockBytesMax', 4 * MIB],
    ['messageBytesMax', 4 * MIB + 64 * KIB],
  ])('refuses a table whose %s is %d', (name, value) => {
    const limits = { ...deriveLimits(VALUE_BYTES_MAX_DEFAULT), [name]: value };
    expect(() => assertLimits(limits)).toThrow(CodecError);
  });

  it('leaves room in an op for the longest key, the largest value and a TTL', () => {
    const { valueBytesMax, opBytesMax } = deriveLimits(VALUE_BYTES_MAX_LIMIT);
    const key = 'k'.repeat(KEY_BYTES_MAX);
    const op = opFor.set(key, new Uint8Array(valueBytesMax), INTEGER_MAX);
    expect(encodedOpBytes(op)).toBeLessThan(opBytesMax);
  });

  it('leaves room in an entry for the largest batch with a verdict for every op', () => {
    const { batchBytesMax, entryBytesMax: max } = deriveLimits(VALUE_BYTES_MAX_LIMIT);
    const payload = {
      header: {
        formatVersion: FORMAT_VERSION,
        clusterTimeMs: INTEGER_MAX,
        restartLeases: true,
        envelopes: [
          {
            session: INTEGER_MAX,
            sequence: INTEGER_MAX,
            firstOutstanding: INTEGER_MAX,
            crc: 0xffffffff,
            principal: 'p'.repeat(PRINCIPAL_BYTES_MAX),
            opCount: BATCH_OPS_MAX,
            verdicts: Array.from({ length: BATCH_OPS_MAX }, (_, index) => ({
              index,
              code: Code.CLUSTER_MISMATCH,
            })),
          },
        ],
        recencyHints: [],
        digest: { index: INTEGER_MAX, high: 0xffffffff, low: 0xffffffff },
        command: undefined,
      },
      batches: [new Uint8Array(batchBytesMax)],
    };
    expect(encodeEntry(payload).length).toBeLessThanOrEqual(entryBytesMax(payload));
    expect(entryBytesMax(payload)).toBeLessThanOrEqual(max);
  });
});
