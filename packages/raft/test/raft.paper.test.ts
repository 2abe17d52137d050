// One test per rule of Figure 2 (state, the receivers of the RPCs, "Rules for Servers") and of the
// text it condenses. Section numbers are those of the extended paper, "thesis" those of
// "Consensus: Bridging Theory and Practice". Every test of a rule names its section, and
// test/rules/citations.test.ts asks for all of them. Where the others are:
//
//   section 6, thesis 4.1, 4.2.1, 4.2.2, 4.3   membership.test.ts
//   section 7, thesis 5.1 (snapshots)          snapshot.test.ts
//   section 8, thesis 6.4 (reads)              read-index.test.ts
//   section 8, thesis 6.3 (sessions)           packages/store/test/sessions.test.ts
//   thesis 3.10 (leadership transfer)          transfer.test.ts
//   thesis 4.2.3, 6.2, 9.6 (elections)         election.test.ts
//   thesis 10.2.1 (disk in parallel)           ready.test.ts
//   Figure 3 (safety properties)               raft.random.test.ts
//   Figures 7 and 8, whole scenarios           raft.transcripts.test.ts
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
  heartbeatResponse,
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

describe('state', () => {
  it('persistent: currentTerm and votedFor are written before a vote leaves (section 5.1)', () => {
    const node = replica([1]);
    node.raft.step(voteRequest(2, { lastLogIndex: 1, lastLogTerm: 1 }));
    const ready = node.take();
    expect(ready).toMatchObject({ mustSync: true, messages: [] });
    expect(ready.hardState).toMatchObject({ currentTerm: 2, votedFor: 2 });
    expect(ready.messagesAfterPersist).toMatchObject([{ voteGranted: true }]);
  });

  it('persistent: currentTerm and log[] are written before they are acknowledged (5.1)', () => {
    const node = replica([1]);
    node.raft.step(appendRequest(1, 1, log([2, 2], 2)));
    const ready = node.take();
    expect(ready).toMatchObject({ mustSync: true, messages: [], hardState: { currentTerm: 2 } });
    expect(indexes(ready.entries)).toEqual([2, 3]);
    expect(ready.messagesAfterPersist).toMatchObject([{ success: true, matchIndex: 3 }]);
  });

  it('persistent: currentTerm starts at 0, without a vote, and never goes back', () => {
    const node = replica();
    expect(node.raft.status()).toMatchObject({ currentTerm: 0, votedFor: 0 });
    node.step(heartbeat(5));
    node.step(heartbeat(3));
    expect(node.raft.status().currentTerm).toBe(5);
  });

  it('volatile: commitIndex and lastApplied start at 0 and never go back', () => {
    const node = replica([1, 1]);
    expect(node.raft.status()).toMatchObject({ commitIndex: 0, appliedIndex: 0 });
    node.step(appendRequest(2, 1, [], { leaderCommit: 2 }));
    node.step(appendRequest(2, 1, [], { leaderCommit: 1 }));
    expect(node.raft.status()).toMatchObject({ commitIndex: 2, appliedIndex: 2 });
  });
});

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
    // The vote it gave itself was for its own term.
    expect(node.raft.status().votedFor).not.toBe(1);
  });

  it('ignore answers of an older term (section 5.1)', () => {
    const node = leader([2]);
    node.step(appendSuccess(2, 2, 2));
    node.step(appendSuccess(3, 2, 2));
    expect(node.raft.status()).toMatchObject({ role: 'leader', currentTerm: 3, commitIndex: 0 });
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

  it('answer candidates and leaders, and send nothing by themselves (section 5.2)', () => {
    const node = replica([1]);
    expect(node.tick(19)).toEqual([]);
    expect(node.step(heartbeat(1))).toHaveLength(1);
    expect(node.step(appendRequest(1, 1, []))).toHaveLength(1);
    expect(node.step(voteRequest(1, { from: 3 }))).toHaveLength(1);
  });

  it('put off their campaign when they grant a vote, not when they deny it (section 5.2)', () => {
    const ticksAfter = (lastLogTerm: number): number => {
      const node = replica([1, 2]);
      node.tick(19);
      node.step(voteRequest(3, { lastLogIndex: 2, lastLogTerm }));
      let ticks = 0;
      for (; node.raft.status().role === 'follower'; ticks += 1) node.tick();
      return ticks;
    };
    expect(ticksAfter(2)).toBeGreaterThanOrEqual(20);
    expect(ticksAfter(1)).toBeLessThanOrEqual(32 - 19);
  });

  it('campaign although a leader of an older term sends (section 5.2)', () => {
    const node = replica([2]);
    for (let i = 0; i < 32; i += 1) {
      node.step(heartbeat(1));
      node.tick();
    }
    expect(node.raft.status()).toMatchObject({ role: 'preCandidate', currentTerm: 2 });
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
  it('announce themselves to everybody at once when elected (section 5.2)', () => {
    const sent = ofKind(replica([1]).elect([2, 3]), 'appendEntriesRequest');
    expect(sent.map(({ to, term }) => [to, term])).toEqual([
      [2, 2],
      [3, 2],
    ]);
  });

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
    // Both are still asked for the entry before, one message at a time.
    expect(ofKind(node.settle(), 'appendEntriesRequest')).toEqual([]);
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

  it('start with nextIndex after their log and matchIndex 0, in every term (section 5.3)', () => {
    const node = leader([1, 1]);
    const progress = () =>
      node.raft.status().progress.map(({ nextIndex, matchIndex }) => [nextIndex, matchIndex]);
    const start = replica([1, 1]);
    start.elect([2, 3]);
    expect(start.raft.status().progress.map(({ matchIndex }) => matchIndex)).toEqual([0, 0]);
    node.step(appendSuccess(2, 2, 3));
    expect(progress()).toEqual([
      [4, 3],
      [3, 0],
    ]);
    node.step(heartbeat(3));
    node.elect([2, 3]);
    expect(node.raft.status()).toMatchObject({ role: 'leader', currentTerm: 4 });
    expect(progress()).toEqual([
      [4, 0],
      [4, 0],
    ]);
  });

  it('raise matchIndex and nextIndex after a success, and never lower them (section 5.3)', () => {
    const node = leader([1, 1]);
    const of2 = () => node.raft.status().progress.find(({ replicaId }) => replicaId === 2);
    node.step(appendSuccess(2, 2, 3));
    expect(of2()).toMatchObject({ matchIndex: 3, nextIndex: 4 });
    node.step(appendSuccess(2, 2, 1));
    node.step(appendRejection(2, 2, 2, 1, 1));
    expect(of2()).toMatchObject({ matchIndex: 3, nextIndex: 4 });
  });

  it('never overwrite or delete entries of their log (Figure 3, Leader Append-Only)', () => {
    const node = leader([1, 1]);
    node.step(appendRequest(0, 0, log([1, 2]), { term: 2 }));
    expect(node.raft.status()).toMatchObject({ role: 'leader', lastIndex: 3 });
  });

  it('send again and again to a follower that does not acknowledge (sections 5.3, 5.5)', () => {
    const node = leader([1]);
    for (let round = 0; round < 20; round += 1) {
      node.tick(4);
      node.step(heartbeatResponse(2, 2));
      const again = ofKind(node.step(heartbeatResponse(3, 2)), 'appendEntriesRequest');
      expect(again).toMatchObject([{ to: 3, prevLogIndex: 1, entries: [{ index: 2 }] }]);
    }
  });

  it('decrement nextIndex after a rejection and retry (section 5.3)', () => {
    const node = leader([1, 1, 2]);
    const [retry] = ofKind(node.step(appendRejection(2, 3, 3, 1, 1)), 'appendEntriesRequest');
    expect(retry).toMatchObject({ to: 2, prevLogIndex: 1, prevLogTerm: 1 });
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

  it('1: reject an older term, with their own (section 5.1)', () => {
    const node = receiver();
    const stale = appendRequest(4, 2, [], { term: 1, leaderCommit: 4 });
    const [reply] = ofKind(node.step(stale), 'appendEntriesResponse');
    expect(reply).toMatchObject({ success: false, term: 2 });
    expect(node.raft.status()).toMatchObject({ leaderId: 0, commitIndex: 0 });
  });

  it.each([
    [5, 2, 4],
    [4, 1, 2],
    [4, 3, 3],
  ])(
    '2: reject when log[%d] is not of term %d; hint %d (section 5.3)',
    (prevLogIndex, prevLogTerm, hintIndex) => {
      const request = appendRequest(prevLogIndex, prevLogTerm, [], { term: 3 });
      const [reply] = ofKind(receiver().step(request), 'appendEntriesResponse');
      expect(reply).toMatchObject({ success: false, prevLogIndex, hintIndex });
    },
  );

  it('3: delete a conflicting entry and all that follow it (section 5.3)', () => {
    const node = receiver();
    const [reply] = ofKind(node.step(appendRequest(2, 1, log([3], 3))), 'appendEntriesResponse');
    expect(reply).toMatchObject({ success: true, matchIndex: 3 });
    expect(node.raft.status()).toMatchObject({ lastIndex: 3 });
    expect(node.readys.flatMap(({ entries }) => entries)).toMatchObject([{ index: 3, term: 3 }]);
  });

  it('3: keep what follows when nothing conflicts: it may be late (section 5.3, B19)', () => {
    const node = receiver();
    const request = appendRequest(1, 1, log([1], 2), { term: 2 });
    const [reply] = ofKind(node.step(request), 'appendEntriesResponse');
    expect(reply).toMatchObject({ success: true, matchIndex: 2 });
    expect(node.raft.status().lastIndex).toBe(4);
  });

  it('4: append what is not in the log; the same message twice changes nothing (5.3, 5.5)', () => {
    const node = receiver();
    const request = appendRequest(3, 2, log([2, 3, 3], 4));
    for (const time of [1, 2]) {
      const [reply] = ofKind(node.step(request), 'appendEntriesResponse');
      expect(reply).toMatchObject({ success: true, matchIndex: 6 });
      expect(node.raft.status().lastIndex).toBe(6);
      expect([time, node.readys.flatMap(({ entries }) => indexes(entries))]).toEqual([
        time,
        [5, 6],
      ]);
    }
  });

  it('5: set commitIndex to min(leaderCommit, index of last new entry) (section 5.3)', () => {
    const node = receiver();
    node.step(appendRequest(1, 1, log([1], 2), { term: 2, leaderCommit: 4 }));
    expect(node.raft.status().commitIndex).toBe(2);
    node.step(appendRequest(4, 2, log([2], 5), { leaderCommit: 4 }));
    expect(node.raft.status().commitIndex).toBe(4);
  });

  it('confirm no more than what this message proves to match (section 5.3)', () => {
    const request = appendRequest(1, 1, [], { term: 2 });
    const [reply] = ofKind(receiver().step(request), 'appendEntriesResponse');
    expect(reply).toMatchObject({ success: true, matchIndex: 1 });
  });

  it('ignore entries that do not follow prevLogIndex (section 5.3)', () => {
    const node = receiver();
    expect(node.step(appendRequest(4, 2, [entry(6, 2)]))).toEqual([]);
    expect(node.raft.status().lastIndex).toBe(4);
  });
});

describe('RequestVote receivers', () => {
  it('1: reject an older term, with their own (section 5.1)', () => {
    const request = voteRequest(2, { lastLogIndex: 9, lastLogTerm: 2 });
    const [reply] = ofKind(replica([3]).step(request), 'requestVoteResponse');
    expect(reply).toMatchObject({ voteGranted: false, term: 3 });
  });

  it('2: vote for at most one candidate per term, and again for the same (section 5.2)', () => {
    const node = replica();
    const ask = (from: number) =>
      ofKind(node.step(voteRequest(1, { from })), 'requestVoteResponse');
    expect(ask(2)).toMatchObject([{ voteGranted: true }]);
    expect(ask(3)).toMatchObject([{ voteGranted: false }]);
    expect(ask(2)).toMatchObject([{ voteGranted: true }]);
  });

  it('remember the vote over a restart (section 5.2)', () => {
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
  ])(
    '2: grant a log ending at %d of term %d: %s (section 5.4.1)',
    (lastLogIndex, term, expected) => {
      const request = voteRequest(4, { lastLogIndex, lastLogTerm: term });
      const [reply] = ofKind(replica([1, 2]).step(request), 'requestVoteResponse');
      expect(reply).toMatchObject({ voteGranted: expected, term: 4 });
    },
  );

  it('vote whoever asks: the own configuration may be old (section 6, R8)', () => {
    const node = replica();
    const [reply] = ofKind(node.step(voteRequest(1, { from: 9 })), 'requestVoteResponse');
    expect(reply).toMatchObject({ to: 9, voteGranted: true });
  });
});
