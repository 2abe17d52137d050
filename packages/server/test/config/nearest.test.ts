import { describe, expect, it } from '@jest/globals';
import { nearest } from '../../src/config/nearest.js';

describe('the nearest candidate', () => {
  it.each([
    ['capcity', ['capacity', 'eviction'], 'capacity'],
    ['Capacity', ['capacity'], 'capacity'],
    ['ge', ['get', 'set'], 'get'],
    ['statsu', ['status', 'set'], 'status'],
    ['', ['a'], 'a'],
  ])('of %j is found', (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected);
  });

  it('is nothing when all are far', () => {
    expect(nearest('xyz', ['capacity', 'eviction'])).toBeUndefined();
    expect(nearest('capacity', [])).toBeUndefined();
  });

  it('is not looked for when the word is absurdly long', () => {
    expect(nearest('a'.repeat(100_000), ['a'.repeat(99_999)])).toBeUndefined();
  });
});
