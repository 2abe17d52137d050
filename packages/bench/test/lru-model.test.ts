import { describe, expect, it } from '@jest/globals';
import { LruModel } from '../src/lru-model.js';

function run(capacity: number, keys: string): LruModel {
  const model = new LruModel(capacity);
  for (const key of keys) model.request(key);
  return model;
}

describe('the exact-LRU model', () => {
  it('hits what it was asked for before', () => {
    expect(run(2, 'abab')).toMatchObject({ requests: 4, hits: 2, evictions: 0 });
  });

  it('evicts the least recently used key, a hit being a use', () => {
    // c evicts b, since a was used after it; then a hits and b evicts c.
    expect(run(2, 'abacab')).toMatchObject({ requests: 6, hits: 2, evictions: 2 });
  });

  it('never hits when each key is evicted just before it comes again', () => {
    expect(run(2, 'abcabcabc')).toMatchObject({ hits: 0, evictions: 7 });
  });

  it('evicts nothing without a limit', () => {
    expect(run(0, 'abcabc')).toMatchObject({ hits: 3, evictions: 0 });
  });
});
