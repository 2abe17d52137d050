// One test per rule of Figure 2 ("Rules for Servers" and the RPCs' receiver implementations) and of
// the sections it condenses; section numbers are those of the extended paper, "thesis" those of
// "Consensus: Bridging Theory and Practice".
import { describe, expect, it } from '@jest/globals';
import {
  configuration,
  entry,
  log,
  ofKind,
  raftConfig,
  restored,
  Single,
} from './support/fixtures.js';
import {
  appendRejection,
  appendRequest,
  appendSuccess,
  heartbeat,
  voteRequest,
  voteResponse,
} from './support/messages.js';

const three = configuration([1, 2, 3]);
const five = configuration([1, 2, 3, 4, 5]);
const replica = (terms: readonly number[] = [], commitIndex = 0, members = three): Single =>
  new Single(raftConfig(1), restored(members, terms, { commitIndex }));
const leader = (terms: readonly number[] = [], commitIndex = 0, members = three): Single => {
  const single = replica(terms, commitIndex, members);
  single.elect(members.voters.slice(1));
  expect(single.raft.status().role).toBe('leader');
  return single;
};
const indexes = (entries: readonly { index: number }[]): number[] =>
  entries.map(({ index }) => index);

describe('all servers', () => {
  it('apply log[lastApplied] in order once commitIndex > lastApplied (section 5.3)', () => {
    const node = replica();
    node.step(appendRequest(0, 0, log([1, 1, 1]), { leaderCommit: 2 }));
    expect(indexes(node.committed)).toEqual([1, 2]);
    node.step(heartbeat(1, { leaderCommit: 3 }));
    expect(indexes(node.committed)).toEqual([1, 2, 3]);
  });

  it.each([
    heartbeat(7),
    appendRequest(0, 0, [], { term: 7 }),
    voteRequest(7),
    appendSuccess(2, 7, 0),
    voteResponse(2, 7, { voteGranted: false }),
  ])('adopt a newer term and become follower: $kind (section 5.1)', (message) => {
    const node = leader([1]);
    // Out of contact with its quorum, or it would deny the vote (thesis section 4.2.3).
    node.tick(20);
    node.step(message);
    expect(node.raft.status()).toMatchObject({ role: 'follower', currentTerm: 7 });
  });

  it('reject requests of an older term, with their own (section 5.1)', () => {
    const node = replica([3]);
    const [reply] = ofKind(node.step(appendRequest(0, 0, log([2]))), 'appendEntriesResponse');
    expect(reply).toMatchObject({ success: false, term: 3 });
    const [vote] = ofKind(node.step(voteRequest(2)), 'requestVoteResponse');
    expect(vote).toMatchObject({ voteGranted: false, term: 3 });
  });
});

describe('followers', () => {
  it('start as such (section 5.2)', () => {
    expect(replica([1, 2]).raft.status()).toMatchObject({ role: 'follower', leaderId: 0 });
  });

  it('stay such while they hear from a leader (section 5.2)', () => {
    const node = replica([1]);
    for (let i = 0; i < 50; i += 1) {
      node.step(heartbeat(1));
      node.tick(10);
    }
    expect(node.raft.status()).toMatchObject({ role: 'follower', leaderId: 2, currentTerm: 1 });
  });

  it('campaign after an election timeout without contact, at a random time (section 5.2)', () => {
    const timeouts = new Set<number>();
    for (let seed = 1; seed <= 50; seed += 1) {
      const node = new Single(raftConfig(1, { seed }), restored(three));
      let ticks = 0;
      while (node.raft.status().role === 'follower') {
        node.tick();
        ticks += 1;
      }
      timeouts.add(ticks);
    }
    expect(Math.min(...timeouts)).toBeGreaterThanOrEqual(20);
    expect(Math.max(...timeouts)).toBeLessThanOrEqual(32);
    expect(timeouts.size).toBeGreaterThan(8);
  });
});

