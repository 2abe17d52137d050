// Section 3 and R29: batches into entries, and what their callers are told.

import { Code, decodeEntry, deriveLimits, Outcome, type WriteAnswer } from '@cashe/codec';
import type { AppliedEntry, BatchAnswer } from '@cashe/store';
import { describe, expect, it } from '@jest/globals';
import { hostConfig } from '../../src/host/host-config.js';
import { type BuiltEntry, type EntryStamp, Writes } from '../../src/host/writes.js';
import { set } from '../support/host-client.js';

const LIMITS = deriveLimits(1024 * 1024);
const STAMP: EntryStamp = {
  clusterTimeMs: 5,
  restartLeases: false,
  recencyHints: [],
  digest: undefined,
};
const OK: BatchAnswer = { code: Code.OK, firstRevision: 11, exceptions: [] };

function setup(config: Parameters<typeof hostConfig>[0] = {}): {
  writes: Writes;
  answers: WriteAnswer[];
  push(sequence: number, opCount?: number, bytes?: number, deadlineMs?: number): boolean;
  take(nowMs?: number): BuiltEntry[];
} {
  const writes = new Writes(hostConfig(config));
  const answers: WriteAnswer[] = [];
  return {
    writes,
    answers,
    push: (sequence, opCount = 1, bytes = 20, deadlineMs = 1000) =>
      writes.push({
        batch: {
          kind: 'write',
          transmission: sequence,
          group: 0,
          session: 4,
          sequence,
          firstOutstanding: 1,
          remainingMs: 1000,
          ops: new Uint8Array(bytes),
        },
        principal: 'anonymous',
        ops: Array.from({ length: opCount }, () => set('k', 'v')),
        verdicts: [],
        crc: 9,
        deadlineMs,
        done: (answer) => answers.push(answer),
      }),
    take: (nowMs = 0) =>
      writes.take(
        nowMs,
        LIMITS,
        () => STAMP,
        (write) => write,
      ),
  };
}

function applied(answers: readonly BatchAnswer[]): AppliedEntry {
  return { answers, command: undefined, metaChanged: false, digest: undefined };
}

describe('proposing', () => {
  it('puts everything queued into one entry, bytes untouched', () => {
    const { push, take } = setup();
    push(1);
    push(2);
    const built = take();
    expect(built).toHaveLength(1);
    const { header, batches } = decodeEntry(built[0]?.data ?? new Uint8Array());
    expect(header.clusterTimeMs).toBe(5);
    expect(header.envelopes.map((envelope) => envelope.sequence)).toEqual([1, 2]);
    expect(batches.map((batch) => batch.length)).toEqual([20, 20]);
  });

  it('starts another entry where the op or byte limit is reached', () => {
    const ops = setup({ entryOpsMax: 10 });
    for (const sequence of [1, 2, 3]) ops.push(sequence, 4);
    expect(ops.take().map((entry) => entry.writes.length)).toEqual([2, 1]);

    const bytes = setup();
    for (const sequence of [1, 2, 3]) bytes.push(sequence, 1, LIMITS.entryBytesMax * 0.4);
    expect(bytes.take().map((entry) => entry.writes.length)).toEqual([2, 1]);
  });

  it('gives each command an entry of its own', () => {
    const { writes, push, take } = setup();
    push(1);
    writes.pushCommand({ kind: 'openSession', owner: 'anonymous' }, 1000, () => undefined);
    const built = take();
    expect(built.map((entry) => entry.command?.command.kind)).toEqual(['openSession', undefined]);
  });

  it('answers what passed its deadline instead of proposing it', () => {
    const { answers, push, take } = setup();
    push(1, 1, 20, 50);
    push(2);
    expect(take(60).flatMap((entry) => entry.writes.length)).toEqual([1]);
    expect(answers).toMatchObject([
      { transmission: 1, code: Code.DEADLINE_EXCEEDED, outcome: Outcome.NOT_COMMITTED },
    ]);
  });

  it('refuses beyond its bounds, in batches and in bytes', () => {
    const count = setup({ proposalsMax: 2 });
    expect([1, 2, 3].map((sequence) => count.push(sequence))).toEqual([true, true, false]);
    const bytes = setup({ proposalBytesMax: 100 });
    expect([1, 2].map((sequence) => bytes.push(sequence, 1, 80))).toEqual([true, false]);
  });
});

describe('outcomes (R29)', () => {
  it('are committed when the entry itself is applied', () => {
    const { writes, answers, push, take } = setup();
    push(1);
    writes.appended(take(), 3, 7);
    writes.applied(7, 3, applied([OK]));
    expect(answers).toMatchObject([
      { code: Code.OK, outcome: Outcome.COMMITTED, firstRevision: 11 },
    ]);
  });

  it('are not committed when another term committed that position', () => {
    const { writes, answers, push, take } = setup();
    push(1);
    writes.appended(take(), 3, 7);
    writes.applied(7, 4, applied([OK]));
    expect(answers).toMatchObject([{ code: Code.NOT_LEADER, outcome: Outcome.NOT_COMMITTED }]);
  });

  it('are unknown when leadership is lost, and only once', () => {
    const { writes, answers, push, take } = setup();
    push(1);
    writes.appended(take(), 3, 7);
    writes.abandon();
    writes.applied(7, 3, applied([OK]));
    expect(answers).toMatchObject([{ code: Code.UNKNOWN_OUTCOME, outcome: Outcome.UNKNOWN }]);
  });

  it.each([
    Code.SESSION_UNKNOWN,
    Code.STALE,
    Code.TOO_MANY,
    Code.SESSION_CONFLICT,
    Code.OUT_OF_ORDER,
  ])('are not committed when the session refuses (code %i)', (code) => {
    const { writes, answers, push, take } = setup();
    push(1);
    writes.appended(take(), 3, 7);
    writes.applied(7, 3, applied([{ code, firstRevision: 0, exceptions: [] }]));
    expect(answers).toMatchObject([{ code, outcome: Outcome.NOT_COMMITTED }]);
  });

  it('hand the decoded entry only to the position and term it was proposed for', () => {
    const { writes, push, take } = setup();
    push(1);
    writes.appended(take(), 3, 7);
    expect(writes.decodedAt(7, 3)).toBeDefined();
    expect(writes.decodedAt(7, 4)).toBeUndefined();
    expect(writes.decodedAt(8, 3)).toBeUndefined();
  });
});
