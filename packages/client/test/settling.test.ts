// Goal: every op settles once and in time, and nothing grows without bound (R31, R35).
// Method: scripted node, virtual time.

import { opFor } from '@cashe/codec';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { FakeNode } from './support/fake-net.js';
import { answerWrite, Harness, openOnly, serve } from './support/harness.js';
import { ModelGroup } from './support/model-group.js';

let harness: Harness;
let node: FakeNode;

beforeEach(() => {
  harness = new Harness();
  node = harness.net.add('n1');
});

describe('an op', () => {
  it('submitted before any node answered is sent when one does', () => {
    node.isUp = false;
    serve(node, new ModelGroup(4));
    harness.start([node.address]);
    const call = harness.set('a', 'v');
    node.up();
    harness.time.advance(500);
    expect(call.summary).toBe('written 1');
  });

  it('settles by its deadline whatever the node does (R31)', () => {
    harness.start([node.address]);
    node.isSilent = true;
    const calls = [100, 1_000, 3_000].flatMap((waitMs) => [
      harness.set('a', 'v', { waitMs }),
      harness.get('a', { waitMs }),
      harness.get('a', { waitMs, isStale: true }),
    ]);
    harness.time.advance(4_000);
    for (const call of calls) {
      expect(call.settled).toHaveLength(1);
      expect(call.settledAtMs - call.deadlineMs).toBeGreaterThanOrEqual(0);
      expect(call.settledAtMs - call.deadlineMs).toBeLessThanOrEqual(10);
    }
    expect(harness.core.status()).toMatchObject({ openOps: 0, waitingOps: 0 });
  });

  it('leaves no timer behind', () => {
    serve(node, new ModelGroup(4));
    harness.start([node.address]);
    harness.set('a', 'v');
    harness.time.advance(20);
    expect(harness.time.timerCount).toBe(0);
  });

  it.each([
    ['an empty key', () => opFor.get('')],
    ['a key with a lone surrogate', () => opFor.get('\ud800')],
    ['a negative ttl', () => opFor.set('a', new Uint8Array(1), -1)],
    ['a fractional ttl', () => opFor.set('a', new Uint8Array(1), 1.5)],
    ['a ttl together with keepTtl', () => opFor.set('a', new Uint8Array(1), 5, true)],
  ])('with %s is refused at once', (_name, makeOp) => {
    harness.start([node.address]);
    expect(harness.submit(makeOp()).summary).toBe('INVALID_ARGUMENT notCommitted');
  });

  it('with a key that is too long is refused at once', () => {
    harness.start([node.address]);
    expect(harness.get('k'.repeat(1_025)).summary).toBe('TOO_LARGE notCommitted');
  });
});

describe('an abort (R15)', () => {
  it('before the write left is not committed, and the write is never sent', () => {
    node.isUp = false;
    openOnly(node);
    harness.start([node.address]);
    const call = harness.set('a', 'v');
    const kept = harness.set('b', 'v');
    harness.core.abort(call.call!, 'stop');
    expect(call.summary).toBe('ABORTED notCommitted');
    node.up();
    harness.time.advance(500);
    answerWrite(node, node.of('write')[0]!);
    expect(kept.summary).toBe('written 1');
  });

  it('after that settles only that caller, as unknown', () => {
    openOnly(node);
    harness.start([node.address]);
    const calls = [harness.set('a', 'v'), harness.set('b', 'v')];
    harness.time.settle();
    harness.core.abort(calls[0]!.call!, 'stop');
    harness.core.abort(calls[0]!.call!, 'stop');
    answerWrite(node, node.of('write')[0]!);
    expect(calls.map(({ summary }) => summary)).toEqual(['UNKNOWN_OUTCOME unknown', 'written 2']);
    expect(calls[0]?.settled).toHaveLength(1);
  });

  it('of a read is ABORTED at any time', () => {
    harness.start([node.address]);
    const call = harness.get('a');
    harness.time.settle();
    harness.core.abort(call.call!, 'stop');
    expect(call.summary).toBe('ABORTED notCommitted');
    harness.time.advance(20);
    expect(harness.core.status().openOps).toBe(0);
  });
});

