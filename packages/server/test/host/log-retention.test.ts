// How much log a leader keeps for its followers (R6): a rule over numbers.
import type { ProgressStatus } from '@cashe/raft';
import { describe, expect, it } from '@jest/globals';
import { type RetainedFor, retention } from '../../src/host/log-retention.js';
import type { WalStatus } from '../../src/host/storage-ports.js';

const covered = 1000;

function wal(diskBytes: number): WalStatus {
  const rest = { state: 'ready', segmentCount: 1, pinningGroup: undefined } as const;
  return { ...rest, diskBytes, diskBytesMax: 1000 };
}

function peers(...matchIndexes: readonly number[]): ProgressStatus[] {
  return matchIndexes.map((matchIndex, i) => ({
    replicaId: i + 2,
    state: 'probe',
    matchIndex,
    nextIndex: matchIndex + 1,
    silentTicks: 0,
    appendSilentTicks: 0,
    learner: false,
  }));
}

function kept(progress: ProgressStatus[], over: Partial<RetainedFor> = {}): RetainedFor {
  return { progress, transfers: new Map(), followerLogBytesMax: 10_000, ...over };
}

describe('the log below a snapshot', () => {
  it('goes when every follower has it', () => {
    expect(retention(covered, wal(100), kept(peers(1001, 2000)))).toEqual({
      releaseIndex: 1000,
      givenUp: [],
    });
  });

  it('stays from the last entry that the slowest follower has, for its term', () => {
    expect(retention(covered, wal(500), kept(peers(700, 2000))).releaseIndex).toBe(699);
    expect(retention(covered, wal(500), kept(peers(0))).releaseIndex).toBe(0);
  });

  it('goes nevertheless beyond half of what the log may have, or beyond the setting', () => {
    const behind = kept(peers(700));
    expect(retention(covered, wal(501), behind)).toEqual({ releaseIndex: 1000, givenUp: [2] });
    const little = { ...behind, followerLogBytesMax: 99 };
    expect(retention(covered, wal(100), little)).toEqual({ releaseIndex: 1000, givenUp: [2] });
  });

  it('stays longer for who is sent a snapshot, behind that one', () => {
    const sending = kept(peers(700, 0), { transfers: new Map([[3, 900]]) });
    expect(retention(covered, wal(700), sending)).toEqual({ releaseIndex: 899, givenUp: [2] });
    expect(retention(covered, wal(751), sending)).toEqual({ releaseIndex: 1000, givenUp: [2, 3] });
  });
});
