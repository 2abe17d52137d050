import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvariantError } from '../src/errors.js';
import { ENTRY_OVERHEAD_BYTES, Log } from '../src/log.js';
import { configuration, log as entries, entry, jsonCodec, restored } from './support/fixtures.js';

const founders = configuration([1, 2, 3]);
const logOf = (terms: readonly number[], commitIndex = 0): Log =>
  new Log(jsonCodec, restored(founders, terms, { commitIndex }));
const configurationEntry = (index: number, term: number, voters: number[]) =>
  entry(index, term, 'configuration', jsonCodec.encode(configuration(voters)));

/** Hands out, persists, commits and applies everything. */
const settle = (log: Log): Log => {
  log.handUnpersisted();
  log.persistedTo(log.lastIndex);
  log.commitTo(log.lastIndex);
  log.handCommitted(Number.MAX_SAFE_INTEGER);
  log.appliedTo(log.lastIndex);
  return log;
};

describe('a restored log', () => {
  it('is durable as a whole, and committed as far as the hard state says', () => {
    const log = logOf([1, 1, 2], 2);
    expect([log.baseIndex, log.commitIndex, log.persistedIndex, log.lastIndex]).toEqual([
      0, 2, 3, 3,
    ]);
    expect([log.termAt(0), log.termAt(2), log.termAt(3), log.termAt(4)]).toEqual([
      0,
      1,
      2,
      undefined,
    ]);
  });

  it('refuses a commitIndex beyond its end: durable entries were lost', () => {
    expect(() => logOf([1, 1], 3)).toThrow(InvariantError);
  });

  it('refuses entries with a gap', () => {
    const state = { ...restored(founders), entries: [entry(2, 1)] };
    expect(() => new Log(jsonCodec, state)).toThrow(InvariantError);
  });
});

describe('isUpToDate (section 5.4.1)', () => {
  it.each([
    [3, 2, true],
    [4, 2, true],
    [2, 2, false],
    [1, 3, true],
    [9, 1, false],
  ])('of lastLogIndex %d, lastLogTerm %d against [1 1 2] is %s', (index, term, expected) => {
    expect(logOf([1, 1, 2]).isUpToDate(index, term)).toBe(expected);
  });
});

describe('highestAtMost', () => {
  it.each([
    [9, 9, 6],
    [9, 4, 4],
    [9, 3, 2],
    [3, 4, 3],
    [9, 1, 0],
    [0, 9, 0],
  ])('of index %d, term %d in [2 2 4 4 5 5] is %d', (index, term, expected) => {
    expect(logOf([2, 2, 4, 4, 5, 5]).highestAtMost(index, term)).toBe(expected);
  });

  it('equals the linear search, whatever the log', () => {
    const terms = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 });
    fc.assert(
      fc.property(terms, fc.nat(15), fc.nat(6), (unsorted, index, term) => {
        const sorted = [...unsorted].sort((a, b) => a - b);
        let expected = Math.min(index, sorted.length);
        while (expected > 0 && (sorted[expected - 1] ?? 0) > term) expected -= 1;
        expect(logOf(sorted).highestAtMost(index, term)).toBe(expected);
      }),
    );
  });
});

describe('truncateFrom', () => {
  it('lowers the cursors of what is cut off', () => {
    const log = logOf([1, 1, 1, 1], 1);
    log.truncateFrom(3);
    expect([log.lastIndex, log.handedIndex, log.persistedIndex]).toEqual([2, 2, 2]);
    expect(log.bytes).toBe(2 * (ENTRY_OVERHEAD_BYTES + 3));
  });

  it('reverts to the configuration before (B34)', () => {
    const log = logOf([1]);
    log.append([configurationEntry(2, 1, [1, 2]), entry(3, 1)]);
    expect([log.configuration.voters, log.configurationIndex]).toEqual([[1, 2], 2]);
    log.truncateFrom(2);
    expect([log.configuration.voters, log.configurationIndex]).toEqual([[1, 2, 3], 0]);
  });

  it('never touches a committed entry', () => {
    expect(() => logOf([1, 1], 2).truncateFrom(2)).toThrow(InvariantError);
  });
});

describe('slice', () => {
  const size = ENTRY_OVERHEAD_BYTES + 3;

  it.each([
    [0, [2]],
    [size, [2]],
    [2 * size - 1, [2]],
    [2 * size, [2, 3]],
    [99 * size, [2, 3, 4]],
  ])('with %d bytes from 2 to 4 holds the entries %j', (bytesMax, expected) => {
    const slice = logOf([1, 1, 1, 1, 1]).slice(2, 4, bytesMax);
    expect(slice.map(({ index }) => index)).toEqual(expected);
  });
});