describe('ops that wait', () => {
  it('are bounded in number', () => {
    node.isUp = false;
    harness.start([node.address], { waitingOpsMax: 2 });
    const calls = ['a', 'b', 'c'].map((key) => harness.get(key));
    expect(calls.map(({ summary }) => summary)).toEqual([
      'pending',
      'pending',
      'RESOURCE_EXHAUSTED notCommitted',
    ]);
    expect(harness.core.hasRoom(1)).toBe(false);
    let told = 0;
    harness.core.onceRoom(() => {
      told += 1;
    });
    harness.core.abort(calls[0]!.call!, 'stop');
    harness.time.settle();
    expect(told).toBe(1);
    expect(harness.core.hasRoom(1)).toBe(true);
  });

  it('are bounded in bytes', () => {
    node.isUp = false;
    harness.start([node.address], { waitingBytesMax: 1_000 });
    expect(harness.set('a', 'v'.repeat(900)).summary).toBe('pending');
    expect(harness.set('b', 'v'.repeat(100)).summary).toBe('RESOURCE_EXHAUSTED notCommitted');
  });

  it('are forgotten when they expire while no node can be reached', () => {
    node.isUp = false;
    harness.start([node.address]);
    for (let round = 0; round < 10; round++) {
      harness.set('a', 'v', { waitMs: 50 });
      harness.time.advance(100);
    }
    expect(harness.core.status()).toMatchObject({ openOps: 0, waitingOps: 0 });
  });
});

describe('reentrancy', () => {
  it('is harmless: from its answer a caller may submit again over a synchronous link', () => {
    const group = new ModelGroup(4);
    serve(node, group);
    harness.start([node.address]);
    const [link] = node.links;
    // Answers inside send.
    link!.send = (request) => node.receive(request, link!);
    let rounds = 0;
    const submit = (): void => {
      const caller = {
        deadlineMs: harness.time.nowMs() + 1_000,
        isStale: false,
        onWritten: () => {
          rounds += 1;
          if (rounds < 50) submit();
        },
        onRead: () => {},
        onFailed: (_index: number, error: Error) => {
          throw error;
        },
      };
      harness.core.submit(caller, opFor.set(`k${rounds}`, Buffer.from('v')), 0);
    };
    submit();
    harness.time.settle();
    expect(rounds).toBe(50);
    expect(group.applied).toHaveLength(50);
  });
});

describe('close', () => {
  it('lets what is under way finish, closes the sessions, then the links', () => {
    openOnly(node);
    harness.start([node.address]);
    const call = harness.set('a', 'v');
    harness.time.settle();
    let isClosed = false;
    harness.core.close(() => {
      isClosed = true;
    });
    expect(harness.set('b', 'v').summary).toBe('CLOSED notCommitted');
    harness.time.settle();
    expect(node.of('close')).toEqual([]);
    answerWrite(node, node.of('write')[0]!);
    harness.time.settle();
    expect(call.summary).toBe('written 1');
    expect(node.of('close')).toMatchObject([{ session: 7 }]);
    expect(isClosed).toBe(true);
    expect(node.links[0]?.isOver).toBe(true);
    expect(harness.time.timerCount).toBe(0);
  });

  it('fails what is left when its time is over', () => {
    openOnly(node);
    harness.start([node.address]);
    const sent = harness.set('a', 'v');
    const read = harness.get('b');
    harness.time.settle();
    for (let turn = 0; turn < 4; turn++) {
      harness.set('x', 'v');
      harness.time.settle();
    }
    const waiting = harness.set('y', 'v');
    let isClosed = false;
    harness.core.close(() => {
      isClosed = true;
    });
    harness.time.advance(1_900);
    expect(isClosed).toBe(false);
    harness.time.advance(200);
    expect(isClosed).toBe(true);
    expect([sent, read, waiting].map(({ summary }) => summary)).toEqual([
      'CLOSED unknown',
      'CLOSED notCommitted',
      'CLOSED notCommitted',
    ]);
    expect(harness.time.timerCount).toBe(0);
  });

  it('is immediate when nothing was done, and may be called twice', () => {
    node.isUp = false;
    harness.start([node.address]);
    let closed = 0;
    harness.core.close(() => {
      closed += 1;
    });
    harness.core.close(() => {
      closed += 1;
    });
    harness.time.settle();
    harness.core.close(() => {
      closed += 1;
    });
    expect(closed).toBe(3);
    expect(harness.time.timerCount).toBe(0);
  });
});
