import type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  Entry,
  HeartbeatRequest,
  HeartbeatResponse,
  InstallSnapshotRequest,
  RequestVoteRequest,
  RequestVoteResponse,
  SnapshotMeta,
} from '../../src/types.js';

/** Messages as another replica would send them to replica 1; every field can be overridden. */
export const appendRequest = (
  prevLogIndex: number,
  prevLogTerm: number,
  entries: readonly Entry[],
  more: Partial<AppendEntriesRequest> = {},
): AppendEntriesRequest => ({
  kind: 'appendEntriesRequest',
  from: 2,
  to: 1,
  term: Math.max(prevLogTerm, ...entries.map(({ term }) => term)),
  prevLogIndex,
  prevLogTerm,
  entries,
  leaderCommit: 0,
  clusterTime: 0,
  ...more,
});

export const appendSuccess = (
  from: number,
  term: number,
  matchIndex: number,
): AppendEntriesResponse => ({
  kind: 'appendEntriesResponse',
  from,
  to: 1,
  term,
  success: true,
  matchIndex,
  prevLogIndex: 0,
  hintIndex: 0,
  hintTerm: 0,
});

export const appendRejection = (
  from: number,
  term: number,
  prevLogIndex: number,
  hintIndex: number,
  hintTerm: number,
): AppendEntriesResponse => ({
  kind: 'appendEntriesResponse',
  from,
  to: 1,
  term,
  success: false,
  matchIndex: 0,
  prevLogIndex,
  hintIndex,
  hintTerm,
});

export const heartbeat = (
  term: number,
  more: Partial<HeartbeatRequest> = {},
): HeartbeatRequest => ({
  kind: 'heartbeatRequest',
  from: 2,
  to: 1,
  term,
  leaderCommit: 0,
  commitIndex: 0,
  readRound: 0,
  clusterTime: 0,
  ...more,
});

export const heartbeatResponse = (
  from: number,
  term: number,
  readRound = 0,
): HeartbeatResponse => ({ kind: 'heartbeatResponse', from, to: 1, term, readRound });

export const voteRequest = (
  term: number,
  more: Partial<RequestVoteRequest> = {},
): RequestVoteRequest => ({
  kind: 'requestVoteRequest',
  from: 2,
  to: 1,
  term,
  preVote: false,
  lastLogIndex: 0,
  lastLogTerm: 0,
  leadershipTransfer: false,
  ...more,
});

export const voteResponse = (
  from: number,
  term: number,
  more: Partial<RequestVoteResponse> = {},
): RequestVoteResponse => ({
  kind: 'requestVoteResponse',
  from,
  to: 1,
  term,
  preVote: false,
  voteGranted: true,
  requestTerm: term,
  clusterTimeTerm: 0,
  clusterTime: 0,
  ...more,
});

export const snapshotRequest = (
  term: number,
  snapshot: SnapshotMeta,
  more: Partial<InstallSnapshotRequest> = {},
): InstallSnapshotRequest => ({
  kind: 'installSnapshotRequest',
  from: 2,
  to: 1,
  term,
  snapshot,
  clusterTime: 0,
  ...more,
});
