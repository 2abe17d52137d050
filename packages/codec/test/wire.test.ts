import { CodecError, createReader, createWriter, INTEGER_MAX, seenOnce } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { uint64 } from './support/arbitraries.js';
import { holds } from './support/holds.js';
import { bytesField, hex, numberField, varint } from './support/raw.js';

describe('the writer', () => {
  it('writes every number as the shortest varint and the reader gets it back', () => {
    holds(
      fc.property(uint64, (value) => {
        const writer = createWriter();
        writer.uintAlways(3, value);
        const bytes = writer.finish();
        expect(hex(bytes)).toBe(hex(numberField(3, value)));
        const reader = createReader(bytes);
        expect([reader.next(), reader.uint(), reader.next()]).toEqual([24, value, 0]);
      }),
    );
  });

  it('leaves out what has its default', () => {
    const writer = createWriter();
    writer.uint(1, 0);
    writer.bool(2, false);
    writer.fixed32(3, 0);
    writer.string(4, '');
    writer.bytes(5, new Uint8Array(0));
    writer.packed(6, []);
    expect(writer.length).toBe(0);
    expect(writer.finish()).toHaveLength(0);
  });

  it('writes messages of any length after any hint', () => {
    const lengths = [0, 1, 127, 128, 129, 300, 16_383, 16_384, 20_000];
    for (const hint of lengths) {
      for (const length of lengths) {
        const writer = createWriter(0);
        writer.begin(7, hint);
        writer.begin(1, hint);
        writer.bytesAlways(1, new Uint8Array(length).fill(9));
        writer.end();
        writer.end();
        writer.uint(2, 5);
        const inner = bytesField(1, bytesField(1, new Uint8Array(length).fill(9)));
        const expected = [...bytesField(7, inner), ...numberField(2, 5)];
        expect(Buffer.compare(writer.finish(), Uint8Array.from(expected))).toBe(0);
      }
    }
  });

  it('takes field numbers above 15', () => {
    const writer = createWriter();
    writer.uint(16, 1);
    writer.uint(2000, 1);
    expect(hex(writer.finish())).toBe(hex([...numberField(16, 1), ...numberField(2000, 1)]));
  });

  it.each([-1, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (value) => {
    expect(() => createWriter().uint(1, value)).toThrow(CodecError);
  });

  it('refuses unbalanced messages', () => {
    expect(() => createWriter().end()).toThrow(CodecError);
    const writer = createWriter();
    writer.begin(1);
    expect(() => writer.finish()).toThrow(CodecError);
  });
});

describe('the reader', () => {
  it('reads fixed32 unsigned', () => {
    for (const value of [1, 0x80000000, 0xffffffff, 0x12345678]) {
      const writer = createWriter();
      writer.fixed32(2, value);
      const reader = createReader(writer.finish());
      expect([reader.next(), reader.fixed32()]).toEqual([21, value]);
    }
  });

  it('reads packed numbers', () => {
    const values = [0, 1, 300, INTEGER_MAX];
    const writer = createWriter();
    writer.packed(1, values);
    const reader = createReader(writer.finish());
    const found: number[] = [];
    expect(reader.next()).toBe(10);
    reader.packed(found);
    expect(found).toEqual(values);
  });

  it('does not leave a message before its end, nor read beyond it', () => {
    const reader = createReader(Uint8Array.from([2, 8, 1, 8, 1]));
    const outer = reader.enter();
    expect(() => reader.leave(outer)).toThrow(CodecError);
    expect([reader.next(), reader.uint(), reader.next()]).toEqual([8, 1, 0]);
    reader.leave(outer);
    expect([reader.next(), reader.uint(), reader.next()]).toEqual([8, 1, 0]);
  });

  it.each([
    ['uint32', [...varint(2 ** 32)]],
    ['uint', [...varint(2n ** 53n)]],
    ['uint', [0x80]],
    ['uint', []],
    ['fixed32', [1, 2, 3]],
    ['view', [2, 1]],
    ['string', [1, 0xff]],
    ['next', [0x07]],
  ] as const)('%s refuses %j', (method, bytes) => {
    expect(() => createReader(Uint8Array.from(bytes))[method]()).toThrow(CodecError);
  });
});

describe('seenOnce', () => {
  it('refuses the second field of a number', () => {
    const seen = seenOnce(seenOnce(0, 0x08), 0x12);
    expect(() => seenOnce(seen, 0x0a)).toThrow(CodecError);
    expect(seenOnce(seen, 0x1a)).not.toBe(seen);
  });
});
