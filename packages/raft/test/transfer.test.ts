// Thesis section 3.10.
import { describe, expect, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { bytes, configuration, ofKind, raftConfig, restored, Single } from './support/fixtures.js';
import { appendSuccess, heartbeat, heartbeatResponse, voteRequest } from './support/messages.js';

const members = configuration([1, 2, 3], { learners: [4] });
const leader = (): Single => {
  const node = new Single(raftConfig(1), restored(members));
  node.elect([2, 3]);
  node.step(appendSuccess(2, 1, 1));
  return node;
};
const busy = { kind: 'busy', reason: 'transferring' };

describe('transferLeadership (thesis 3.10, R3)', () => {
  it('tells a target that holds every entry to campaign at once', () => {
    const node = leader();
    expect(node.raft.transferLeadership(2)).toBe('started');
    expect(ofKind(node.settle(), 'timeoutNowRequest')).toMatchObject([{ to: 2, term: 1 }]);
  });

  it('waits for a target that does not, and refuses proposals and changes meanwhile', () => {
    const node = leader();
    expect(node.raft.transferLeadership(3)).toBe('started');
    expect(ofKind(node.settle(), 'timeoutNowRequest')).toEqual([]);
    expect(node.raft.propose([bytes('a')])).toEqual(busy);
    expect(node.raft.changeMembership({ kind: 'removeLearner', replicaId: 4 }, 0)).toEqual(busy);
    expect(ofKind(node.step(appendSuccess(3, 1, 1)), 'timeoutNowRequest')).toHaveLength(1);
    expect(ofKind(node.step(appendSuccess(3, 1, 1)), 'timeoutNowRequest')).toEqual([]);
  });

  it('is given up after an election timeout', () => {
    const node = leader();
    node.raft.transferLeadership(3);
    for (let i = 0; i < 32; i += 1) {
      expect(node.raft.status().transferTarget).toBe(3);
      node.tick();
      node.step(heartbeatResponse(2, 1));
    }
    expect(node.raft.status()).toMatchObject({ transferTarget: 0, role: 'leader' });
    expect(node.raft.propose([bytes('a')]).kind).toBe('appended');
  });

  it.each([
    [1, 'self'],
    [4, 'notVoter'],
    [9, 'notVoter'],
  ])('to %d answers %s', (to, expected) => {
    expect(leader().raft.transferLeadership(to)).toBe(expected);
  });

  it('answers pending while one is under way, and notLeader at a follower', () => {
    const node = leader();
    node.raft.transferLeadership(3);
    expect(node.raft.transferLeadership(2)).toBe('pending');
    expect(new Single(raftConfig(1), restored(members)).raft.transferLeadership(2)).toBe(
      'notLeader',
    );
  });
});

describe('TimeoutNow (thesis 3.10)', () => {
  it('starts a real campaign that voters do not deny', () => {
    const node = new Single(raftConfig(1), restored(members));
    const sent = node.step({ kind: 'timeoutNowRequest', from: 2, to: 1, term: 0 });
    expect(ofKind(sent, 'requestVoteRequest')).toMatchObject([
      { to: 2, term: 1, preVote: false, leadershipTransfer: true },
      { to: 3, term: 1, preVote: false, leadershipTransfer: true },
    ]);
  });

  it('lets the campaign win voters that hear from their leader', () => {
    const node = new Single(raftConfig(1), restored(members));
    node.step(heartbeat(1));
    const request = voteRequest(2, { from: 3, leadershipTransfer: true });
    const [reply] = ofKind(node.step(request), 'requestVoteResponse');
    expect(reply).toMatchObject({ voteGranted: true });
  });

  it('moves leadership within the messages of one exchange', () => {
    const cluster = new Cluster(3, [1, 2, 3]);
    cluster.runUntil('a leader', 100, () => cluster.leader !== undefined);
    const old = cluster.leader;
    const target = [1, 2, 3].find((id) => id !== old?.id) ?? 0;
    old?.act((raft) => raft.transferLeadership(target));
    cluster.settle();
    expect(cluster.leader?.id).toBe(target);
  });
});
