// PreVote, stickiness, CheckQuorum and the timing rules of R3 and R7.
import { describe, expect, it } from '@jest/globals';
import type { Message } from '../src/types.js';
import { Cluster } from './support/cluster.js';
import { configuration, ofKind, raftConfig, restored, Single } from './support/fixtures.js';
import {
  appendSuccess,
  heartbeat,
  heartbeatResponse,
  voteRequest,
  voteResponse,
} from './support/messages.js';

const three = configuration([1, 2, 3]);
const replica = (id = 1, terms: number[] = [], members = three): Single =>
  new Single(raftConfig(id), restored(members, terms));
const votes = (messages: readonly Message[]) => ofKind(messages, 'requestVoteResponse');
const requests = (messages: readonly Message[]) => ofKind(messages, 'requestVoteRequest');
const preVoteFrom = (from: number, term: number, to: number) =>
  voteRequest(term, { from, to, preVote: true });

describe('a pre-vote (thesis 9.6, R3)', () => {
  it('changes neither term nor vote of who asks and who answers', () => {
    const asking = replica();
    asking.tickToPreVote();
    expect(asking.raft.status()).toMatchObject({ role: 'preCandidate', currentTerm: 0 });
    const answering = replica();
    expect(votes(answering.step(preVoteFrom(2, 1, 1)))).toMatchObject([
      { voteGranted: true, requestTerm: 1, term: 0 },
    ]);
    expect(answering.raft.status()).toMatchObject({ currentTerm: 0, votedFor: 0 });
  });

  it('that fails is repeated after one heartbeat', () => {
    const node = replica();
    node.tickToPreVote();
    for (const from of [2, 3]) {
      node.step(voteResponse(from, 0, { preVote: true, requestTerm: 1, voteGranted: false }));
    }
    expect(node.raft.status().role).toBe('follower');
    expect(requests(node.tick(3))).toEqual([]);
    expect(requests(node.tick(1))).toHaveLength(2);
  });

  it('that gets no answer is repeated after one heartbeat', () => {
    const node = replica();
    node.tickToPreVote();
    expect(requests(node.tick(4))).toHaveLength(2);
    expect(node.raft.status().currentTerm).toBe(0);
  });

  it('is denied by a follower in contact with its leader, and by such a leader', () => {
    const follower = replica();
    follower.step(heartbeat(1));
    expect(votes(follower.step(preVoteFrom(3, 2, 1)))).toMatchObject([{ voteGranted: false }]);
    const leader = replica();
    leader.elect([2, 3]);
    expect(votes(leader.step(preVoteFrom(3, 2, 1)))).toMatchObject([{ voteGranted: false }]);
  });

  it('is answered with a higher term, which the sender adopts (B10)', () => {
    const voter = replica(1, [8]);
    const [answer] = votes(voter.step(preVoteFrom(2, 4, 1)));
    expect(answer).toMatchObject({ voteGranted: false, term: 8, requestTerm: 4 });
    const asking = replica(2, [3, 3, 3]);
    asking.tickToPreVote();
    if (answer !== undefined) asking.step(answer);
    expect(asking.raft.status()).toMatchObject({ role: 'follower', currentTerm: 8 });
    // And asks again in time: its log may be the only one that can win (B11).
    expect(requests(asking.tick(4))).toMatchObject([{ term: 9 }, { term: 9 }]);
  });

  it('counts from a voter at an older term', () => {
    const node = replica(1, [5]);
    node.tickToPreVote();
    node.step(voteResponse(2, 3, { preVote: true, requestTerm: 6 }));
    expect(node.raft.status()).toMatchObject({ role: 'candidate', currentTerm: 6 });
  });

  it('is ignored when it answers another campaign', () => {
    const node = replica(1, [5]);
    node.tickToPreVote();
    node.step(voteResponse(2, 3, { preVote: true, requestTerm: 4 }));
    expect(node.raft.status().role).toBe('preCandidate');
  });
});