describe('handCommitted', () => {
  it('keeps what is handed out and unapplied within the bound, but gives at least one', () => {
    const log = logOf([1, 1, 1, 1], 4);
    const bound = 2 * (ENTRY_OVERHEAD_BYTES + 3);
    expect(log.handCommitted(bound).map(({ index }) => index)).toEqual([1, 2]);
    expect(log.hasCommitted(bound)).toBe(false);
    expect(log.handCommitted(bound)).toEqual([]);
    log.appliedTo(1);
    expect(log.handCommitted(bound).map(({ index }) => index)).toEqual([3]);
    log.appliedTo(3);
    expect(log.handCommitted(1).map(({ index }) => index)).toEqual([4]);
  });

  it('refuses a report of what was not handed out', () => {
    expect(() => logOf([1, 1], 2).appliedTo(1)).toThrow(InvariantError);
  });
});

describe('trim (R6)', () => {
  it('drops the oldest entries until the rest fits', () => {
    const log = settle(logOf([1, 1, 2, 2]));
    log.trim(2 * (ENTRY_OVERHEAD_BYTES + 3), Number.MAX_SAFE_INTEGER);
    expect([log.baseIndex, log.baseTerm, log.lastIndex]).toEqual([2, 1, 4]);
    expect([log.termAt(1), log.termAt(2), log.termAt(3)]).toEqual([undefined, 1, 2]);
    expect(log.entryAt(3).index).toBe(3);
  });

  it('keeps what is not applied, not durable or pinned', () => {
    const log = logOf([1, 1, 1, 1], 4);
    log.trim(0, Number.MAX_SAFE_INTEGER);
    expect(log.baseIndex).toBe(0);
    log.handCommitted(Number.MAX_SAFE_INTEGER);
    log.appliedTo(3);
    log.trim(0, 2);
    expect(log.baseIndex).toBe(2);
    log.trim(0, Number.MAX_SAFE_INTEGER);
    expect(log.baseIndex).toBe(3);
    log.append([entry(5, 1)]);
    log.commitTo(5);
    log.handCommitted(Number.MAX_SAFE_INTEGER);
    log.appliedTo(5);
    log.trim(0, Number.MAX_SAFE_INTEGER);
    expect(log.baseIndex).toBe(4);
  });

  it('survives thousands of portions', () => {
    const log = logOf([]);
    for (let index = 1; index <= 5000; index += 1) {
      log.append([entry(index, 1)]);
      settle(log).trim(300, Number.MAX_SAFE_INTEGER);
      expect(log.entryAt(index).index).toBe(index);
    }
    expect(log.bytes).toBeLessThanOrEqual(300);
    expect(log.lastIndex).toBe(5000);
  });

  it('remembers the configuration in force at the base and at every index above it', () => {
    const log = logOf([1]);
    log.append([configurationEntry(2, 1, [1, 2]), entry(3, 1), configurationEntry(4, 1, [1])]);
    settle(log).trim(2 * (ENTRY_OVERHEAD_BYTES + 60), Number.MAX_SAFE_INTEGER);
    expect(log.baseIndex).toBeGreaterThanOrEqual(2);
    expect(log.metaAt(3).configuration.voters).toEqual([1, 2]);
    expect(log.metaAt(4).configuration.voters).toEqual([1]);
  });
});

describe('restore', () => {
  const meta = { lastIncludedIndex: 7, lastIncludedTerm: 3, configuration: configuration([4, 5]) };

  it('replaces everything, and is durable and applied only when the host says so', () => {
    const log = logOf([1, 1, 1], 1);
    log.restore(meta);
    expect([log.baseIndex, log.lastIndex, log.commitIndex, log.lastTerm]).toEqual([7, 7, 7, 3]);
    expect([log.persistedIndex, log.appliedIndex]).toEqual([1, 0]);
    expect(log.configuration.voters).toEqual([4, 5]);
    log.persistedTo(7);
    log.appliedTo(7);
    expect([log.persistedIndex, log.appliedIndex]).toEqual([7, 7]);
  });

  it('goes on with the entries after it', () => {
    const log = logOf([1]);
    log.restore(meta);
    log.append(entries([3, 4], 8));
    log.commitTo(9);
    expect(log.handUnpersisted().map(({ index }) => index)).toEqual([8, 9]);
    expect(log.handCommitted(1000).map(({ index }) => index)).toEqual([8, 9]);
    log.appliedTo(9);
    expect(log.applyingBytes).toBe(0);
  });
});
