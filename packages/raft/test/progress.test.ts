import { describe, expect, it } from '@jest/globals';
import { Inflights } from '../src/inflights.js';
import { Progress } from '../src/progress.js';
import { raftConfig } from './support/fixtures.js';

const probing = (nextIndex = 10): Progress => new Progress(2, nextIndex, raftConfig(1));

const replicating = (matchIndex: number, nextIndex: number): Progress => {
  const progress = probing();
  progress.maybeMatch(matchIndex);
  progress.becomeReplicate();
  for (let index = matchIndex + 1; index < nextIndex; index += 1) {
    progress.nextIndex = index + 1;
    progress.inflights.add(index, 10);
  }
  return progress;
};

describe('inflights', () => {
  it('are full at the number of messages', () => {
    const inflights = new Inflights(2, 1000);
    inflights.add(1, 10);
    expect(inflights.full).toBe(false);
    inflights.add(2, 10);
    expect(inflights.full).toBe(true);
  });

  it('are full at the number of bytes, yet take one message of any size', () => {
    const inflights = new Inflights(8, 100);
    expect(inflights.full).toBe(false);
    inflights.add(1, 5000);
    expect(inflights.full).toBe(true);
  });

  it('give back count and bytes of what was acknowledged (B24)', () => {
    const inflights = new Inflights(3, 1000);
    for (let round = 0; round < 10; round += 1) {
      for (const last of [1, 2, 3]) inflights.add(round * 3 + last, 100);
      inflights.freeTo(round * 3 + 2);
      expect([inflights.count, inflights.bytes]).toEqual([1, 100]);
      inflights.freeTo(round * 3 + 3);
      expect([inflights.count, inflights.bytes]).toEqual([0, 0]);
    }
  });

  it('ignore late acknowledgements', () => {
    const inflights = new Inflights(3, 1000);
    inflights.add(5, 100);
    inflights.freeTo(4);
    expect(inflights.count).toBe(1);
  });
});

describe('a rejection while probing', () => {
  it('moves nextIndex to the hint', () => {
    const progress = probing(10);
    expect(progress.maybeReject(9, 4)).toBe(true);
    expect([progress.nextIndex, progress.probePaused]).toEqual([5, false]);
  });

  it('moves back by at least one', () => {
    const progress = probing(10);
    expect(progress.maybeReject(9, 99)).toBe(true);
    expect(progress.nextIndex).toBe(9);
  });

  it('is stale when it answers another probe', () => {
    const progress = probing(10);
    expect(progress.maybeReject(8, 4)).toBe(false);
    expect(progress.nextIndex).toBe(10);
  });

  it('never goes below what matched', () => {
    const progress = probing(10);
    progress.maybeMatch(6);
    progress.becomeProbe(9, false);
    expect(progress.maybeReject(8, 2)).toBe(true);
    expect(progress.nextIndex).toBe(7);
  });
});

describe('a rejection while replicating', () => {
  it('falls back to probing', () => {
    const progress = replicating(5, 9);
    expect(progress.maybeReject(7, 6)).toBe(true);
    expect([progress.state, progress.nextIndex, progress.inflights.count]).toEqual(['probe', 7, 0]);
  });

  it('is stale at or below what matched', () => {
    const progress = replicating(5, 9);
    expect(progress.maybeReject(5, 3)).toBe(false);
    expect(progress.state).toBe('replicate');
  });
});

describe('an acknowledgement', () => {
  it('frees the messages it covers', () => {
    const progress = replicating(5, 9);
    expect(progress.maybeMatch(7)).toBe(true);
    expect([progress.matchIndex, progress.nextIndex, progress.inflights.count]).toEqual([7, 9, 1]);
  });

  it('is no news when it comes late', () => {
    const progress = replicating(5, 9);
    expect(progress.maybeMatch(4)).toBe(false);
    expect(progress.matchIndex).toBe(5);
  });
});

describe('a snapshot', () => {
  it('stops appends, and rejections say nothing', () => {
    const progress = replicating(5, 9);
    progress.becomeSnapshot(20);
    expect(progress.maybeReject(8, 2)).toBe(false);
    expect([progress.state, progress.pendingSnapshotIndex]).toEqual(['snapshot', 20]);
  });
});
