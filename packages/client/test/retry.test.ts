// Goal: every answer code leads to the one right step (R15): nothing that may have executed is
// taken for refused. Method: the whole table, spelled out.

import { Code, type CodeName, Outcome } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import {
  decideOpen,
  decideRead,
  decideWrite,
  describeAnswer,
  errorCodeOf,
} from '../src/core/retry.js';

const byOutcome = 'by outcome';

const writes: Readonly<Record<CodeName, readonly [string, string]>> = {
  UNSPECIFIED: [byOutcome, 'resendLater'],
  OK: ['executed', 'settle'],
  NOT_FOUND: [byOutcome, 'resendLater'],
  INVALID_ARGUMENT: ['refused', 'fail'],
  TOO_LARGE: ['refused', 'fail'],
  RESOURCE_EXHAUSTED: ['refused', 'fail'],
  PERMISSION_DENIED: ['refused', 'fail'],
  NOT_LEADER: ['refused', 'resendLater'],
  WRONG_GROUP: ['refused', 'fail'],
  BUSY: [byOutcome, 'resendLater'],
  RETRY: [byOutcome, 'resendLater'],
  SESSION_UNKNOWN: ['refused', 'replaceSession'],
  STALE: ['refused', 'replaceSession'],
  TOO_MANY: ['refused', 'resendLater'],
  SESSION_CONFLICT: ['refused', 'replaceSession'],
  OUT_OF_ORDER: ['refused', 'resendFromGap'],
  DEADLINE_EXCEEDED: [byOutcome, 'resendLater'],
  ABORTED: [byOutcome, 'resendLater'],
  UNKNOWN_OUTCOME: ['lost', 'resend'],
  UNAVAILABLE: [byOutcome, 'resendLater'],
  CLUSTER_MISMATCH: ['refused', 'fail'],
};

const reads: Readonly<Record<CodeName, readonly [string, string]>> = {
  UNSPECIFIED: ['resendLater', 'resendLater'],
  OK: ['settle', 'settle'],
  NOT_FOUND: ['resendLater', 'resendLater'],
  INVALID_ARGUMENT: ['fail', 'fail'],
  TOO_LARGE: ['fail', 'resendLater'],
  RESOURCE_EXHAUSTED: ['resendLater', 'fail'],
  PERMISSION_DENIED: ['fail', 'fail'],
  NOT_LEADER: ['resendLater', 'resendLater'],
  WRONG_GROUP: ['fail', 'resendLater'],
  BUSY: ['resendLater', 'resendLater'],
  RETRY: ['resend', 'resendLater'],
  SESSION_UNKNOWN: ['replaceSession', 'resendLater'],
  STALE: ['resendLater', 'resendLater'],
  TOO_MANY: ['resendLater', 'resendLater'],
  SESSION_CONFLICT: ['replaceSession', 'resendLater'],
  OUT_OF_ORDER: ['resendLater', 'resendLater'],
  DEADLINE_EXCEEDED: ['resendLater', 'resendLater'],
  ABORTED: ['resendLater', 'resendLater'],
  UNKNOWN_OUTCOME: ['resendLater', 'resendLater'],
  UNAVAILABLE: ['resendLater', 'resendLater'],
  CLUSTER_MISMATCH: ['fail', 'fail'],
};

const names = Object.keys(Code) as CodeName[];
const outcomes = Object.values(Outcome);

describe('an answer to a write batch (R15, R29)', () => {
  it.each(names)('%s decides what follows', (name) => {
    const [fate, next] = writes[name];
    for (const outcome of outcomes) {
      const stated = outcome === Outcome.NOT_COMMITTED ? 'refused' : 'lost';
      const expected = { fate: fate === byOutcome ? stated : fate, next };
      expect(decideWrite(Code[name], outcome)).toEqual(expected);
    }
  });

  it('with a code of a later release proves nothing', () => {
    const decision = decideWrite(99 as Code, Outcome.NOT_COMMITTED);
    expect(decision).toEqual({ fate: 'lost', next: 'resendLater' });
  });
});

describe('an answer to a read batch or an open', () => {
  it.each(names)('%s decides what follows', (name) => {
    expect([decideRead(Code[name]), decideOpen(Code[name])]).toEqual([
      reads[name][0],
      name === 'OK' ? 'settle' : reads[name][1],
    ]);
  });
});

describe('a final refusal', () => {
  it('reaches the caller under its own code, or as ABORTED', () => {
    const seen = names.filter((name) => errorCodeOf(Code[name]) !== 'ABORTED');
    expect(seen).toEqual([
      'INVALID_ARGUMENT',
      'TOO_LARGE',
      'RESOURCE_EXHAUSTED',
      'PERMISSION_DENIED',
      'WRONG_GROUP',
      'CLUSTER_MISMATCH',
    ]);
    expect(describeAnswer(Code.BUSY, 'the disk is slow')).toBe('BUSY: the disk is slow');
    expect(describeAnswer(Code.BUSY, '')).toBe('BUSY');
  });
});
