import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { majorityReached, majorityVote, quorumReached, quorumVote } from '../src/quorum.js';
import { configuration } from './support/fixtures.js';

const at = (values: Record<number, number>) => (id: number) => values[id] ?? 0;

describe('majorityReached', () => {
  it.each([
    [[1], { 1: 5 }, 5],
    [[1, 2], { 1: 5, 2: 3 }, 3],
    [[1, 2, 3], { 1: 5, 2: 3, 3: 1 }, 3],
    [[1, 2, 3], { 1: 5 }, 0],
    [[1, 2, 3, 4], { 1: 9, 2: 8, 3: 7, 4: 1 }, 7],
    [[1, 2, 3, 4, 5], { 1: 9, 2: 8, 3: 7, 4: 1, 5: 1 }, 7],
  ])('of voters %j with %j is %d', (voters, values, expected) => {
    expect(majorityReached(voters, at(values))).toBe(expected);
  });

  it('is the highest number that more than half of the voters have reached', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }), (values) => {
        const voters = values.map((_, i) => i + 1);
        const reached = majorityReached(voters, (id) => values[id - 1] ?? 0);
        const atLeast = (n: number) => values.filter((v) => v >= n).length;
        expect(atLeast(reached) * 2).toBeGreaterThan(values.length);
        expect(atLeast(reached + 1) * 2).toBeLessThanOrEqual(values.length);
      }),
    );
  });
});

describe('quorumReached', () => {
  it('of a joint configuration is what both majorities have reached', () => {
    const joint = configuration([1, 2, 3], { votersOutgoing: [3, 4, 5] });
    expect(quorumReached(joint, at({ 1: 9, 2: 9, 3: 9, 4: 2, 5: 4 }))).toBe(4);
    expect(quorumReached(joint, at({ 1: 1, 2: 2, 3: 9, 4: 9, 5: 9 }))).toBe(2);
  });

  it('never counts learners', () => {
    const members = configuration([1, 2, 3], { learners: [4, 5] });
    expect(quorumReached(members, at({ 1: 9, 4: 9, 5: 9 }))).toBe(0);
  });

  it('is zero where nobody votes', () => {
    expect(quorumReached(configuration([]), at({ 1: 9 }))).toBe(0);
  });
});

describe('majorityVote', () => {
  it.each([
    [[1], [[1, true]], 'won'],
    [[1, 2, 3], [[1, true]], 'pending'],
    [
      [1, 2, 3],
      [
        [1, true],
        [2, true],
      ],
      'won',
    ],
    [
      [1, 2, 3],
      [
        [1, true],
        [2, false],
      ],
      'pending',
    ],
    [
      [1, 2, 3],
      [
        [2, false],
        [3, false],
      ],
      'lost',
    ],
    [
      [1, 2, 3, 4],
      [
        [1, true],
        [2, true],
      ],
      'pending',
    ],
    [
      [1, 2, 3, 4],
      [
        [1, true],
        [2, true],
        [3, false],
        [4, false],
      ],
      'lost',
    ],
    [
      [1, 2],
      [
        [1, true],
        [9, true],
      ],
      'pending',
    ],
  ] as const)('of voters %j with %j is %s', (voters, votes, expected) => {
    expect(majorityVote(voters, new Map(votes))).toBe(expected);
  });
});

describe('quorumVote', () => {
  const joint = configuration([1, 2, 3], { votersOutgoing: [3, 4, 5] });

  it.each([
    [[1, 2], [], 'pending'],
    [[1, 2, 4, 5], [], 'won'],
    [[1, 3, 4], [], 'won'],
    [[1, 2, 3], [4, 5], 'lost'],
    [[3, 4, 5], [1, 2], 'lost'],
  ])('of a joint configuration granted by %j and denied by %j is %s', (yes, no, expected) => {
    const votes = new Map<number, boolean>();
    for (const id of yes) votes.set(id, true);
    for (const id of no) votes.set(id, false);
    expect(quorumVote(joint, votes)).toBe(expected);
  });
});
