import { describe, expect, it } from '@jest/globals';
import { CATCH_UP_ENTRIES_MAX } from '../src/membership.js';
import type { Configuration, MembershipChange, Message } from '../src/types.js';
import {
  bytes,
  configuration,
  entry,
  jsonCodec,
  ofKind,
  raftConfig,
  restored,
  Single,
} from './support/fixtures.js';
import {
  appendRequest,
  appendSuccess,
  heartbeat,
  voteRequest,
  voteResponse,
} from './support/messages.js';

const withLearners = configuration([1, 2, 3], { learners: [4, 5] });
const replica = (members: Configuration): Single => new Single(raftConfig(1), restored(members));
const leader = (members: Configuration = withLearners): Single => {
  const node = replica(members);
  node.elect(members.voters.slice(1));
  acknowledge(node, ...members.voters.slice(1), ...members.learners);
  return node;
};
const acknowledge = (node: Single, ...ids: number[]): void => {
  for (const id of ids) {
    const { currentTerm, lastIndex } = node.raft.status();
    node.step(appendSuccess(id, currentTerm, lastIndex));
  }
};
const change = (node: Single, wanted: MembershipChange) => {
  const result = node.raft.changeMembership(wanted, node.raft.status().configurationIndex);
  node.settle();
  return result.kind === 'refused' ? result.reason : result.kind;
};

describe('a membership change', () => {
  it('is in force as soon as it is appended (section 6)', () => {
    const node = leader();
    expect(change(node, { kind: 'addLearner', replicaId: 6 })).toBe('appended');
    expect(node.raft.status()).toMatchObject({
      configuration: { learners: [4, 5, 6], replicaIdMax: 6 },
      configurationCommitted: { learners: [4, 5], replicaIdMax: 5 },
    });
    expect(node.raft.status().progress.map(({ replicaId }) => replicaId)).toContain(6);
  });

  it('is refused before an entry of the own term is committed (thesis 4.1, R3, B33)', () => {
    const node = replica(withLearners);
    node.elect([2, 3]);
    expect(change(node, { kind: 'removeVoter', replicaId: 2 })).toBe('noOwnTermCommit');
    acknowledge(node, 2);
    expect(change(node, { kind: 'removeVoter', replicaId: 2 })).toBe('appended');
  });

  it('is refused while another is uncommitted or the configuration is joint (thesis 4.1)', () => {
    const node = leader();
    change(node, { kind: 'joint', voters: [1, 2, 4], learners: [] });
    expect(change(node, { kind: 'removeVoter', replicaId: 2 })).toBe('changePending');
    acknowledge(node, 2);
    // Committed, and the leave entry appended, but not committed yet.
    expect(change(node, { kind: 'removeVoter', replicaId: 2 })).toBe('changePending');
    acknowledge(node, 2);
    expect(change(node, { kind: 'removeVoter', replicaId: 2 })).toBe('appended');
  });

  it('is refused when decided on another configuration', () => {
    const node = leader();
    expect(node.raft.changeMembership({ kind: 'addLearner', replicaId: 6 }, 99)).toEqual({
      kind: 'refused',
      reason: 'versionMismatch',
    });
  });

  it('is refused by a follower', () => {
    expect(change(replica(withLearners), { kind: 'addLearner', replicaId: 6 })).toBe('notLeader');
  });

  it('is reverted with its entry (thesis 4.1, B34)', () => {
    const node = replica(configuration([1, 2, 3]));
    const added = entry(1, 1, 'configuration', jsonCodec.encode(configuration([1, 2])));
    node.step(appendRequest(0, 0, [added]));
    expect(node.raft.status().configuration.voters).toEqual([1, 2]);
    node.step(appendRequest(0, 0, [entry(1, 2)], { from: 3 }));
    expect(node.raft.status().configuration.voters).toEqual([1, 2, 3]);
  });
});

describe('a learner (thesis 4.2.1, R3)', () => {
  it('does not count when entries commit', () => {
    const node = replica(withLearners);
    node.elect([2, 3]);
    acknowledge(node, 4, 5);
    expect(node.raft.status().commitIndex).toBe(0);
    acknowledge(node, 2);
    expect(node.raft.status().commitIndex).toBe(1);
  });

  it('is not asked for its vote, and would not count', () => {
    const node = replica(withLearners);
    const asked = ofKind(node.tickToPreVote(), 'requestVoteRequest');
    expect(asked.map(({ to }) => to)).toEqual([2, 3]);
    node.elect([4, 5]);
    expect(node.raft.status().role).not.toBe('leader');
    node.elect([2]);
    expect(node.raft.status().role).toBe('leader');
  });
});

