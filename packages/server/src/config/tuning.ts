/** The options that become plain fields: `raft.tick_ms` → `tickMs`. */

import { defaultTrafficLimits } from '../net/traffic-guard.js';
import { withFallback } from './fallback.js';
import type { LimitOptions, RaftOptions } from './options.js';
import type { Stated } from './source.js';

export function raftOptions(options: Stated): RaftOptions {
  return {
    tickMs: withFallback(options, 'raft.tick_ms'),
    heartbeatMs: withFallback(options, 'raft.heartbeat_ms'),
    stickinessMs: withFallback(options, 'raft.stickiness_ms'),
    electionMsMin: withFallback(options, 'raft.election_ms_min'),
    electionMsMax: withFallback(options, 'raft.election_ms_max'),
    slowSyncMs: withFallback(options, 'raft.slow_sync_ms'),
    proposalBytesMax: withFallback(options, 'raft.proposal_bytes_max'),
    tailBytesMax: withFallback(options, 'raft.tail_bytes_max'),
    snapshotBytes: withFallback(options, 'raft.snapshot_bytes'),
    followerLogBytesMax: withFallback(options, 'raft.follower_log_bytes_max'),
    segmentBytes: withFallback(options, 'raft.segment_bytes'),
    walBytesMax: withFallback(options, 'raft.wal_bytes_max'),
  };
}

export function limitOptions(options: Stated): LimitOptions {
  return {
    connectionsMax: withFallback(options, 'limits.connections_max'),
    callsPerConnectionMax: withFallback(options, 'limits.calls_per_connection_max'),
    unaryCallsMax: withFallback(options, 'limits.unary_calls_max'),
    sessionStreamsMax: withFallback(options, 'limits.session_streams_max'),
    watchStreamsMax: withFallback(options, 'limits.watch_streams_max'),
    ownSessionPrincipalsMax: withFallback(options, 'limits.principals_max'),
    batchesMax: withFallback(options, 'limits.stream_batches_max'),
    bytesMax: withFallback(options, 'limits.stream_bytes_max'),
    totalBytesMax: withFallback(options, 'limits.total_bytes_max'),
    outputStallMs: withFallback(options, 'limits.output_stall_ms'),
    connectionIdleMs: withFallback(options, 'limits.connection_idle_ms'),
    callDeadlineMs: withFallback(options, 'limits.call_deadline_ms'),
    callDeadlineMsMax: withFallback(options, 'limits.call_deadline_ms_max'),
    handshakesInFlightMax: withFallback(options, 'limits.handshakes_in_flight_max'),
    handshakesPerSecondMax: withFallback(options, 'limits.handshakes_per_second_max'),
    handshakeTimeoutMs: withFallback(options, 'limits.handshake_ms_max'),
    connectionAgeMs: withFallback(options, 'limits.connection_age_ms'),
    traffic: {
      ...defaultTrafficLimits,
      streamsMax: withFallback(options, 'limits.streams_max'),
      connectionBytesMax: withFallback(options, 'limits.connection_bytes_max'),
      totalBytesMax: withFallback(options, 'limits.held_bytes_max'),
    },
  };
}