describe('candidates', () => {
  it('increment the term, vote for themselves and ask all others (section 5.2)', () => {
    const node = replica([1, 2]);
    node.tickToPreVote();
    node.raft.step(voteResponse(2, 2, { preVote: true, requestTerm: 3 }));
    const requests = ofKind(node.settle(), 'requestVoteRequest');
    expect(node.raft.status()).toMatchObject({ role: 'candidate', currentTerm: 3, votedFor: 1 });
    expect(requests.map(({ to }) => to)).toEqual([2, 3]);
    expect(requests[0]).toMatchObject({ term: 3, lastLogIndex: 2, lastLogTerm: 2, preVote: false });
  });

  it('become leader with votes of a majority (section 5.2)', () => {
    const node = replica([], 0, five);
    node.elect([2]);
    expect(node.raft.status().role).not.toBe('leader');
    node.elect([2, 3]);
    expect(node.raft.status().role).toBe('leader');
  });

  it('become followers when a leader of the term appears (section 5.2)', () => {
    const node = replica([], 0, five);
    node.elect([2, 3].slice(0, 1));
    const { currentTerm } = node.raft.status();
    node.step(appendRequest(0, 0, [], { term: Math.max(1, currentTerm), from: 4 }));
    expect(node.raft.status()).toMatchObject({ role: 'follower', leaderId: 4 });
  });

  it('start a new election when the timeout passes without a winner (section 5.2)', () => {
    const node = replica();
    node.tickToPreVote();
    node.raft.step(voteResponse(2, 0, { preVote: true, requestTerm: 1 }));
    node.settle();
    expect(node.raft.status()).toMatchObject({ role: 'candidate', currentTerm: 1 });
    const sent = node.tick(32);
    expect(ofKind(sent, 'requestVoteRequest').some((m) => m.preVote && m.term === 2)).toBe(true);
  });
});

describe('leaders', () => {
  it('send heartbeats during idle periods (section 5.2)', () => {
    const node = leader();
    expect(ofKind(node.tick(4), 'heartbeatRequest').map(({ to }) => to)).toEqual([2, 3]);
  });

  it('append what clients ask and answer once it is committed (section 5.3)', () => {
    const node = leader();
    expect(node.raft.propose([new Uint8Array([7])])).toEqual({
      kind: 'appended',
      term: 1,
      firstIndex: 2,
    });
    const [append] = ofKind(node.settle(), 'appendEntriesRequest');
    expect(append).toBeUndefined();
    node.step(appendSuccess(2, 1, 1));
    expect(indexes(node.committed)).toEqual([1]);
    node.step(appendSuccess(2, 1, 2));
    expect(indexes(node.committed)).toEqual([1, 2]);
  });

  it('send entries from nextIndex on, with what precedes them (section 5.3)', () => {
    const node = replica([1, 1, 2]);
    const sent = ofKind(node.elect([2, 3]), 'appendEntriesRequest');
    expect(sent.map(({ to }) => to)).toEqual([2, 3]);
    expect(sent[0]).toMatchObject({ term: 3, prevLogIndex: 3, prevLogTerm: 2 });
    expect(indexes(sent[0]?.entries ?? [])).toEqual([4]);
  });

  it('decrement nextIndex after a rejection and retry (section 5.3)', () => {
    const node = leader([1, 1, 2]);
    const [retry] = ofKind(node.step(appendRejection(2, 3, 3, 1, 1)), 'appendEntriesRequest');
    expect(retry).toMatchObject({ to: 2, prevLogIndex: 1 + 0, prevLogTerm: 1 });
    expect(retry?.entries[0]?.index).toBe(2);
  });

  it('commit an entry of their term once a majority has it (sections 5.3, 5.4)', () => {
    const node = leader([], 0, five);
    node.step(appendSuccess(2, 1, 1));
    expect(node.raft.status().commitIndex).toBe(0);
    node.step(appendSuccess(3, 1, 1));
    expect(node.raft.status().commitIndex).toBe(1);
  });

  it('never commit an older term’s entry by counting replicas (section 5.4.2, Figure 8)', () => {
    const node = leader([1, 2], 1);
    node.step(appendSuccess(2, 3, 2));
    node.step(appendSuccess(3, 3, 2));
    expect(node.raft.status().commitIndex).toBe(1);
    node.step(appendSuccess(3, 3, 3));
    expect(node.raft.status().commitIndex).toBe(3);
  });

  it('open their term with a no-op (section 8)', () => {
    const node = leader([1]);
    node.step(appendSuccess(2, 2, 2));
    expect(node.committed[1]).toMatchObject({ index: 2, term: 2, kind: 'noop' });
  });
});

