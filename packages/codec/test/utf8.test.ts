// The pure UTF-8 code against Node's own: lengths and bytes of any string, validity of any bytes.
import { isUtf8 as nodeIsUtf8 } from 'node:buffer';
import { createReader, createWriter, isUtf8, keyBytesOf, validateKey } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { holds } from './support/holds.js';
import { bytesField, bytesOf, hex, paddedVarint } from './support/raw.js';

/** Strings of any UTF-16 units, lone surrogates included. */
const units = fc
  .array(fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd7f0, max: 0xe010 }), fc.nat(127)), {
    maxLength: 30,
  })
  .map((codes) => String.fromCharCode(...codes));

describe('strings', () => {
  it('have the length that Buffer finds', () => {
    holds(fc.property(units, (text) => keyBytesOf(text) === Buffer.byteLength(text)));
  });

  it('are written as Buffer writes them, lone surrogates as U+FFFD', () => {
    holds(
      fc.property(units, (text) => {
        const writer = createWriter(0);
        writer.stringAlways(1, text);
        const expected = bytesField(1, Buffer.from(text));
        expect(hex(writer.finish())).toBe(hex(expected));
      }),
    );
  });

  it('are read from Buffers and from plain Uint8Arrays alike', () => {
    holds(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const bytes = bytesOf(bytesField(1, Buffer.from(text)));
        for (const source of [bytes, Buffer.from(bytes)]) {
          const reader = createReader(source);
          expect([reader.next(), reader.string(), reader.next()]).toEqual([10, text, 0]);
        }
      }),
    );
  });

  it('are read behind a padded length of up to five bytes', () => {
    for (const size of [2, 3, 4, 5]) {
      const reader = createReader(Buffer.from([...paddedVarint(3, size), 97, 98, 99]));
      expect(reader.string()).toBe('abc');
    }
  });
});

describe('isUtf8', () => {
  it('agrees with Node on every two bytes and every border of longer sequences', () => {
    const border = [0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xed, 0xf5];
    const check = (...bytes: number[]): void => {
      const data = Uint8Array.from(bytes);
      if (isUtf8(data, 0, data.length) !== nodeIsUtf8(data)) {
        throw new Error(`disagrees on ${bytes.join(' ')}`);
      }
    };
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) check(first, second);
      for (const second of border) {
        for (const third of border) {
          check(first, second, third);
          for (const fourth of border) check(first, second, third, fourth);
        }
      }
    }
  });

  it('agrees with Node on any bytes, and looks at nothing outside start and end', () => {
    holds(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.nat(20), fc.nat(20), (bytes, a, b) => {
        const start = Math.min(a, b, bytes.length);
        const end = Math.min(Math.max(a, b), bytes.length);
        expect(isUtf8(bytes, start, end)).toBe(nodeIsUtf8(bytes.slice(start, end)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('validateKey (R20)', () => {
  it.each([
    ['an empty key', '', 'INVALID_ARGUMENT', 'the key is empty'],
    ['1,025 bytes', 'k'.repeat(1025), 'TOO_LARGE', 'the key has 1025 bytes, more than 1024'],
    ['513 two-byte characters', 'é'.repeat(513), 'TOO_LARGE', 'the key has 1026 bytes'],
    ['a high surrogate alone', 'a\ud800', 'INVALID_ARGUMENT', 'the key has a lone surrogate'],
    ['a low surrogate alone', '\udc00a', 'INVALID_ARGUMENT', 'the key has a lone surrogate'],
    ['surrogates the wrong way', '\udc00\ud800', 'INVALID_ARGUMENT', 'lone surrogate'],
  ] as const)('refuses %s', (_, key, name, message) => {
    const refusal = validateKey(key);
    expect(refusal?.code).toBe({ INVALID_ARGUMENT: 3, TOO_LARGE: 4 }[name]);
    expect(refusal?.message).toContain(message);
  });

  it.each(['k', 'k'.repeat(1024), 'é'.repeat(512), '𝒳'.repeat(256), '\u0000', '{}'])(
    'accepts a good key (%#)',
    (key) => {
      expect(validateKey(key)).toBeUndefined();
    },
  );

  it('refuses exactly what has a lone surrogate', () => {
    holds(
      fc.property(units, (text) => {
        fc.pre(text !== '');
        expect(validateKey(text) === undefined).toBe(Buffer.from(text).toString() === text);
      }),
    );
  });
});
