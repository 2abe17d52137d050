/** The rules between the times of Raft (R7), the bounds of its log (R6) and those of clients. */
import { deriveLimits, VALUE_BYTES_MAX_DEFAULT } from '@cashe/codec';
import { withFallback } from './fallback.js';
import type { OptionKey } from './schema.js';
import type { Stated } from './source.js';
import { bytesText } from './values.js';

interface Broken {
  readonly key: OptionKey;
  readonly text: string;
}

export function* limitProblems(options: Stated): Generator<Broken> {
  yield* timingProblems(options);
  yield* logProblems(options);
  yield* clientProblems(options);
}

const timeKeys = [
  'raft.heartbeat_ms',
  'raft.stickiness_ms',
  'raft.election_ms_min',
  'raft.election_ms_max',
] as const;

/** What keeps elections rare while a leader lives, and quick when it does not (R7). */
function* timingProblems(options: Stated): Generator<Broken> {
  const tick = withFallback(options, 'raft.tick_ms');
  for (const key of timeKeys) {
    const ms = withFallback(options, key);
    const text = `${ms} is not a multiple of raft.tick_ms, which is ${tick}`;
    if (ms % tick !== 0) yield { key: blamed(options, key, 'raft.tick_ms'), text };
  }
  const heartbeat = withFallback(options, 'raft.heartbeat_ms');
  const stickiness = withFallback(options, 'raft.stickiness_ms');
  const min = withFallback(options, 'raft.election_ms_min');
  const max = withFallback(options, 'raft.election_ms_max');
  if (stickiness < 2 * heartbeat) {
    const text =
      `raft.stickiness_ms (${stickiness}) must be two heartbeats or more ` +
      `(raft.heartbeat_ms is ${heartbeat}): one late heartbeat would let others campaign`;
    yield { key: blamed(options, 'raft.stickiness_ms', 'raft.heartbeat_ms'), text };
  }
  if (min < stickiness) {
    const text =
      `raft.election_ms_min (${min}) must not be below raft.stickiness_ms (${stickiness}): ` +
      'whoever campaigned earlier would get no votes';
    yield { key: blamed(options, 'raft.election_ms_min', 'raft.stickiness_ms'), text };
  }
  if (max < min + heartbeat) {
    const text =
      `raft.election_ms_max (${max}) must be at least raft.election_ms_min (${min}) and a ` +
      `heartbeat (${heartbeat}): candidates that draw like times split the votes`;
    yield { key: blamed(options, 'raft.election_ms_max', 'raft.election_ms_min'), text };
  }
}

/** The bounds of the log, for values of the default size; see `logSizeProblem`. */
function* logProblems(options: Stated): Generator<Broken> {
  const proposalBytesMax = withFallback(options, 'raft.proposal_bytes_max');
  const tailBytesMax = withFallback(options, 'raft.tail_bytes_max');
  const text = tailProblem({ proposalBytesMax, tailBytesMax }, VALUE_BYTES_MAX_DEFAULT);
  if (text !== undefined) {
    yield { key: blamed(options, 'raft.tail_bytes_max', 'raft.proposal_bytes_max'), text };
  }
  const segment = withFallback(options, 'raft.segment_bytes');
  if (segment % pageBytes !== 0) {
    yield { key: 'raft.segment_bytes', text: `${segment} is not a multiple of ${pageBytes}` };
  }
  const snapshot = withFallback(options, 'raft.snapshot_bytes');
  const walBytesMin = snapshot + 2 * segment;
  const wal = withFallback(options, 'raft.wal_bytes_max');
  if (wal >= walBytesMin) return;
  const needs =
    `raft.wal_bytes_max (${bytesText(wal)}) must hold raft.snapshot_bytes ` +
    `(${bytesText(snapshot)}) and two segments (raft.segment_bytes is ${bytesText(segment)})`;
  const others = ['raft.snapshot_bytes', 'raft.segment_bytes'] as const;
  const other = others.find((key) => options[key] !== undefined);
  yield { key: blamed(options, 'raft.wal_bytes_max', other ?? 'raft.wal_bytes_max'), text: needs };
}

const pageBytes = 4096;

/**
 * R6: what waits to be proposed fits into the memory tail beside the largest entry, or it would
 * wait although the log is idle. Undefined: it does.
 */
export function tailProblem(
  sizes: { readonly tailBytesMax: number; readonly proposalBytesMax: number },
  valueBytesMax: number,
): string | undefined {
  const { tailBytesMax, proposalBytesMax } = sizes;
  const { entryBytesMax } = deriveLimits(valueBytesMax);
  if (tailBytesMax >= proposalBytesMax + entryBytesMax) return undefined;
  return (
    `raft.tail_bytes_max (${bytesText(tailBytesMax)}) must hold raft.proposal_bytes_max ` +
    `(${bytesText(proposalBytesMax)}) and one largest entry (${bytesText(entryBytesMax)})`
  );
}

/** A bound on one thing must not be above the bound on all of them. */
const ordered = [
  ['limits.stream_bytes_max', 'limits.total_bytes_max'],
  ['limits.connection_bytes_max', 'limits.held_bytes_max'],
  ['limits.call_deadline_ms', 'limits.call_deadline_ms_max'],
] as const;

function* clientProblems(options: Stated): Generator<Broken> {
  for (const [small, large] of ordered) {
    const [least, most] = [withFallback(options, small), withFallback(options, large)];
    const text = `${small} (${least}) must not be above ${large} (${most})`;
    if (least > most) yield { key: blamed(options, small, large), text };
  }
}

/** Of two options that do not fit, the one that was stated; where both were, the first. */
function blamed(options: Stated, first: OptionKey, second: OptionKey): OptionKey {
  return options[first] === undefined && options[second] !== undefined ? second : first;
}