describe('AppendEntries receivers', () => {
  const receiver = (): Single => replica([1, 1, 2, 2]);

  it.each([
    [5, 2, 4],
    [4, 1, 2],
    [4, 3, 3],
  ])('reject when log[%d] is not of term %d; hint %d', (prevLogIndex, prevLogTerm, hintIndex) => {
    const request = appendRequest(prevLogIndex, prevLogTerm, [], { term: 3 });
    const [reply] = ofKind(receiver().step(request), 'appendEntriesResponse');
    expect(reply).toMatchObject({ success: false, prevLogIndex, hintIndex });
  });

  it('delete a conflicting entry and all that follow it, and append the new ones', () => {
    const node = receiver();
    const [reply] = ofKind(node.step(appendRequest(2, 1, log([3], 3))), 'appendEntriesResponse');
    expect(reply).toMatchObject({ success: true, matchIndex: 3 });
    expect(node.raft.status()).toMatchObject({ lastIndex: 3 });
    expect(node.readys.flatMap(({ entries }) => entries)).toMatchObject([{ index: 3, term: 3 }]);
  });

  it('keep what follows when nothing conflicts: the message may be old (B19)', () => {
    const node = receiver();
    const request = appendRequest(1, 1, log([1], 2), { term: 2 });
    const [reply] = ofKind(node.step(request), 'appendEntriesResponse');
    expect(reply).toMatchObject({ success: true, matchIndex: 2 });
    expect(node.raft.status().lastIndex).toBe(4);
  });

  it('set commitIndex to min(leaderCommit, index of the last new entry)', () => {
    const node = receiver();
    node.step(appendRequest(1, 1, log([1], 2), { term: 2, leaderCommit: 4 }));
    expect(node.raft.status().commitIndex).toBe(2);
    node.step(appendRequest(4, 2, log([2], 5), { leaderCommit: 4 }));
    expect(node.raft.status().commitIndex).toBe(4);
  });

  it('say no more than what this message proves to match', () => {
    const request = appendRequest(1, 1, [], { term: 2 });
    const [reply] = ofKind(receiver().step(request), 'appendEntriesResponse');
    expect(reply).toMatchObject({ success: true, matchIndex: 1 });
  });

  it('ignore entries that do not follow prevLogIndex', () => {
    const node = receiver();
    expect(node.step(appendRequest(4, 2, [entry(6, 2)]))).toEqual([]);
    expect(node.raft.status().lastIndex).toBe(4);
  });
});

describe('RequestVote receivers', () => {
  it('vote for at most one candidate per term, and again for the same (section 5.2)', () => {
    const node = replica();
    const ask = (from: number) =>
      ofKind(node.step(voteRequest(1, { from })), 'requestVoteResponse');
    expect(ask(2)).toMatchObject([{ voteGranted: true }]);
    expect(ask(3)).toMatchObject([{ voteGranted: false }]);
    expect(ask(2)).toMatchObject([{ voteGranted: true }]);
  });

  it('remember the vote over a restart', () => {
    const state = restored(three, [], { currentTerm: 1, votedFor: 2 });
    const node = new Single(raftConfig(1), state);
    const [reply] = ofKind(node.step(voteRequest(1, { from: 3 })), 'requestVoteResponse');
    expect(reply).toMatchObject({ voteGranted: false });
  });

  it.each([
    [2, 2, true],
    [1, 3, true],
    [3, 1, false],
    [1, 2, false],
  ])('grant a log ending at %d of term %d: %s (section 5.4.1)', (lastLogIndex, term, expected) => {
    const request = voteRequest(4, { lastLogIndex, lastLogTerm: term });
    const [reply] = ofKind(replica([1, 2]).step(request), 'requestVoteResponse');
    expect(reply).toMatchObject({ voteGranted: expected, term: 4 });
  });

  it('vote whoever asks: the own configuration may be old (section 6, R8)', () => {
    const node = replica();
    const [reply] = ofKind(node.step(voteRequest(1, { from: 9 })), 'requestVoteResponse');
    expect(reply).toMatchObject({ to: 9, voteGranted: true });
  });

  it('deny while they hear from a leader, without adopting the term (thesis 4.2.3)', () => {
    const node = replica();
    node.step(heartbeat(1));
    node.tick(15);
    const ask = () => ofKind(node.step(voteRequest(2, { from: 3 })), 'requestVoteResponse');
    expect(ask()).toMatchObject([{ voteGranted: false, term: 1, requestTerm: 2 }]);
    node.tick(1);
    expect(ask()).toMatchObject([{ voteGranted: true, term: 2 }]);
  });

  it('grant in spite of the leader when it asked for the transfer (thesis 3.10)', () => {
    const node = replica();
    node.step(heartbeat(1));
    const request = voteRequest(2, { from: 3, leadershipTransfer: true });
    const [reply] = ofKind(node.step(request), 'requestVoteResponse');
    expect(reply).toMatchObject({ voteGranted: true });
  });
});