describe('a vote (thesis 4.2.3)', () => {
  it('is denied by who hears from a leader, without adopting the term', () => {
    const node = replica();
    node.step(heartbeat(1));
    node.tick(15);
    const ask = () => votes(node.step(voteRequest(2, { from: 3 })));
    expect(ask()).toMatchObject([{ voteGranted: false, term: 1, requestTerm: 2 }]);
    node.tick(1);
    expect(ask()).toMatchObject([{ voteGranted: true, term: 2 }]);
  });

  it('is denied by a leader in contact with its quorum, which goes on leading', () => {
    const node = replica();
    node.elect([2, 3]);
    expect(votes(node.step(voteRequest(9, { from: 3 })))).toMatchObject([{ voteGranted: false }]);
    expect(node.raft.status()).toMatchObject({ role: 'leader', currentTerm: 1 });
  });
});

describe('two replicas whose timers fire together (R7)', () => {
  it('do not split the vote: in the first round the higher id goes first', () => {
    const low = replica(1);
    const high = replica(2);
    low.tickToPreVote();
    high.tickToPreVote();
    expect(votes(high.step(preVoteFrom(1, 1, 2)))).toMatchObject([{ voteGranted: false }]);
    expect(votes(low.step(preVoteFrom(2, 1, 1)))).toMatchObject([{ voteGranted: true }]);
  });

  it('are not held back in later rounds, when only the lower id may be able to win', () => {
    const high = replica(2);
    high.tickToPreVote();
    high.tick(4);
    expect(votes(high.step(preVoteFrom(1, 1, 2)))).toMatchObject([{ voteGranted: true }]);
  });

  it('a granted pre-vote defers the own campaign by one heartbeat, once', () => {
    const node = replica(1);
    let ticks = 0;
    while (node.raft.status().role === 'follower') {
      node.step(preVoteFrom(2, 1, 1));
      node.tick();
      ticks += 1;
    }
    expect(ticks).toBeLessThanOrEqual(32 + 4);
  });
});

describe('a leader', () => {
  it('that no quorum answers for an election timeout steps down (thesis 6.2, B12)', () => {
    const node = replica();
    node.elect([2, 3]);
    node.step(appendSuccess(2, 1, 1));
    for (let i = 0; i < 10; i += 1) {
      node.tick(10);
      node.step(heartbeatResponse(3, 1));
    }
    expect(node.raft.status().role).toBe('leader');
    node.tick(31);
    expect(node.raft.status().role).toBe('leader');
    node.tick(1);
    expect(node.raft.status()).toMatchObject({ role: 'follower', leaderId: 0, currentTerm: 1 });
  });

  it('of an older term is told the newer one, or nobody could lead its sender again (B10)', () => {
    const node = replica(1, [5]);
    const [answer] = node.step(heartbeat(3));
    expect(answer).toMatchObject({ kind: 'appendEntriesResponse', success: false, term: 5 });
  });
});

describe('a lone voter', () => {
  it('leads after the first tick, and commits by itself', () => {
    const node = replica(1, [], configuration([1], { learners: [2] }));
    node.tick();
    expect(node.raft.status()).toMatchObject({ role: 'leader', commitIndex: 1 });
  });

  it('does not start another term while its vote is on the way to the disk', () => {
    const node = replica(1, [], configuration([1]));
    for (let i = 0; i < 200; i += 1) node.raft.tick();
    const ready = node.take();
    for (let i = 0; i < 200; i += 1) node.raft.tick();
    node.raft.persisted(ready.number);
    expect(node.raft.status()).toMatchObject({ role: 'leader', currentTerm: 1 });
  });
});

