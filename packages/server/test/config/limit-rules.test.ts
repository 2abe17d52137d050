// Goal: times and sizes that would make a node elect for ever, or stop for want of room, are
// refused before it starts; the option that was stated is named.
import { describe, expect, it } from '@jest/globals';
import { tailProblem } from '../../src/config/limit-rules.js';
import type { OptionKey } from '../../src/config/schema.js';
import { problemOf, resolve } from '../support/config.js';

type Values = { readonly [K in OptionKey]?: unknown };

describe('options that do not fit together', () => {
  it.each<[Values, string]>([
    [{ 'raft.heartbeat_ms': 45 }, 'raft.heartbeat_ms: 45 is not a multiple of raft.tick_ms'],
    [{ 'raft.tick_ms': 15 }, 'raft.tick_ms: 40 is not a multiple of raft.tick_ms, which is 15'],
    [{ 'raft.stickiness_ms': 70 }, 'raft.stickiness_ms: raft.stickiness_ms (70) must be two'],
    [{ 'raft.heartbeat_ms': 90 }, 'raft.heartbeat_ms: raft.stickiness_ms (160) must be two'],
    [{ 'raft.election_ms_min': 150 }, 'raft.election_ms_min: raft.election_ms_min (150) must not'],
    [{ 'raft.stickiness_ms': 210 }, 'raft.stickiness_ms: raft.election_ms_min (200) must not be'],
    [{ 'raft.election_ms_max': 230 }, 'raft.election_ms_max: raft.election_ms_max (230) must be'],
    [{ 'raft.election_ms_min': 300 }, 'raft.election_ms_min: raft.election_ms_max (320) must be'],
    [{ 'raft.tail_bytes_max': '32MiB' }, 'raft.tail_bytes_max: raft.tail_bytes_max (32MiB) must'],
    [
      { 'raft.proposal_bytes_max': '61MiB' },
      'raft.proposal_bytes_max: raft.tail_bytes_max (64MiB) must hold raft.proposal_bytes_max ' +
        '(61MiB) and one largest entry (4MiB)',
    ],
    [{ 'raft.segment_bytes': 33_554_433 }, 'raft.segment_bytes: 33554433 is not a multiple of'],
    [{ 'raft.segment_bytes': '16MiB' }, 'raft.segment_bytes: must be a number of bytes from'],
    [{ 'raft.wal_bytes_max': '300MiB' }, 'raft.wal_bytes_max: raft.wal_bytes_max (300MiB) must'],
    [{ 'raft.snapshot_bytes': '4GiB' }, 'raft.snapshot_bytes: raft.wal_bytes_max (4GiB) must hold'],
    [{ 'raft.tick_ms': 0 }, 'raft.tick_ms: must be an integer from 5 to 1000, not 0'],
    [{ 'limits.stream_bytes_max': '1GiB' }, 'limits.stream_bytes_max: limits.stream_bytes_max'],
    [{ 'limits.total_bytes_max': '1MiB' }, 'limits.total_bytes_max: must be a number of bytes'],
    [{ 'limits.call_deadline_ms_max': 100 }, 'limits.call_deadline_ms_max: limits.call_deadline'],
    [{ 'limits.connections_max': 0 }, 'limits.connections_max: must be an integer from 1 to'],
    [{ 'limits.connection_bytes_max': '2GiB' }, 'limits.connection_bytes_max (2147483648) must'],
    [{ 'logging.file': 'a', 'logging.error_file': 'a' }, 'logging.error_file: is logging.file'],
    [{ 'logging.file_bytes_max': 10 }, 'logging.file_bytes_max: must be a number of bytes from'],
  ])('%j are refused', (values, message) => {
    expect(problemOf(() => resolve(values))).toContain(message);
  });

  it('are fine when all of them are moved', () => {
    const slow = {
      'raft.tick_ms': 50,
      'raft.heartbeat_ms': 200,
      'raft.stickiness_ms': 800,
      'raft.election_ms_min': 1000,
      'raft.election_ms_max': 2000,
    };
    expect(resolve(slow).options.raft).toMatchObject({ tickMs: 50, electionMsMax: 2000 });
  });

  it('depend on the size of values where the memory tail is concerned', () => {
    const mib = 1024 * 1024;
    const sizes = { proposalBytesMax: 4 * mib, tailBytesMax: 9 * mib };
    expect(tailProblem(sizes, mib)).toBeUndefined();
    expect(tailProblem(sizes, 8 * mib)).toContain('raft.tail_bytes_max (9MiB) must hold');
  });
});