describe('promotion (thesis 4.2.1)', () => {
  const promote: MembershipChange = { kind: 'joint', voters: [1, 2, 3, 4, 5], learners: [] };

  it('needs learners that replicate', () => {
    const node = replica(withLearners);
    node.elect([2, 3]);
    acknowledge(node, 2, 3, 4);
    expect(change(node, promote)).toBe('notCaughtUp');
    acknowledge(node, 5);
    expect(change(node, promote)).toBe('appended');
  });

  it('needs learners that lack few entries', () => {
    const node = leader();
    node.raft.propose(Array.from({ length: CATCH_UP_ENTRIES_MAX + 1 }, () => bytes('x')));
    node.settle();
    acknowledge(node, 2, 4);
    expect(change(node, promote)).toBe('notCaughtUp');
    acknowledge(node, 5);
    expect(change(node, promote)).toBe('appended');
  });

  it('needs learners that answer', () => {
    const node = leader();
    for (let i = 0; i < 10; i += 1) {
      node.tick(3);
      acknowledge(node, 2, 3, 4);
    }
    expect(change(node, promote)).toBe('notCaughtUp');
  });
});

describe('a joint configuration (thesis 4.3, R3)', () => {
  it('commits only with both majorities', () => {
    const node = leader();
    change(node, { kind: 'joint', voters: [1, 4, 5], learners: [] });
    const { lastIndex } = node.raft.status();
    acknowledge(node, 4, 5);
    expect(node.raft.status().commitIndex).toBe(lastIndex - 1);
    acknowledge(node, 2);
    expect(node.raft.status().commitIndex).toBe(lastIndex);
  });

  it('is left by itself once committed', () => {
    const node = leader();
    change(node, { kind: 'joint', voters: [1, 2, 4], learners: [] });
    acknowledge(node, 2, 4);
    expect(node.raft.status().configuration).toEqual(configuration([1, 2, 4], { replicaIdMax: 5 }));
    acknowledge(node, 4);
    expect(node.raft.status().configurationCommitted.voters).toEqual([1, 2, 4]);
  });

  it('is left by any new leader, after its own no-op committed (B38)', () => {
    const joint = configuration([1, 2, 3], { votersOutgoing: [1, 2], replicaIdMax: 3 });
    const node = replica(joint);
    node.elect([2, 3]);
    expect(node.raft.status().configuration.votersOutgoing).toEqual([1, 2]);
    acknowledge(node, 2);
    expect(node.raft.status().configuration.votersOutgoing).toEqual([]);
  });

  it('elects only with both majorities', () => {
    const joint = configuration([1, 2, 3], { votersOutgoing: [1, 4, 5], replicaIdMax: 5 });
    const node = replica(joint);
    node.elect([2, 3]);
    expect(node.raft.status().role).not.toBe('leader');
    node.elect([2, 4]);
    expect(node.raft.status().role).toBe('leader');
  });
});

describe('a leader that is removed (thesis 4.2.2)', () => {
  const removed = (): [Single, Message[]] => {
    const node = leader(configuration([1, 2, 3]));
    change(node, { kind: 'removeVoter', replicaId: 1 });
    const { lastIndex } = node.raft.status();
    acknowledge(node, 2);
    // It does not count itself: two of the other two are needed (thesis section 4.2.2).
    expect(node.raft.status()).toMatchObject({ role: 'leader', commitIndex: lastIndex - 1 });
    node.raft.step(appendSuccess(3, 1, lastIndex));
    return [node, node.settle()];
  };

  it('leads until that is committed, then steps down and names a successor', () => {
    const [node, sent] = removed();
    expect(node.raft.status()).toMatchObject({ role: 'follower', removed: true });
    expect(ofKind(sent, 'timeoutNowRequest')).toHaveLength(1);
  });

  it('still campaigns while its removal may not have committed', () => {
    const leaving = entry(1, 1, 'configuration', jsonCodec.encode(configuration([2, 3])));
    const node = replica(configuration([1, 2, 3]));
    node.step(appendRequest(0, 0, [leaving]));
    node.tickToPreVote();
    node.step(voteResponse(2, 1, { preVote: true, requestTerm: 2 }));
    // Its own vote does not count: one of two is no majority.
    expect(node.raft.status().role).toBe('preCandidate');
    node.step(voteResponse(3, 1, { preVote: true, requestTerm: 2 }));
    expect(node.raft.status().role).toBe('candidate');
  });
});

