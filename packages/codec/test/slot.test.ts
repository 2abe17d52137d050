// The hash, the tag rule and these vectors are public protocol (R24): a change breaks every client.
import { groupOfKey, groupOfSlot, hashTag, murmur3, SLOT_COUNT, slotOfKey } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { holds } from './support/holds.js';

describe('murmur3', () => {
  // Vectors published with the reference implementation's ports.
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['ffffffff', 0, 0x76293b50],
    ['21436587', 0, 0xf55b516b],
    ['21436587', 0x5082edee, 0x2362f9de],
    ['214365', 0, 0x7e4a8634],
    ['2143', 0, 0xa0f7b07a],
    ['21', 0, 0x72661cf4],
    ['00000000', 0, 0x2362f9de],
    ['000000', 0, 0x85f0b427],
    ['0000', 0, 0x30f4c306],
    ['00', 0, 0x514e28b7],
  ])('of %s with seed %d', (hex, seed, hash) => {
    expect(murmur3(Buffer.from(hex, 'hex'), seed)).toBe(hash);
  });

  it.each([
    ['test', 0, 0xba6bd213],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0, 0xc0363e43],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
  ])('of "%s" with seed %d', (text, seed, hash) => {
    expect(murmur3(Buffer.from(text), seed)).toBe(hash);
  });
});

describe('hashTag', () => {
  it.each([
    ['foo', 'foo'],
    ['{user1000}.following', 'user1000'],
    ['foo{}{bar}', 'foo{}{bar}'],
    ['foo{{bar}}zap', '{bar'],
    ['foo{bar}{zap}', 'bar'],
    ['foo}bar{zap}', 'zap'],
    ['foo{bar', 'foo{bar'],
    ['{', '{'],
    ['}{', '}{'],
  ])('of %s is %s', (key, tag) => {
    expect(hashTag(key)).toBe(tag);
  });
});

describe('slotOfKey (R24)', () => {
  it.each([
    ['a', 434],
    ['user:1', 63],
    ['user:session:0000012345', 478],
    ['{user1000}.following', 915],
    ['{user1000}.followers', 915],
    ['ключ', 66],
    ['键', 178],
    ['🔑', 773],
  ])('of %s is %d', (key, slot) => {
    expect(slotOfKey(key)).toBe(slot);
  });

  it('is the hash of the UTF-8 of the tag, whatever the key', () => {
    const latin1 = fc.array(fc.nat(0xff)).map((codes) => String.fromCharCode(...codes));
    const key = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme-ascii' }),
      latin1,
    );
    holds(
      fc.property(key, (text) => {
        expect(slotOfKey(text)).toBe(murmur3(Buffer.from(hashTag(text)), 0) % SLOT_COUNT);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('groups', () => {
  it.each([1, 2, 3, 7, 64, 1024])('%d share the slots evenly and in order', (groupCount) => {
    const groups = Array.from({ length: SLOT_COUNT }, (_, slot) => groupOfSlot(slot, groupCount));
    const sizes = Array.from(
      { length: groupCount },
      (_, group) => groups.filter((found) => found === group).length,
    );
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    expect(groups).toEqual([...groups].sort((a, b) => a - b));
    expect(groups.at(-1)).toBe(groupCount - 1);
  });

  it('take keys by their slot', () => {
    expect(groupOfKey('a', 1)).toBe(0);
    expect(groupOfKey('a', 3)).toBe(groupOfSlot(slotOfKey('a'), 3));
    expect(groupOfKey('{t}1', 1024)).toBe(groupOfKey('{t}2', 1024));
  });
});
