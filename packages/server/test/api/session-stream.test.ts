// A Session stream without a transport, for what a real one shows only under load.

import type { Scheduler } from '@cashe/client/core';
import { Code, type SessionRequest, type SessionResponse } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import { boundedAnswer } from '../../src/api/bounded-answer.js';
import type { CallFailure } from '../../src/api/failure.js';
import { defaultApiLimits } from '../../src/api/limits.js';
import { localConnector } from '../../src/api/local-link.js';
import {
  type SessionLimits,
  type SessionSink,
  SessionStream,
  type SharedLoad,
} from '../../src/api/session-stream.js';
import { until } from '../support/api-fixture.js';
import { FakeCalls, hello, leader } from '../support/fake-calls.js';
import { clientHello, getOps, setOps } from '../support/session-client.js';

class Sink implements SessionSink {
  bufferedBytes = 0;
  readonly sent: SessionResponse[] = [];
  readonly ends: (CallFailure | undefined | 'reset')[] = [];

  send(response: SessionResponse): void {
    this.sent.push(response);
  }

  end(failure: CallFailure | undefined): void {
    this.ends.push(failure);
  }

  reset(): void {
    this.ends.push('reset');
  }
}

/** Timers that run only when a test says so. */
function manualScheduler(): Scheduler & { readonly timers: Set<() => void> } {
  const timers = new Set<() => void>();
  return {
    timers,
    defer: (run) => setImmediate(run),
    schedule: (_delayMs, run) => {
      timers.add(run);
      return run;
    },
    cancel: (timer) => void timers.delete(timer as () => void),
  };
}

function start(limits: Partial<SessionLimits> = {}) {
  const calls = new FakeCalls();
  const sink = new Sink();
  const load: SharedLoad = { bytes: 0 };
  const scheduler = manualScheduler();
  let closedCount = 0;
  const stream = new SessionStream({
    calls,
    principal: 'somebody',
    limits: { ...defaultApiLimits, ...limits },
    load,
    scheduler,
    sink,
    onClosed: () => {
      closedCount += 1;
    },
  });
  return { calls, sink, load, stream, scheduler, closedCount: () => closedCount };
}

function read(transmission: number): SessionRequest {
  const rest = {
    group: 0,
    session: 0,
    afterSequence: 0,
    consistency: 1,
    remainingMs: 100,
  } as const;
  return { kind: 'read', transmission, ops: getOps('k'), ...rest };
}

function write(transmission: number): SessionRequest {
  const rest = { group: 0, session: 1, firstOutstanding: 1, remainingMs: 100 };
  const ops = setOps('k', new Uint8Array(10));
  return { kind: 'write', transmission, sequence: transmission, ops, ...rest };
}

describe('reads', () => {
  it('are served a few at a time', async () => {
    const { calls, stream, sink } = start({ readsInFlightMax: 2 });
    stream.receive(clientHello);
    calls.hold();
    for (const transmission of [1, 2, 3, 4, 5]) stream.receive(read(transmission));
    expect(calls.reads).toHaveLength(2);
    calls.release();
    await until(() => sink.sent.length === 2 + 5);
    expect(calls.reads.map(({ transmission }) => transmission)).toEqual([1, 2, 3, 4, 5]);
  });

  it('are answered one after the other, however many are refused at once', async () => {
    const batchesMax = 20_000;
    const { calls, stream, sink } = start({ readsInFlightMax: 1, batchesMax });
    stream.receive(clientHello);
    calls.hold();
    for (let transmission = 1; transmission <= batchesMax; transmission += 1) {
      stream.receive(read(transmission));
    }
    calls.answersAtOnce = true;
    calls.release();
    expect(sink.sent).toHaveLength(2 + batchesMax);
  });

  it('wait while the client takes nothing; writes do not', async () => {
    const { calls, stream, sink } = start({ outputPauseBytes: 100 });
    stream.receive(clientHello);
    sink.bufferedBytes = 101;
    stream.receive(read(1));
    stream.receive(write(2));
    expect([calls.reads.length, calls.writes.length]).toEqual([0, 1]);
    sink.bufferedBytes = 100;
    stream.drained();
    expect(calls.reads).toHaveLength(1);
  });
});