describe('GONE (R8)', () => {
  const members = configuration([1, 2, 3], { replicaIdMax: 6 });

  it('is the answer to a sender that the committed configuration has removed', () => {
    const sent = replica(members).step(voteRequest(9, { from: 5 }));
    expect(sent).toEqual([{ kind: 'goneNotice', from: 1, to: 5, term: 0 }]);
  });

  it('reaches a removed learner, which asks for it once it hears of no leader', () => {
    const node = replica(configuration([2, 3], { learners: [1] }));
    node.step(heartbeat(1));
    const asked = ofKind(node.tick(200), 'requestVoteRequest');
    expect(new Set(asked.map(({ to }) => to))).toEqual(new Set([2, 3]));
    const [question] = asked;
    if (question === undefined) throw new Error('nothing was asked');
    expect(question).toMatchObject({ preVote: true, term: 0 });
    const removedIt = new Single(
      raftConfig(2),
      restored(configuration([2, 3], { replicaIdMax: 6 })),
    );
    for (const answer of removedIt.step(question)) node.step(answer);
    expect(node.raft.status()).toMatchObject({ removed: true });
    expect(node.tick(200)).toEqual([]);
  });

  it('is asked of learners too: one of them may have taken the place of all voters', () => {
    const node = replica(configuration([2], { learners: [1, 3] }));
    node.step(heartbeat(1));
    const asked = ofKind(node.tick(200), 'requestVoteRequest');
    expect(new Set(asked.map(({ to }) => to))).toEqual(new Set([2, 3]));
    const inItsPlace = configuration([3], { replicaIdMax: 6 });
    const promoted = new Single(raftConfig(3), restored(inItsPlace));
    const question = asked.find(({ to }) => to === 3);
    if (question === undefined) throw new Error('the learner was not asked');
    for (const answer of promoted.step(question)) node.step(answer);
    expect(node.raft.status()).toMatchObject({ removed: true });
  });

  it('is asked of learners by a voter whose pre-vote stays open', () => {
    const node = replica(configuration([1, 2], { learners: [3] }));
    node.step(heartbeat(1));
    const asked = ofKind(node.tick(200), 'requestVoteRequest').filter(({ to }) => to === 3);
    expect(asked[0]).toMatchObject({ preVote: true, term: 0 });
    node.step({ kind: 'goneNotice', from: 3, to: 1, term: 4 });
    expect(node.raft.status()).toMatchObject({ removed: true });
  });

  it('is the answer to a removed sender that means an earlier replica of this node', () => {
    const rejoined = replica(members);
    const notice = { kind: 'goneNotice', from: 1, to: 5, term: 0 };
    expect(rejoined.step(voteRequest(9, { from: 5, to: 4 }))).toEqual([notice]);
    expect(rejoined.step(voteRequest(9, { from: 2, to: 4 }))).toEqual([]);
    rejoined.step({ kind: 'goneNotice', from: 2, to: 4, term: 9 });
    expect(rejoined.raft.status()).toMatchObject({ removed: false, currentTerm: 0 });
  });

  it('is not asked for by a pre-vote that could be granted', () => {
    const learner = replica(configuration([2, 3], { learners: [1] }));
    learner.step(heartbeat(1));
    const [question] = ofKind(learner.tick(200), 'requestVoteRequest');
    const voter = new Single(raftConfig(2), restored(configuration([2, 3], { learners: [1] })));
    voter.step(heartbeat(1, { from: 3, to: 2 }));
    voter.raft.forgetLeader(3);
    if (question === undefined) throw new Error('nothing was asked');
    const answers = ofKind(voter.step({ ...question, to: 2 }), 'requestVoteResponse');
    expect(answers).toMatchObject([{ voteGranted: false }]);
    expect(learner.raft.status()).toMatchObject({ role: 'follower', removed: false });
  });

  it('is not the answer to an unknown id above the maximum: a joiner, perhaps', () => {
    const sent = replica(members).step(voteRequest(9, { from: 7 }));
    expect(ofKind(sent, 'goneNotice')).toEqual([]);
  });

  it('is not the answer to a member whose removal is not committed', () => {
    const node = leader(configuration([1, 2, 3]));
    change(node, { kind: 'removeVoter', replicaId: 3 });
    expect(ofKind(node.step(heartbeat(1, { from: 3 })), 'goneNotice')).toEqual([]);
    acknowledge(node, 2);
    expect(ofKind(node.step(heartbeat(1, { from: 3 })), 'goneNotice')).toHaveLength(1);
  });

  it('is not the answer to a joiner whose addition is not committed', () => {
    const node = leader(configuration([1, 2, 3]));
    change(node, { kind: 'addLearner', replicaId: 4 });
    expect(ofKind(node.step(appendSuccess(4, 1, 0)), 'goneNotice')).toEqual([]);
  });

  it('is not the answer of a blank replica, which knows no configuration', () => {
    const sent = replica(configuration([])).step(heartbeat(1, { from: 2 }));
    expect(ofKind(sent, 'goneNotice')).toEqual([]);
  });
});
