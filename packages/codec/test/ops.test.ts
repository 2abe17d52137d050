// Op bytes of the SDK's encoder against generated code, both ways.
import {
  CodecError,
  decodeOps,
  decodeOpsForApply,
  deriveLimits,
  encodedOpBytes,
  type Op,
  OpsEncoder,
  opFor,
  VALUE_BYTES_MAX_DEFAULT,
} from '@cashe/codec';
import { Op as GeneratedOp } from '@cashe/proto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { damage, readOp, writeOp } from './support/arbitraries.js';
import { generatedOp, generatedOpBytes } from './support/generated.js';
import { holds } from './support/holds.js';
import { framesOf, hex, readBatchOf, tag, writeBatchOf } from './support/raw.js';

const limits = deriveLimits(VALUE_BYTES_MAX_DEFAULT);

function encode(ops: readonly Op[], withTag: Uint8Array | undefined): Uint8Array {
  const encoder = new OpsEncoder();
  for (const op of ops) encoder.add(op);
  return encoder.finish(withTag);
}

describe('op bytes', () => {
  it('are those of generated code, for writes', () => {
    holds(
      fc.property(fc.array(writeOp, { minLength: 1, maxLength: 8 }), (ops) => {
        const expected = writeBatchOf(...ops.map((op) => Array.from(generatedOpBytes(op))));
        expect(hex(encode(ops, tag))).toBe(hex(expected));
        expect(decodeOps(expected, { kind: 'write', limits })).toEqual({
          kind: 'ops',
          ops,
          verdicts: [],
        });
        expect(decodeOpsForApply(expected, ops.length, [])).toEqual(ops);
      }),
    );
  });

  it('are those of generated code, for reads', () => {
    holds(
      fc.property(fc.array(readOp, { minLength: 1, maxLength: 8 }), (ops) => {
        const expected = readBatchOf(...ops.map((op) => Array.from(generatedOpBytes(op))));
        expect(hex(encode(ops, undefined))).toBe(hex(expected));
        expect(decodeOps(expected, { kind: 'read', limits })).toEqual({
          kind: 'ops',
          ops,
          verdicts: [],
        });
      }),
    );
  });

  it('have the size that encodedOpBytes tells', () => {
    holds(
      fc.property(fc.oneof(writeOp, readOp), (op) => {
        expect(encode([op], undefined)).toHaveLength(encodedOpBytes(op));
      }),
    );
  });

  it('decode from a plain Uint8Array as from a Buffer, wherever it lies', () => {
    const ops = [opFor.set('ключ', Uint8Array.of(1, 2, 3), 5), opFor.delete('k')];
    const bytes = encode(ops, tag);
    const shifted = new Uint8Array(bytes.length + 7).subarray(7);
    shifted.set(bytes);
    for (const source of [shifted, Buffer.from(bytes), new Uint8Array(bytes)]) {
      expect(decodeOps(source, { kind: 'write', limits })).toMatchObject({ ops });
    }
  });

  it('give values as views', () => {
    const bytes = encode([opFor.set('k', Uint8Array.of(1, 2, 3))], tag);
    const [op] = decodeOpsForApply(bytes, 1, []);
    expect(op?.value.buffer).toBe(bytes.buffer);
  });
});

describe('what a damaged batch still yields', () => {
  // Whatever the strict decoder accepts means the same to every decoder, and to apply.
  it('is what generated code and apply read there', () => {
    const ops = fc.array(writeOp, { minLength: 1, maxLength: 4 });
    holds(
      fc.property(ops, damage, (good, change) => {
        const bytes = change(encode(good, tag));
        const decoded = decodeOps(bytes, { kind: 'write', limits });
        if (decoded.kind === 'refused') return;
        const frames = framesOf(bytes, bytes.length - tag.length);
        expect(frames).toHaveLength(decoded.ops.length);
        decoded.ops.forEach((op, index) => {
          const isRefused = decoded.verdicts.some((verdict) => verdict.index === index);
          expect(op === undefined).toBe(isRefused);
          if (op === undefined) return;
          expect(GeneratedOp.decode(frames[index]!)).toEqual(generatedOp(op));
        });
        const { verdicts } = decoded;
        expect(decodeOpsForApply(bytes, decoded.ops.length, verdicts)).toEqual(decoded.ops);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('OpsEncoder', () => {
  it('counts ops and bytes, and starts again after reset', () => {
    const encoder = new OpsEncoder();
    const op = opFor.set('key', new Uint8Array(300_000));
    expect(encoder.add(op)).toBe(true);
    expect(encoder.add(opFor.delete('é'))).toBe(true);
    expect(encoder.count).toBe(2);
    expect(encoder.byteLength).toBe(encodedOpBytes(op) + encodedOpBytes(opFor.delete('é')));
    encoder.reset();
    expect([encoder.count, encoder.byteLength]).toEqual([0, 0]);
    encoder.add(opFor.get('a'));
    expect(hex(encoder.finish(undefined))).toBe(hex(encode([opFor.get('a')], undefined)));
  });

  it('hands out bytes that its next batch leaves alone', () => {
    const encoder = new OpsEncoder();
    encoder.add(opFor.get('a'));
    const first = encoder.finish(undefined);
    const copy = Array.from(first);
    encoder.reset();
    encoder.add(opFor.get('zzzzzz'));
    encoder.finish(undefined);
    expect(hex(first)).toBe(hex(copy));
  });

  it('adds nothing that would not fit with the tag', () => {
    const op = opFor.set('key', new Uint8Array(10));
    const encoder = new OpsEncoder(2 * encodedOpBytes(op) + tag.length);
    expect([encoder.add(op), encoder.add(op), encoder.add(opFor.delete('k'))]).toEqual([
      true,
      true,
      false,
    ]);
    expect(encoder.count).toBe(2);
    expect(encoder.finish(tag)).toHaveLength(2 * encodedOpBytes(op) + tag.length);
  });

  it('does not fit a key of many bytes by its number of characters', () => {
    const op = opFor.get('é'.repeat(20));
    const encoder = new OpsEncoder(encodedOpBytes(op) + tag.length - 1);
    expect(encoder.add(op)).toBe(false);
    expect([encoder.count, encoder.byteLength]).toEqual([0, 0]);
  });

  it('refuses a lone surrogate and a tag that has not eight bytes', () => {
    const encoder = new OpsEncoder();
    expect(() => encoder.add(opFor.get('a\ud800'))).toThrow(CodecError);
    expect([encoder.count, encoder.byteLength]).toEqual([0, 0]);
    encoder.add(opFor.delete('k'));
    expect(() => encoder.finish(new Uint8Array(7))).toThrow(CodecError);
  });
});