describe('the end of a stream', () => {
  it('comes at the output bound, at once and once', () => {
    const { calls, stream, sink, closedCount } = start({ outputBytesMax: 100 });
    stream.receive(clientHello);
    sink.bufferedBytes = 101;
    calls.pushLeader(leader);
    calls.pushLeader(leader);
    stream.receive(write(1));
    expect(sink.ends).toEqual(['reset']);
    expect([calls.leaderListeners.size, calls.writes.length, closedCount()]).toEqual([0, 0, 1]);
  });

  it('keeps counting what the node still holds, until it is answered', async () => {
    const { calls, stream, sink, load } = start({ readsInFlightMax: 1 });
    stream.receive(clientHello);
    calls.hold();
    for (const transmission of [1, 2]) stream.receive(read(transmission));
    stream.receive(write(3));
    const held = getOps('k').length + setOps('k', new Uint8Array(10)).length;
    stream.closed();
    expect(load.bytes).toBe(held);
    calls.release();
    expect(load.bytes).toBe(0);
    expect(sink.sent).toHaveLength(2);
  });

  it('comes when no hello does, and the timer is gone after a hello', () => {
    const silent = start();
    for (const run of silent.scheduler.timers) run();
    expect(silent.sink.ends).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }]);
    const polite = start();
    polite.stream.receive(clientHello);
    expect(polite.scheduler.timers.size).toBe(0);
  });

  it('says that nothing was lost when nothing was in flight', () => {
    const idle = start();
    idle.stream.receive(clientHello);
    idle.stream.fail('INVALID_ARGUMENT', 'x');
    const busy = start();
    busy.stream.receive(clientHello);
    busy.stream.receive(write(1));
    busy.stream.fail('INVALID_ARGUMENT', 'x');
    expect(idle.sink.ends).toMatchObject([{ outcome: 'notCommitted' }]);
    expect(busy.sink.ends).toMatchObject([{ outcome: 'unknown' }]);
  });
});

describe('the principal', () => {
  it('is the one of the stream', () => {
    const { calls, stream } = start();
    stream.receive(clientHello);
    stream.receive(write(1));
    expect([...calls.principals]).toEqual(['somebody']);
  });
});

describe('an answer larger than a message', () => {
  it('keeps what fits and asks for the rest again', () => {
    const value = new Uint8Array(1000);
    const result = { found: true, revision: 1, version: 1, ttlMs: undefined, message: '' };
    const results = new Array(5).fill({ ...result, value, code: Code.UNSPECIFIED });
    const rest = { transmission: 1, code: Code.OK, message: '', revision: 1, ageMs: 0 };
    const bounded = boundedAnswer({ kind: 'read', ...rest, results }, 3500);
    const { UNSPECIFIED: ok, RETRY: again } = Code;
    expect(bounded.results.map(({ code }) => code)).toEqual([ok, ok, ok, again, again]);
  });
});

describe('the link of a node to itself', () => {
  it('sees every leader as reached through this node', () => {
    const calls = new FakeCalls();
    const received: SessionResponse[] = [];
    const connector = localConnector({
      calls,
      principal: 'anonymous',
      limits: defaultApiLimits,
      load: { bytes: 0 },
      scheduler: manualScheduler(),
    });
    const link = connector.connect('here', {
      onMessage: (response) => received.push(response),
      onDrain: () => undefined,
      onTopology: () => undefined,
      onClosed: () => undefined,
    });
    link.send(clientHello);
    calls.pushLeader({ ...leader, term: 9, nodeId: 'raft2', clientAddress: '10.0.0.9:3000' });
    calls.pushLeader({ ...leader, term: 10, nodeId: '', clientAddress: '' });
    expect(received).toMatchObject([
      { kind: 'hello', nodeId: hello.nodeId },
      { kind: 'leader', term: 3, nodeId: hello.nodeId, clientAddress: 'here' },
      { kind: 'leader', term: 9, nodeId: hello.nodeId, clientAddress: 'here' },
      { kind: 'leader', term: 10, nodeId: '', clientAddress: '' },
    ]);
    link.close();
    expect(calls.leaderListeners.size).toBe(0);
  });

  it('hears why it ended', () => {
    const calls = new FakeCalls();
    calls.helloView = undefined;
    const failures: object[] = [];
    const limits = defaultApiLimits;
    const scheduler = manualScheduler();
    const options = { calls, principal: 'anonymous', limits, load: { bytes: 0 }, scheduler };
    const link = localConnector(options).connect('here', {
      onMessage: () => undefined,
      onDrain: () => undefined,
      onTopology: () => undefined,
      onClosed: (failure) => failures.push(failure),
    });
    link.send(clientHello);
    expect(failures).toMatchObject([{ code: 'UNAVAILABLE' }]);
  });
});
