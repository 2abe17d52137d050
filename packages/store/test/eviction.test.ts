/** R18: capacity and recency. */
import { Code, opFor, RECENCY_HINTS_MAX } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { checkInvariants, EXPIRE_PER_ENTRY_MAX, RecencyHints, recordBytes } from '../src/index.js';
import { Driver, setOp } from './support/driver.js';
import { holds } from './support/holds.js';

describe('lru (R18)', () => {
  it('evicts the coldest key after each op that goes over the limit of entries', () => {
    const driver = new Driver({ entriesMax: 2 });
    const answer = driver.write([setOp('a', '1'), setOp('b', '1'), setOp('c', '1')]);
    expect(answer).toEqual({ code: Code.OK, firstRevision: 1, exceptions: [] });
    expect([driver.get('a'), driver.get('b'), driver.get('c')]).toEqual([undefined, '1', '1']);
    expect(driver.machine.stats()).toMatchObject({ evictions: 1, entries: 2, revision: 3 });
  });

  it('evicts as many keys as the bytes of one op need', () => {
    const one = recordBytes(1, 1);
    const driver = new Driver({ bytesMax: 3 * one });
    for (const key of ['a', 'b', 'c']) driver.set(key, '1');
    driver.set('d', 'x'.repeat(1 + one));
    expect([driver.get('a'), driver.get('b'), driver.get('c')]).toEqual([
      undefined,
      undefined,
      '1',
    ]);
    expect(driver.machine.stats().bytes).toBe(3 * one);
  });

  it('never evicts what the op wrote', () => {
    const driver = new Driver({ entriesMax: 1 });
    for (const key of ['a', 'b', 'b', 'a']) {
      driver.set(key, key);
      expect(driver.get(key)).toBe(key);
    }
  });

  it('takes keys that are due before the coldest', () => {
    const due = 2 * EXPIRE_PER_ENTRY_MAX;
    const bytesMax = recordBytes(4, 1) + due * recordBytes(5, 1);
    const driver = new Driver({ bytesMax });
    driver.set('cold', '1');
    for (let at = 0; at < due; at += 1000) {
      driver.write(Array.from({ length: 1000 }, (_, k) => setOp(`k${1000 + at + k}`, 'v', 10)));
    }
    driver.clusterTimeMs = 10;
    // One portion goes first; this needs the room of ten more records.
    driver.set('large', 'x'.repeat((EXPIRE_PER_ENTRY_MAX + 10) * recordBytes(5, 1)));
    expect(driver.get('cold')).toBe('1');
    expect(driver.machine.stats()).toMatchObject({
      evictions: 0,
      expiries: EXPIRE_PER_ENTRY_MAX + 11,
    });
    checkInvariants(driver.machine);
  });

  it('refuses a record that could never fit, without any effect', () => {
    const driver = new Driver({ bytesMax: recordBytes(1, 10) });
    driver.set('a', 'old');
    const before = driver.machine.stats();
    const { exceptions } = driver.set('a', 'x'.repeat(11));
    expect(exceptions).toMatchObject([{ index: 0, code: Code.RESOURCE_EXHAUSTED }]);
    expect(driver.machine.stats()).toEqual({ ...before, sessionBytes: expect.any(Number) });
    expect(driver.get('a')).toBe('old');
  });
});

describe('noeviction (R18)', () => {
  const limits = { eviction: 'noeviction', bytesMax: 3 * recordBytes(1, 1) } as const;

  function full(): Driver {
    const driver = new Driver(limits);
    driver.write([setOp('a', '1'), setOp('b', '1'), setOp('c', '1')]);
    return driver;
  }

  it('refuses each op that would exceed, and only it', () => {
    const driver = full();
    const answer = driver.write([
      setOp('d', '1'),
      setOp('a', '22'),
      setOp('a', ''),
      setOp('b', '2'),
      opFor.delete('c'),
      setOp('d', '1'),
    ]);
    expect(answer.exceptions).toMatchObject([
      { index: 0, code: Code.RESOURCE_EXHAUSTED },
      { index: 1, code: Code.RESOURCE_EXHAUSTED },
    ]);
    expect(answer.firstRevision).toBe(4);
    expect(driver.get('d')).toBe('1');
    expect(driver.machine.stats().evictions).toBe(0);
    checkInvariants(driver.machine);
  });
});

describe('recency (R18)', () => {
  it('moves by hints, in their order, before the ops of the entry', () => {
    const driver = new Driver({ entriesMax: 3 });
    driver.write([setOp('a', '1'), setOp('b', '1'), setOp('c', '1')]);
    driver.write([setOp('d', '1')], { recencyHints: ['none', 'b', 'a'] });
    expect(driver.get('c')).toBeUndefined();
    driver.set('e', '1');
    expect(driver.get('b')).toBeUndefined();
    expect(driver.get('a')).toBe('1');
  });

  it('with one caller whose hits are reported is exact LRU', () => {
    const driver = new Driver({ entriesMax: 50 });
    const hints = new RecencyHints();
    const model = new Map<string, string>();
    let hits = 0;
    let modelHits = 0;
    let random = 12345;
    for (let at = 0; at < 20_000; at++) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      // Zipf with exponent 1 over 1..400, by inversion.
      const key = `k${Math.floor(400 ** (random / 2 ** 32))}`;
      const value = model.get(key);
      if (value !== undefined) {
        modelHits++;
        model.delete(key);
        model.set(key, value);
      }
      if (driver.get(key) !== undefined) {
        hits++;
        hints.note(key);
      } else {
        driver.write([setOp(key, 'v')], { recencyHints: hints.take() });
        model.set(key, 'v');
        if (model.size > 50) model.delete(model.keys().next().value!);
      }
    }
    expect(hits).toBe(modelHits);
    expect(hits).toBeGreaterThan(5000);
    expect([...model.keys()].every((key) => driver.get(key) === 'v')).toBe(true);
  });
});

describe('recency hints of the leader (R18)', () => {
  it('are the most recent distinct keys in order of last read', () => {
    const keys = fc.array(fc.nat(3000).map(String), { maxLength: 4000, size: 'max' });
    holds(
      fc.property(keys, keys, (first, second) => {
        const hints = new RecencyHints();
        for (const reads of [first, second]) {
          for (const key of reads) hints.note(key);
          const distinct = [...new Set(reads.toReversed())].slice(0, RECENCY_HINTS_MAX);
          expect(hints.size).toBe(distinct.length);
          expect(hints.take()).toEqual(distinct.toReversed());
          expect(hints.size).toBe(0);
        }
      }),
      { numRuns: 30 },
    );
  });
});
