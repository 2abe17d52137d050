import { describe, expect, it } from '@jest/globals';
import {
  changeConfiguration,
  isGone,
  isLoneVoter,
  isVoter,
  leaveJoint,
  memberIds,
} from '../src/configuration.js';
import type { MembershipChange } from '../src/types.js';
import { configuration } from './support/fixtures.js';

const current = configuration([1, 2, 3], { learners: [4, 5], replicaIdMax: 7 });

describe('changeConfiguration', () => {
  it.each<[MembershipChange, object]>([
    [
      { kind: 'addLearner', replicaId: 8 },
      { learners: [4, 5, 8], replicaIdMax: 8 },
    ],
    [
      { kind: 'addLearner', replicaId: 12 },
      { learners: [4, 5, 12], replicaIdMax: 12 },
    ],
    [{ kind: 'removeLearner', replicaId: 4 }, { learners: [5] }],
    [{ kind: 'removeVoter', replicaId: 2 }, { voters: [1, 3] }],
    [
      { kind: 'joint', voters: [1, 2, 3, 4, 5], learners: [] },
      { voters: [1, 2, 3, 4, 5], votersOutgoing: [1, 2, 3], learners: [] },
    ],
    [
      { kind: 'joint', voters: [1, 2, 4], learners: [3, 5] },
      { voters: [1, 2, 4], votersOutgoing: [1, 2, 3], learners: [3, 5] },
    ],
    [
      { kind: 'joint', voters: [4], learners: [] },
      { voters: [4], votersOutgoing: [1, 2, 3], learners: [] },
    ],
  ])('%j gives %j', (change, expected) => {
    expect(changeConfiguration(current, change)).toEqual({
      kind: 'changed',
      configuration: { ...current, ...expected },
    });
  });

  it.each<[MembershipChange, string]>([
    [{ kind: 'addLearner', replicaId: 4 }, 'alreadyMember'],
    [{ kind: 'addLearner', replicaId: 1 }, 'alreadyMember'],
    [{ kind: 'addLearner', replicaId: 6 }, 'idNotAboveMax'],
    [{ kind: 'addLearner', replicaId: 7 }, 'idNotAboveMax'],
    [{ kind: 'removeLearner', replicaId: 1 }, 'unknownReplica'],
    [{ kind: 'removeVoter', replicaId: 4 }, 'unknownReplica'],
    [{ kind: 'joint', voters: [], learners: [1] }, 'lastVoter'],
    [{ kind: 'joint', voters: [1, 8], learners: [] }, 'unknownReplica'],
    [{ kind: 'joint', voters: [1, 6], learners: [] }, 'unknownReplica'],
    [{ kind: 'joint', voters: [1, 4], learners: [4] }, 'alreadyMember'],
    [{ kind: 'joint', voters: [1, 1], learners: [] }, 'alreadyMember'],
  ])('%j is refused: %s', (change, reason) => {
    expect(changeConfiguration(current, change)).toEqual({ kind: 'refused', reason });
  });

  it('keeps the last voter', () => {
    const change = { kind: 'removeVoter', replicaId: 1 } as const;
    const refused = { kind: 'refused', reason: 'lastVoter' };
    expect(changeConfiguration(configuration([1], { learners: [2] }), change)).toEqual(refused);
  });
});

describe('a joint configuration', () => {
  const joint = configuration([1, 2, 4], { votersOutgoing: [1, 2, 3], learners: [3] });

  it('has the voters of both halves, each member once', () => {
    expect(memberIds(joint)).toEqual([1, 2, 4, 3]);
    expect([1, 2, 3, 4, 5].filter((id) => isVoter(joint, id))).toEqual([1, 2, 3, 4]);
  });

  it('ends with the incoming half', () => {
    expect(leaveJoint(joint)).toEqual(configuration([1, 2, 4], { learners: [3] }));
  });

  it('is never decided by one replica', () => {
    expect(isLoneVoter(configuration([1], { votersOutgoing: [1, 2] }), 1)).toBe(false);
    expect(isLoneVoter(configuration([1], { learners: [2] }), 1)).toBe(true);
  });
});

describe('isGone (R8)', () => {
  it('is true of ids that were or can never become members, not of those above the maximum', () => {
    expect([1, 4, 6, 7, 8].filter((id) => isGone(current, id))).toEqual([6, 7]);
  });
});
