// R24: the server recomputes the group of every key; the client's map is only a hint.

import {
  Code,
  Consistency,
  deriveLimits,
  groupOfKey,
  OpsEncoder,
  Outcome,
  openPolicy,
  opFor,
  type ReadAnswer,
  type WriteAnswer,
} from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import { AccessGuard, noAudit } from '../../src/host/access-guard.js';
import type { Replica } from '../../src/host/replica.js';
import { submitRead, submitWrite } from '../../src/host/submit.js';
import { set } from '../support/host-client.js';

const GROUPS = 3;
const context = { groupCount: GROUPS, nowMs: 0, crc32: () => 1 };

function keyOf(group: number): string {
  for (let i = 0; ; i += 1) if (groupOfKey(`key${i}`, GROUPS) === group) return `key${i}`;
}

function setup(): { replica: Replica; queued: string[] } {
  const queued: string[] = [];
  const replica = {
    limits: deriveLimits(1024),
    access: new AccessGuard(() => openPolicy, { tlsOn: false, audit: noAudit }),
    write: () => queued.push('write') > 0,
    read: () => queued.push('read') > 0,
  };
  return { replica: replica as never as Replica, queued };
}

function write(
  keys: readonly string[],
  group: number,
): { answers: WriteAnswer[]; queued: string[] } {
  const { replica, queued } = setup();
  const encoder = new OpsEncoder();
  for (const key of keys) encoder.add(set(key, 'v'));
  const numbers = { session: 1, sequence: 1, firstOutstanding: 1, remainingMs: 100 };
  const ops = encoder.finish(new Uint8Array(8));
  const answers: WriteAnswer[] = [];
  const batch = { kind: 'write', transmission: 5, group, ...numbers, ops } as const;
  submitWrite(replica, context, batch, 'anonymous', (answer) => answers.push(answer));
  return { answers, queued };
}

describe('a batch whose keys belong to another group (R24)', () => {
  it('is refused as a whole, never proposed, and says which group is right', () => {
    const { answers, queued } = write([keyOf(0), keyOf(2)], 0);
    expect(queued).toEqual([]);
    expect(answers).toMatchObject([
      { transmission: 5, code: Code.WRONG_GROUP, outcome: Outcome.NOT_COMMITTED },
    ]);
    expect(answers[0]?.message).toBe('a key belongs to group 2 of 3, not to 0');
  });

  it('is taken when every key belongs', () => {
    expect(write([keyOf(1), keyOf(1)], 1)).toEqual({ answers: [], queued: ['write'] });
  });

  it('is refused for reads too', () => {
    const { replica, queued } = setup();
    const encoder = new OpsEncoder();
    encoder.add(opFor.get(keyOf(2)));
    const answers: ReadAnswer[] = [];
    const wait = { session: 0, afterSequence: 0, remainingMs: 100 };
    const consistency = Consistency.LINEARIZABLE;
    const ops = encoder.finish(undefined);
    const batch = { kind: 'read', transmission: 6, group: 1, ...wait, consistency, ops } as const;
    submitRead(replica, context, batch, 'anonymous', (answer) => answers.push(answer));
    expect(queued).toEqual([]);
    expect(answers).toMatchObject([{ transmission: 6, code: Code.WRONG_GROUP }]);
  });
});
