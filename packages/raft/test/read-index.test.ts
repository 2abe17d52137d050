import { describe, expect, it } from '@jest/globals';
import { bytes, configuration, ofKind, raftConfig, restored, Single } from './support/fixtures.js';
import { appendSuccess, heartbeat, heartbeatResponse } from './support/messages.js';

const three = configuration([1, 2, 3]);
const replica = (members = three, overrides = {}): Single =>
  new Single(raftConfig(1, overrides), restored(members));
const leader = (members = three, overrides = {}): Single => {
  const node = replica(members, overrides);
  node.elect(members.voters.slice(1));
  for (const from of members.voters.slice(1)) node.step(appendSuccess(from, 1, 1));
  return node;
};
const rounds = (node: Single): number[] =>
  ofKind(node.settle(), 'heartbeatRequest').map(({ readRound }) => readRound);
const answered = (node: Single) => node.readys.flatMap(({ readStates }) => readStates);
const aborted = (node: Single) => node.readys.flatMap(({ readsAborted }) => readsAborted);

describe('a read (section 8, thesis 6.4, R4)', () => {
  it('is confirmed by a quorum of answers to the round sent after it arrived', () => {
    const node = leader();
    expect(node.raft.readIndex(7)).toBe('accepted');
    expect(rounds(node)).toEqual([1, 1]);
    expect(answered(node)).toEqual([]);
    node.step(heartbeatResponse(2, 1, 1));
    expect(answered(node)).toEqual([{ context: 7, index: 1 }]);
  });

  it('shares its round with every other read of the turn', () => {
    const node = leader();
    for (const context of [1, 2, 3]) node.raft.readIndex(context);
    expect(rounds(node)).toEqual([1, 1]);
    node.step(heartbeatResponse(3, 1, 1));
    expect(answered(node).map(({ context }) => context)).toEqual([1, 2, 3]);
  });

  it('is not confirmed by an answer to a round that left before it arrived (B3)', () => {
    const node = leader();
    node.raft.readIndex(1);
    expect(rounds(node)).toEqual([1, 1]);
    node.raft.readIndex(2);
    expect(rounds(node)).toEqual([2, 2]);
    node.step(heartbeatResponse(2, 1, 1));
    expect(answered(node)).toEqual([{ context: 1, index: 1 }]);
    node.step(heartbeatResponse(2, 1, 2));
    expect(answered(node).map(({ context }) => context)).toEqual([1, 2]);
  });

  it('whose round was lost is confirmed by the next one, which has a new number', () => {
    const node = leader();
    node.raft.readIndex(1);
    expect(rounds(node)).toEqual([1, 1]);
    const beats = ofKind(node.tick(4), 'heartbeatRequest');
    expect(beats.map(({ readRound }) => readRound)).toEqual([2, 2]);
    node.step(heartbeatResponse(3, 1, 2));
    expect(answered(node)).toEqual([{ context: 1, index: 1 }]);
  });

  it('is not confirmed by plain heartbeats, learners or rounds that were never sent', () => {
    const node = leader(configuration([1, 2, 3], { learners: [4] }));
    node.raft.readIndex(1);
    rounds(node);
    node.step(heartbeatResponse(2, 1, 0));
    node.step(heartbeatResponse(4, 1, 1));
    node.step(heartbeatResponse(2, 1, 9));
    expect(answered(node)).toEqual([]);
  });

  it('carries the commit index of its arrival', () => {
    const node = leader();
    node.raft.propose([bytes('a')]);
    node.settle();
    node.step(appendSuccess(2, 1, 2));
    node.raft.readIndex(1);
    rounds(node);
    node.step(heartbeatResponse(2, 1, 1));
    expect(answered(node)).toEqual([{ context: 1, index: 2 }]);
  });

  it('needs both majorities of a joint configuration', () => {
    const node = leader(configuration([1, 2, 3], { learners: [4, 5] }));
    for (const id of [4, 5]) node.step(appendSuccess(id, 1, 1));
    const { configurationIndex } = node.raft.status();
    const change = { kind: 'joint', voters: [1, 4, 5], learners: [] } as const;
    expect(node.raft.changeMembership(change, configurationIndex).kind).toBe('appended');
    node.raft.readIndex(1);
    rounds(node);
    node.step(heartbeatResponse(2, 1, 1));
    expect(answered(node)).toEqual([]);
    node.step(heartbeatResponse(5, 1, 1));
    expect(answered(node)).toEqual([{ context: 1, index: 1 }]);
  });

  it('of a lone voter is confirmed at once, but not before its no-op committed (B5)', () => {
    const node = new Single(raftConfig(1), restored(configuration([1])));
    node.raft.tick();
    const vote = node.take();
    node.raft.persisted(vote.number);
    expect(node.raft.readIndex(1)).toBe('accepted');
    const noop = node.take();
    expect(answered(node)).toEqual([]);
    node.raft.persisted(noop.number);
    node.raft.readIndex(2);
    node.settle();
    expect(answered(node)).toEqual([
      { context: 1, index: 1 },
      { context: 2, index: 1 },
    ]);
  });
});

describe('before the no-op of the term commits (section 8, R4, B1, B2)', () => {
  it('reads wait and are then confirmed by a round', () => {
    const node = replica();
    node.elect([2, 3]);
    expect(node.raft.readIndex(1)).toBe('accepted');
    expect(rounds(node)).toEqual([]);
    node.raft.step(appendSuccess(2, 1, 1));
    expect(rounds(node)).toEqual([1, 1]);
    node.step(heartbeatResponse(2, 1, 1));
    expect(answered(node)).toEqual([{ context: 1, index: 1 }]);
  });
});

describe('reads are', () => {
  it('bounded, before and after the no-op', () => {
    for (const node of [
      replica(three, { pendingReadsMax: 2 }),
      leader(three, { pendingReadsMax: 2 }),
    ]) {
      if (node.raft.status().role !== 'leader') node.elect([2, 3]);
      expect([1, 2, 3].map((context) => node.raft.readIndex(context))).toEqual([
        'accepted',
        'accepted',
        'full',
      ]);
    }
  });

  it('refused by a follower', () => {
    expect(replica().raft.readIndex(1)).toBe('notLeader');
  });

  it('aborted when the leader hears of a newer term: waiting, unsent and sent', () => {
    const waiting = replica();
    waiting.elect([2, 3]);
    waiting.raft.readIndex(1);
    waiting.step(heartbeat(2));
    expect(aborted(waiting)).toEqual([1]);
    const node = leader();
    node.raft.readIndex(2);
    rounds(node);
    node.raft.readIndex(3);
    node.step(heartbeat(2));
    expect(aborted(node)).toEqual([2, 3]);
    expect(answered(node)).toEqual([]);
  });

  it('aborted when the leader loses contact with its quorum', () => {
    const node = leader();
    node.raft.readIndex(1);
    node.tick(32);
    expect(aborted(node)).toEqual([1]);
  });
});

describe('a follower', () => {
  it('echoes the round', () => {
    const [response] = ofKind(replica().step(heartbeat(1, { readRound: 5 })), 'heartbeatResponse');
    expect(response).toMatchObject({ to: 2, term: 1, readRound: 5 });
  });
});
