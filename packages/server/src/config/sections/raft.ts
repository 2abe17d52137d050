/** The section `raft`: timing (R7), what is kept of the log (R6) and when the disk is slow (R9). */
import { hostConfig } from '../../host/host-config.js';
import type { OptionSpecs } from '../option.js';
import { bytes, bytesText, integer } from '../values.js';

export interface RaftValues {
  readonly 'raft.tick_ms': number;
  readonly 'raft.heartbeat_ms': number;
  readonly 'raft.stickiness_ms': number;
  readonly 'raft.election_ms_min': number;
  readonly 'raft.election_ms_max': number;
  readonly 'raft.slow_sync_ms': number;
  readonly 'raft.proposal_bytes_max': number;
  readonly 'raft.tail_bytes_max': number;
  readonly 'raft.snapshot_bytes': number;
  readonly 'raft.follower_log_bytes_max': number;
  readonly 'raft.segment_bytes': number;
  readonly 'raft.wal_bytes_max': number;
}

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const host = hostConfig();
const electionMsMax = 60_000;

const size = { format: bytesText };

export const raftOptions: OptionSpecs<RaftValues> = {
  'raft.tick_ms': {
    schema: integer(5, 1000),
    help: 'the unit of Raft time; the other times are multiples of it, the same on every node',
    fallback: host.tickMs,
  },
  'raft.heartbeat_ms': {
    schema: integer(5, electionMsMax),
    help: 'a leader that has nothing else to send is heard this often',
    fallback: host.tickMs * host.heartbeatTicks,
  },
  'raft.stickiness_ms': {
    schema: integer(5, electionMsMax),
    help:
      'a follower that heard its leader within this time votes for nobody else; ' +
      'at least two heartbeats',
    fallback: host.tickMs * host.stickinessTicks,
  },
  'raft.election_ms_min': {
    schema: integer(5, electionMsMax),
    help: 'silence of the leader after which a follower campaigns, at least; not below stickiness',
    fallback: host.tickMs * host.electionTicksMin,
  },
  'raft.election_ms_max': {
    schema: integer(5, electionMsMax),
    help: 'the same at most, a heartbeat or more above the least; each time is drawn between them',
    fallback: host.tickMs * host.electionTicksMax,
  },
  'raft.slow_sync_ms': {
    schema: integer(10, electionMsMax),
    help: 'a write that waits this long for its sync makes the node hand leadership over',
    fallback: host.slowSyncMs,
  },
  'raft.proposal_bytes_max': {
    schema: bytes(MIB),
    help: 'write batches waiting to be proposed; beyond it they are refused as BUSY',
    fallback: host.proposalBytesMax,
    ...size,
  },
  'raft.tail_bytes_max': {
    schema: bytes(MIB),
    help:
      'newest log entries kept in memory for followers; at least proposal_bytes_max and one ' +
      'largest entry',
    fallback: host.tailBytesMax,
    ...size,
  },
  'raft.snapshot_bytes': {
    schema: bytes(MIB),
    help: 'log since the last snapshot that triggers the next; the last one’s size if larger',
    fallback: host.snapshotTriggerBytes,
    ...size,
  },
  'raft.follower_log_bytes_max': {
    schema: bytes(0),
    help:
      'log kept on disk for followers that are behind; beyond it, or half of wal_bytes_max, they ' +
      'get a snapshot',
    fallback: host.followerLogBytesMax,
    ...size,
  },
  'raft.segment_bytes': {
    schema: bytes(32 * MIB, GIB),
    help: 'size of one file of the log, prepared ahead; a multiple of 4096',
    fallback: 64 * MIB,
    ...size,
  },
  'raft.wal_bytes_max': {
    schema: bytes(64 * MIB),
    help: 'log on disk; when it is full and nothing may go, writes wait',
    fallback: 4 * GIB,
    ...size,
  },
};
