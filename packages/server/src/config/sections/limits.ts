/**
 * The section `limits`: bounds of the public services that an operator may have to move (R35). A
 * further one is a key in LimitsValues, its entry in the table, its field in LimitOptions, and its
 * line in `limitOptions` of tuning.ts.
 */
import { defaultApiLimits } from '../../api/limits.js';
import { defaultTrafficLimits } from '../../net/traffic-guard.js';
import type { OptionSpecs } from '../option.js';
import type { LimitOptions } from '../options.js';
import { bytes, bytesText, integer } from '../values.js';

export interface LimitsValues {
  readonly 'limits.connections_max': number;
  readonly 'limits.calls_per_connection_max': number;
  readonly 'limits.unary_calls_max': number;
  readonly 'limits.session_streams_max': number;
  readonly 'limits.watch_streams_max': number;
  readonly 'limits.principals_max': number;
  readonly 'limits.stream_batches_max': number;
  readonly 'limits.stream_bytes_max': number;
  readonly 'limits.total_bytes_max': number;
  readonly 'limits.output_stall_ms': number;
  readonly 'limits.connection_idle_ms': number;
  readonly 'limits.call_deadline_ms': number;
  readonly 'limits.call_deadline_ms_max': number;
  readonly 'limits.handshakes_in_flight_max': number;
  readonly 'limits.handshakes_per_second_max': number;
  readonly 'limits.handshake_ms_max': number;
  readonly 'limits.connection_age_ms': number;
  readonly 'limits.streams_max': number;
  readonly 'limits.connection_bytes_max': number;
  readonly 'limits.held_bytes_max': number;
}

const MIB = 1024 * 1024;
const countMax = 1_000_000;
const msMax = 86_400_000;
/** The largest batch at the largest value limit: a stream must be able to carry one. */
const streamBytesMin = 16 * MIB;

const count = (field: Counted, help: string): Count => ({
  schema: integer(1, countMax),
  help,
  fallback: defaultApiLimits[field],
});
const time = (field: Counted, help: string): Count => ({
  schema: integer(1, msMax),
  help,
  fallback: defaultApiLimits[field],
});
type Counted = Exclude<keyof LimitOptions, 'traffic'>;
type Count = OptionSpecs<LimitsValues>['limits.connections_max'];

export const limitsOptions: OptionSpecs<LimitsValues> = {
  'limits.connections_max': count(
    'connectionsMax',
    'client connections per listen address; more are refused',
  ),
  'limits.calls_per_connection_max': count(
    'callsPerConnectionMax',
    'calls in flight on one connection; more wait at the client',
  ),
  'limits.unary_calls_max': count(
    'unaryCallsMax',
    'calls in flight on this node that are no stream; more are RESOURCE_EXHAUSTED',
  ),
  'limits.session_streams_max': count(
    'sessionStreamsMax',
    'Session streams, one per SDK client and connection; more are RESOURCE_EXHAUSTED',
  ),
  'limits.watch_streams_max': count(
    'watchStreamsMax',
    'streams of WatchTopology, health Watch and reflection, each; more are RESOURCE_EXHAUSTED',
  ),
  'limits.principals_max': count(
    'ownSessionPrincipalsMax',
    'principals whose calls without a session run here at a time; more are RESOURCE_EXHAUSTED',
  ),
  'limits.stream_batches_max': count(
    'batchesMax',
    'batches in flight granted to each Session stream; more end the stream',
  ),
  'limits.stream_bytes_max': {
    schema: bytes(streamBytesMin),
    help: 'bytes of ops in flight granted to each Session stream; more end the stream',
    fallback: defaultApiLimits.bytesMax,
    format: bytesText,
  },
  'limits.total_bytes_max': {
    schema: bytes(streamBytesMin),
    help: 'bytes of ops in flight over all streams; beyond it batches are refused as BUSY',
    fallback: defaultApiLimits.totalBytesMax,
    format: bytesText,
  },
  'limits.output_stall_ms': time(
    'outputStallMs',
    'a client that takes none of its answers for this long loses its stream',
  ),
  'limits.connection_idle_ms': time(
    'connectionIdleMs',
    'a connection without calls is closed after this time',
  ),
  'limits.call_deadline_ms': time('callDeadlineMs', 'deadline of a call that states none'),
  'limits.call_deadline_ms_max': time(
    'callDeadlineMsMax',
    'a longer deadline of a call is cut to this',
  ),
  'limits.handshakes_in_flight_max': count(
    'handshakesInFlightMax',
    'TLS handshakes under way per port; more connections are closed',
  ),
  'limits.handshakes_per_second_max': count(
    'handshakesPerSecondMax',
    'TLS handshakes begun per second in the long run; each takes about a millisecond of the loop',
  ),
  'limits.handshake_ms_max': time(
    'handshakeTimeoutMs',
    'a connection whose TLS handshake takes longer is closed',
  ),
  'limits.connection_age_ms': time(
    'connectionAgeMs',
    'with TLS: a connection ends at this age, so that none outlives its certificate for long',
  ),
  'limits.streams_max': {
    schema: integer(1, countMax),
    help: 'calls and streams on the client port over all connections; more are RESOURCE_EXHAUSTED',
    fallback: defaultTrafficLimits.streamsMax,
  },
  'limits.connection_bytes_max': {
    schema: bytes(streamBytesMin),
    help: 'bytes held for one connection in both directions; beyond it its streams end',
    fallback: defaultTrafficLimits.connectionBytesMax,
    format: bytesText,
  },
  'limits.held_bytes_max': {
    schema: bytes(streamBytesMin),
    help: 'the same over all connections',
    fallback: defaultTrafficLimits.totalBytesMax,
    format: bytesText,
  },
};
