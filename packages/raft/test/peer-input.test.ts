// Goal: no message of a peer makes the core throw or break an invariant, however stale, foreign or
// contradictory. Method: arbitrary messages to a replica in an arbitrary role.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Entry, Message } from '../src/types.js';
import { configuration, entry, raftConfig, restored, Single } from './support/fixtures.js';

const small = fc.integer({ min: 0, max: 6 });
const base = { from: fc.integer({ min: 1, max: 5 }), to: fc.constantFrom(1, 1, 1, 2), term: small };
const clusterTime = fc.constant(0);
const entries = fc
  .tuple(small, fc.array(small, { maxLength: 4 }))
  .map(([first, terms]): Entry[] => terms.map((term, i) => entry(first + i, term)));
const snapshot = fc.record({
  lastIncludedIndex: small,
  lastIncludedTerm: small,
  configuration: fc.constantFrom(configuration([1, 2, 3]), configuration([2, 3])),
});

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    ...base,
    kind: fc.constant('requestVoteRequest' as const),
    preVote: fc.boolean(),
    lastLogIndex: small,
    lastLogTerm: small,
    leadershipTransfer: fc.boolean(),
  }),
  fc.record({
    ...base,
    kind: fc.constant('requestVoteResponse' as const),
    preVote: fc.boolean(),
    voteGranted: fc.boolean(),
    requestTerm: small,
    clusterTime,
    clusterTimeTerm: small,
  }),
  fc.record({
    ...base,
    kind: fc.constant('appendEntriesRequest' as const),
    prevLogIndex: small,
    prevLogTerm: small,
    entries,
    leaderCommit: small,
    clusterTime,
  }),
  fc.record({
    ...base,
    kind: fc.constant('appendEntriesResponse' as const),
    success: fc.boolean(),
    matchIndex: small,
    prevLogIndex: small,
    hintIndex: small,
    hintTerm: small,
  }),
  fc.record({
    ...base,
    kind: fc.constant('heartbeatRequest' as const),
    leaderCommit: small,
    commitIndex: small,
    readRound: small,
    clusterTime,
  }),
  fc.record({ ...base, kind: fc.constant('heartbeatResponse' as const), readRound: small }),
  fc.record({
    ...base,
    kind: fc.constant('installSnapshotRequest' as const),
    snapshot,
    clusterTime,
  }),
  fc.record({ ...base, kind: fc.constant('installSnapshotResponse' as const), matchIndex: small }),
  fc.record({ ...base, kind: fc.constant('timeoutNowRequest' as const) }),
);

describe('a replica', () => {
  it('survives any sequence of messages, in any role', () => {
    const setup = fc.record({
      messages: fc.array(message, { maxLength: 40 }),
      leads: fc.boolean(),
      settles: fc.boolean(),
    });
    fc.assert(
      fc.property(setup, ({ messages, leads, settles }) => {
        const node = new Single(raftConfig(1), restored(configuration([1, 2, 3]), [1, 1]));
        if (leads) node.elect([2, 3]);
        for (const item of messages) {
          node.raft.step(item);
          node.raft.checkInvariants();
          if (settles) node.settle();
          node.raft.tick();
        }
        expect(node.raft.status().currentTerm).toBeGreaterThanOrEqual(1);
      }),
      { numRuns: 2000 },
    );
  });

  it('ignores entries that are older than the committed ones they follow', () => {
    const node = new Single(raftConfig(1), restored(configuration([1, 2, 3]), [1, 1]));
    const snapshot = {
      lastIncludedIndex: 5,
      lastIncludedTerm: 1,
      configuration: { ...configuration([1, 2, 3]) },
    };
    const base = { from: 2, to: 1, term: 1, clusterTime: 0 };
    node.raft.step({ ...base, kind: 'installSnapshotRequest', snapshot });
    const entries = [{ index: 6, term: 0, kind: 'normal' as const, data: new Uint8Array(1) }];
    const older = { prevLogIndex: 5, prevLogTerm: 0, entries, leaderCommit: 0 };
    node.raft.step({ ...base, kind: 'appendEntriesRequest', ...older });
    expect(node.raft.status()).toMatchObject({ lastIndex: 5, commitIndex: 5 });
  });

  it('does not campaign for a leader of a term it has not heard of', () => {
    const node = new Single(raftConfig(1), restored(configuration([1, 2, 3]), [1, 1]));
    const term = Number.MAX_SAFE_INTEGER;
    node.raft.step({ kind: 'timeoutNowRequest', from: 2, to: 1, term });
    expect(node.raft.status()).toMatchObject({ role: 'follower', currentTerm: 1 });
  });

  it('ignores what is meant for another replica', () => {
    const node = new Single(raftConfig(1), restored(configuration([1, 2, 3])));
    node.raft.step({ kind: 'timeoutNowRequest', from: 2, to: 3, term: 9 });
    node.raft.step({ kind: 'goneNotice', from: 2, to: 3, term: 9 });
    expect(node.raft.hasReady()).toBe(false);
    expect(node.raft.status()).toMatchObject({ currentTerm: 0, removed: false });
  });
});
