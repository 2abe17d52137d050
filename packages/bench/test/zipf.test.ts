import { describe, expect, it } from '@jest/globals';
import { zipfKeys } from '../src/zipf.js';
import { first } from './support/keys.js';

const options = { seed: 7, keys: 1_000, exponent: 1 };

describe('zipf keys', () => {
  it('are the same for the same seed, and others for another one', () => {
    const keys = first(2_000, zipfKeys(options));
    expect(first(2_000, zipfKeys(options))).toEqual(keys);
    expect(first(2_000, zipfKeys({ ...options, seed: 8 }))).not.toEqual(keys);
    // Recorded once: traces that tests and figures refer to must not change under them.
    expect(keys.slice(0, 6)).toEqual(['key-0', 'key-0', 'key-841', 'key-104', 'key-27', 'key-11']);
  });

  it('come as often as their rank says', () => {
    const count = 200_000;
    const counts = new Map<string, number>();
    for (const key of first(count, zipfKeys(options))) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const weights = Array.from({ length: options.keys }, (_, rank) => 1 / (rank + 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const rank of [0, 1, 2, 9, 99]) {
      const expected = (count * (weights[rank] ?? 0)) / total;
      const deviation = Math.abs((counts.get(`key-${rank}`) ?? 0) - expected);
      expect(deviation).toBeLessThan(5 * Math.sqrt(expected));
    }
    expect(counts.size).toBeLessThanOrEqual(options.keys);
  });
});