describe('who does not campaign', () => {
  it.each([
    ['a learner', configuration([2, 3], { learners: [1] })],
    ['a blank joiner', configuration([])],
    ['a removed replica', configuration([2, 3], { replicaIdMax: 3 })],
  ])('%s', (_what, members) => {
    const node = replica(1, [], members);
    node.tick(200);
    expect(node.raft.status()).toMatchObject({ role: 'follower', currentTerm: 0 });
  });

  it('a replica whose host forbids it, until it may again (R7, R9)', () => {
    const node = replica();
    node.raft.setMayCampaign(false);
    node.tick(200);
    node.step({ kind: 'timeoutNowRequest', from: 2, to: 1, term: 0 });
    expect(node.raft.status().role).toBe('follower');
    node.raft.setMayCampaign(true);
    expect(requests(node.tick(1))).toHaveLength(2);
  });

  it('a pre-candidate whose host forbids it stops', () => {
    const node = replica();
    node.tickToPreVote();
    node.raft.setMayCampaign(false);
    node.step(voteResponse(2, 0, { preVote: true, requestTerm: 1 }));
    expect(node.raft.status()).toMatchObject({ role: 'follower', currentTerm: 0 });
  });

  it('a replica that was told GONE, whatever the term of the notice (R8)', () => {
    const node = replica(1, [9]);
    node.step({ kind: 'goneNotice', from: 2, to: 1, term: 3 });
    node.tick(200);
    expect(node.raft.status()).toMatchObject({ removed: true, role: 'follower' });
  });
});

describe('forgetLeader (R7)', () => {
  it('ends stickiness and makes the replica campaign within two heartbeats', () => {
    const node = replica();
    node.step(heartbeat(1));
    node.raft.forgetLeader(2);
    expect(votes(node.step(preVoteFrom(3, 2, 1)))).toMatchObject([{ voteGranted: true }]);
    expect(requests(node.tick(8 + 4)).length).toBeGreaterThan(0);
  });

  it('of another leader changes nothing', () => {
    const node = replica();
    node.step(heartbeat(1));
    node.raft.forgetLeader(3);
    expect(node.raft.status().leaderId).toBe(2);
  });
});

describe('a group', () => {
  const settled = (cluster: Cluster): void => {
    cluster.runUntil(
      'a leader',
      200,
      () => cluster.leader?.raft?.status().ownTermCommitted === true,
    );
  };

  it('replaces a dead leader within an election timeout and a few ticks', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const cluster = new Cluster(seed, [1, 2, 3]);
      settled(cluster);
      cluster.tickAll();
      cluster.settle();
      const old = cluster.leader;
      old?.crash(0);
      const ticks = cluster.runUntil('a new leader', 40, () => cluster.leader !== undefined);
      expect(ticks).toBeLessThanOrEqual(34);
    }
  });

  it('keeps its leader when a replica that was cut off comes back', () => {
    const cluster = new Cluster(5, [1, 2, 3]);
    settled(cluster);
    const leader = cluster.leader;
    const follower = [1, 2, 3].find((id) => id !== leader?.id) ?? 0;
    const { currentTerm } = leader?.raft?.status() ?? { currentTerm: 0 };
    cluster.isolate(follower);
    for (let i = 0; i < 200; i += 1) {
      cluster.tickAll();
      cluster.settle();
    }
    cluster.heal();
    for (let i = 0; i < 200; i += 1) {
      cluster.tickAll();
      cluster.settle();
    }
    expect(cluster.leader).toBe(leader);
    expect(leader?.raft?.status().currentTerm).toBe(currentTerm);
  });

  it('finds a leader over a bridge: one replica hears everybody, the halves not each other', () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const cluster = new Cluster(seed, [1, 2, 3, 4, 5]);
      settled(cluster);
      for (const a of [1, 2]) for (const b of [4, 5]) cluster.cut(a, b);
      const start = cluster.checker.commitIndex;
      cluster.runUntil('a commit over the bridge', 400, () => {
        const leader = cluster.leader;
        if (leader !== undefined) cluster.propose(leader);
        return cluster.checker.commitIndex > start + 3;
      });
    }
  });
});
