// R26: the next step towards the members a group should have, as a table.
import { describe, expect, it } from '@jest/globals';
import { planMembership, targetVoters } from '../../src/host/membership-plan.js';

interface Given {
  readonly nodes: readonly number[];
  readonly leaving?: readonly number[];
  readonly voters: readonly number[];
  readonly outgoing?: readonly number[];
  readonly learners?: readonly number[];
  readonly caughtUp?: readonly number[];
  readonly factor?: number;
  readonly demotes?: boolean;
}

function plan(given: Given): ReturnType<typeof planMembership> {
  const { nodes, leaving = [], voters, outgoing = [], learners = [], caughtUp, factor = 3 } = given;
  const { demotes = true } = given;
  return planMembership({
    self: 1,
    nodes: nodes.map((replicaId) => ({ replicaId, leaving: leaving.includes(replicaId) })),
    configuration: { voters, votersOutgoing: outgoing, learners, replicaIdMax: 99 },
    replicationFactor: factor,
    demotes,
    caughtUp: new Set(caughtUp ?? nodes),
  });
}

function joint(voters: readonly number[], learners: readonly number[] = []): unknown {
  return { kind: 'change', change: { kind: 'joint', voters, learners } };
}

describe('the target number of voters (R26)', () => {
  it.each([
    [3, 1, 1],
    [3, 2, 1],
    [3, 3, 3],
    [3, 4, 3],
    [5, 4, 3],
    [5, 5, 5],
    [4, 9, 3],
    [1, 9, 1],
  ])('with factor %i and %i nodes is %i', (factor, nodes, target) => {
    expect(targetVoters(factor, nodes)).toBe(target);
  });
});

describe('the next membership step (R26)', () => {
  it('is nothing when all is well, or while a joint change is under way', () => {
    expect(plan({ nodes: [1, 2, 3], voters: [1, 2, 3] })).toBeUndefined();
    const half = { nodes: [1, 2, 3, 4], voters: [1, 2, 4], outgoing: [1, 2, 3] };
    expect(plan(half)).toBeUndefined();
  });

  it('admits a node as a learner', () => {
    expect(plan({ nodes: [1, 4], voters: [1] })).toEqual({
      kind: 'change',
      change: { kind: 'addLearner', replicaId: 4 },
    });
  });

  it('keeps a lone second node a learner', () => {
    expect(plan({ nodes: [1, 4], voters: [1], learners: [4] })).toBeUndefined();
  });

  it('promotes two learners together, 1 to 3', () => {
    const given = { nodes: [1, 4, 5], voters: [1], learners: [4, 5] };
    expect(plan(given)).toEqual(joint([1, 4, 5]));
    expect(plan({ ...given, caughtUp: [1, 4] })).toBeUndefined();
  });

  it('promotes one learner, 2 to 3', () => {
    const given = { nodes: [1, 2, 5], voters: [1, 2], learners: [5] };
    expect(plan(given)).toEqual(joint([1, 2, 5]));
  });

  it('promotes to 5 only with the factor for it', () => {
    const given = { nodes: [1, 2, 3, 4, 5], voters: [1, 2, 3], learners: [4, 5] };
    expect(plan(given)).toBeUndefined();
    expect(plan({ ...given, factor: 5 })).toEqual(joint([1, 2, 3, 4, 5]));
  });

  it('leaves a node beyond the factor a learner', () => {
    expect(plan({ nodes: [1, 2, 3, 4], voters: [1, 2, 3], learners: [4] })).toBeUndefined();
  });

  it('takes votes away when the factor was lowered, the leader’s never', () => {
    const given = { nodes: [1, 2, 3, 4, 5], voters: [5, 4, 3, 2, 1], learners: [] };
    expect(plan(given)).toEqual(joint([3, 2, 1], [5, 4]));
    expect(plan({ ...given, factor: 4 })).toEqual(joint([3, 2, 1], [5, 4]));
    expect(plan({ ...given, factor: 1 })).toEqual(joint([1], [5, 4, 3, 2]));
    expect(plan({ ...given, factor: 5 })).toBeUndefined();
    expect(plan({ ...given, demotes: false })).toBeUndefined();
  });

  it('takes votes from those that are silent first, and never a quorum that answers', () => {
    const given = { nodes: [1, 2, 3, 4, 5], voters: [1, 2, 3, 4, 5] };
    expect(plan({ ...given, caughtUp: [1, 4, 5] })).toEqual(joint([1, 4, 5], [2, 3]));
    expect(plan({ ...given, caughtUp: [1, 4] })).toEqual(joint([1, 2, 4], [3, 5]));
    expect(plan({ ...given, caughtUp: [1] })).toBeUndefined();
  });

  it('removes a leaving voter plainly when nobody can take its place', () => {
    expect(plan({ nodes: [1, 2, 3], leaving: [3], voters: [1, 2, 3] })).toEqual({
      kind: 'change',
      change: { kind: 'removeVoter', replicaId: 3 },
    });
  });

  it('never gives up a voter that answers while the others are no quorum without it', () => {
    const given = { nodes: [1, 2, 3], leaving: [2], voters: [1, 2, 3], caughtUp: [1, 2] };
    expect(plan(given)).toBeUndefined();
    const remove = { kind: 'change', change: { kind: 'removeVoter', replicaId: 3 } };
    expect(plan({ ...given, leaving: [2, 3] })).toEqual(remove);
    expect(plan({ ...given, leaving: [3] })).toEqual(remove);
  });

  it('swaps a leaving voter with a learner that has caught up, and waits until it has', () => {
    const given = { nodes: [1, 2, 3, 4], leaving: [3], voters: [1, 2, 3], learners: [4] };
    expect(plan(given)).toEqual(joint([1, 2, 4]));
    expect(plan({ ...given, caughtUp: [1, 2, 3] })).toBeUndefined();
  });

  it('hands over first when the leader leaves, never to a node that leaves too', () => {
    const given = { nodes: [1, 2, 3], leaving: [1], voters: [1, 2, 3] };
    expect(plan({ ...given, caughtUp: [1, 3] })).toEqual({ kind: 'transfer', to: 3 });
    expect(plan({ ...given, caughtUp: [1] })).toBeUndefined();
    expect(plan({ ...given, leaving: [1, 2] })).toEqual({
      kind: 'change',
      change: { kind: 'removeVoter', replicaId: 2 },
    });
  });

  it('swaps a lone voter with a learner, and never removes the last one', () => {
    const given = { nodes: [1, 4], leaving: [1], voters: [1], learners: [4] };
    expect(plan(given)).toEqual(joint([4]));
    expect(plan({ nodes: [1], leaving: [1], voters: [1] })).toBeUndefined();
  });

  it('removes a leaving learner and then drops its record', () => {
    const given = { nodes: [1, 2, 3, 4], leaving: [4], voters: [1, 2, 3] };
    expect(plan({ ...given, learners: [4] })).toEqual({
      kind: 'change',
      change: { kind: 'removeLearner', replicaId: 4 },
    });
    expect(plan(given)).toEqual({ kind: 'dropNode', replicaId: 4 });
  });

  it('removes a member that no node record explains', () => {
    expect(plan({ nodes: [1, 2], voters: [1, 2, 9] })).toEqual({
      kind: 'change',
      change: { kind: 'removeVoter', replicaId: 9 },
    });
  });
});
