// Calls without a session of their own: one session per principal, a bounded number of them (R30).

import type { Caller, Core } from '@cashe/client/core';
import { opFor } from '@cashe/codec';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CallError } from '../../src/api/failure.js';
import { defaultApiLimits } from '../../src/api/limits.js';
import { runOps } from '../../src/api/op-run.js';
import { createOwnSessions, type OwnSessions } from '../../src/api/own-sessions.js';
import { until } from '../support/api-fixture.js';
import { FakeCalls } from '../support/fake-calls.js';

const open: { readonly sessions: OwnSessions; readonly calls: FakeCalls }[] = [];
afterEach(async () => {
  for (const { sessions, calls } of open.splice(0)) {
    calls.release();
    await sessions.close();
  }
});

function start(ownSessionPrincipalsMax: number): { sessions: OwnSessions; calls: FakeCalls } {
  const calls = new FakeCalls();
  const limits = { ...defaultApiLimits, ownSessionPrincipalsMax };
  const sessions = createOwnSessions({ calls, limits, load: { bytes: 0 } });
  open.push({ sessions, calls });
  return { sessions, calls };
}

const set = (core: Core, key: string): ReturnType<typeof runOps> =>
  runOps(core, [opFor.set(key, new Uint8Array(1))], {
    deadlineMs: performance.now() + 5000,
    isStale: false,
    onCancelled: () => undefined,
  });

function refusalOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof CallError) return error.failure.code;
    throw error;
  }
}

describe('sessions of calls that bring none', () => {
  it('are one per principal: two callers never share a session, nor its batches', async () => {
    const { sessions, calls } = start(8);
    const writes = ['client/a', 'token/b', 'client/a', 'token/b'].map((principal, index) =>
      set(sessions.core(principal), `k${index}`),
    );
    await Promise.all(writes);
    expect([...calls.principals].toSorted()).toEqual(['client/a', 'token/b']);
    const used = new Set(calls.writes.map(({ session }) => session));
    expect(used.size).toBe(2);
    expect(calls.writes.length).toBe(2);
  });

  it('stay open from call to call', async () => {
    const { sessions, calls } = start(2);
    for (const key of ['a', 'b', 'c']) await set(sessions.core('client/a'), key);
    expect(new Set(calls.writes.map(({ session }) => session)).size).toBe(1);
    expect(calls.writes.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });

  it('make room for others when idle, the one idle for longest first', async () => {
    const { sessions, calls } = start(2);
    await set(sessions.core('client/a'), 'a1');
    await set(sessions.core('client/b'), 'b1');
    await set(sessions.core('client/a'), 'a2');
    await set(sessions.core('client/c'), 'c1');
    await set(sessions.core('client/a'), 'a3');
    const byKey = calls.writes.map(({ session }) => session);
    // a1 b1 a2 c1 a3: a kept its session, b lost its.
    expect(byKey[2]).toBe(byKey[0]);
    expect(byKey[4]).toBe(byKey[0]);
    await set(sessions.core('client/b'), 'b2');
    expect(calls.writes.at(-1)?.session).not.toBe(byKey[1]);
  });

  it('are refused beyond the bound while all are busy, and taken again afterwards', async () => {
    const { sessions, calls } = start(2);
    calls.hold();
    const busy = [set(sessions.core('client/a'), 'a'), set(sessions.core('client/b'), 'b')];
    await until(() => calls.heldCount === 2);
    expect(refusalOf(() => sessions.core('client/c'))).toBe('RESOURCE_EXHAUSTED');
    expect(refusalOf(() => sessions.core('client/a'))).toBeUndefined();
    calls.release();
    await Promise.all(busy);
    await set(sessions.core('client/c'), 'c');
    expect(calls.principals.has('client/c')).toBe(true);
  });

  it('do not exist before the node belongs to a cluster, nor after it stopped', async () => {
    const { sessions, calls } = start(2);
    const { helloView } = calls;
    calls.helloView = undefined;
    expect(refusalOf(() => sessions.core('client/a'))).toBe('UNAVAILABLE');
    calls.helloView = helloView;
    const core = sessions.core('client/a');
    await set(core, 'a');
    await sessions.close();
    expect(refusalOf(() => sessions.core('client/a'))).toBe('UNAVAILABLE');
    const refused: string[] = [];
    const caller: Caller = {
      deadlineMs: performance.now() + 1000,
      isStale: false,
      onWritten: () => refused.push('written'),
      onRead: () => refused.push('read'),
      onFailed: (_index, { code }) => refused.push(code),
    };
    core.submit(caller, opFor.get('a'), 0);
    expect(refused).toEqual(['CLOSED']);
  });
});
