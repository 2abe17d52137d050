// Goal: the client's side of exactly-once (R14, R15): a batch keeps its bytes and number, gaps are
// filled, "not committed" is said only when it is certain. Method: scripted node, virtual time.

import { Code, Outcome } from '@cashe/codec';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { FakeNode } from './support/fake-net.js';
import { answerWrite, describeWrite, Harness, lead, openOnly } from './support/harness.js';

let harness: Harness;
let node: FakeNode;
let other: FakeNode;

/** One batch per key. */
function setInTurns(...keys: readonly string[]): ReturnType<Harness['set']>[] {
  return keys.map((key) => {
    const call = harness.set(key, 'v');
    harness.time.settle();
    return call;
  });
}

const writes = (): string[] => node.of('write').map(describeWrite);

beforeEach(() => {
  harness = new Harness();
  node = harness.net.add('n1');
  other = harness.net.add('n2');
  openOnly(node);
  openOnly(other, 107);
  harness.start([node.address, other.address]);
  lead(node, 1);
});

describe('a session', () => {
  it('is opened at the first write, and numbers from 1', () => {
    expect(node.of('open')).toEqual([]);
    setInTurns('a', 'b');
    expect(node.of('open')).toHaveLength(1);
    expect(writes()).toEqual(['7/1 a', '7/2 b']);
  });

  it('is asked for again when no leader could open it', () => {
    node.onRequest = (request, link) => {
      if (request.kind !== 'open') return;
      const { transmission } = request;
      const code = node.of('open').length < 3 ? Code.NOT_LEADER : Code.OK;
      link.reply({ kind: 'session', transmission, code, message: '', session: 9 });
    };
    setInTurns('a');
    harness.time.advance(200);
    expect(writes()).toEqual(['9/1 a']);
  });

  it('that is refused for good fails the writes that wait for it', () => {
    node.onRequest = (request, link) => {
      if (request.kind !== 'open') return;
      const code = Code.RESOURCE_EXHAUSTED;
      const { transmission } = request;
      link.reply({ kind: 'session', transmission, code, message: 'too many', session: 0 });
    };
    const [call] = setInTurns('a');
    expect(call?.summary).toBe('RESOURCE_EXHAUSTED notCommitted');
  });
});

describe('a refused batch (R15)', () => {
  it('is sent again with the same bytes and number, and all behind it from the gap on', () => {
    const calls = setInTurns('a', 'b', 'c');
    const [a, b, c] = node.of('write');
    answerWrite(node, a!, Code.BUSY);
    answerWrite(node, b!, Code.OUT_OF_ORDER);
    answerWrite(node, c!, Code.OUT_OF_ORDER);
    harness.time.advance(10);
    expect(writes().slice(3)).toEqual(['7/1 a', '7/2 b', '7/3 c']);
    const again = node.of('write').slice(3);
    expect(again.map(({ ops }) => ops)).toEqual([a, b, c].map((one) => one?.ops));
    for (const [index, write] of again.entries()) {
      answerWrite(node, write, Code.OK, { firstRevision: index + 1 });
    }
    expect(calls.map(({ summary }) => summary)).toEqual(['written 1', 'written 2', 'written 3']);
  });

  it('that came out of order makes an earlier unanswered one be sent again', () => {
    setInTurns('a', 'b');
    answerWrite(node, node.of('write')[1]!, Code.OUT_OF_ORDER);
    harness.time.settle();
    expect(writes().slice(2)).toEqual(['7/1 a', '7/2 b']);
  });

  it('waits longer from refusal to refusal, up to a bound', () => {
    node.onRequest = (request, link) => {
      if (request.kind === 'open') {
        const { transmission } = request;
        link.reply({ kind: 'session', transmission, code: Code.OK, message: '', session: 7 });
      }
      if (request.kind === 'write') answerWrite(link, request, Code.BUSY);
    };
    setInTurns('a');
    harness.time.advance(4_000);
    const count = node.of('write').length;
    expect(count).toBeGreaterThan(4_000 / 100);
    expect(count).toBeLessThan(4_000 / 50 + 8);
  });

  it('is sent at once when a leader is announced', () => {
    setInTurns('a');
    answerWrite(node, node.of('write')[0]!, Code.NOT_LEADER);
    lead(node, 2);
    harness.time.settle();
    expect(writes()).toEqual(['7/1 a', '7/1 a']);
  });

  it('fails at once when sending again cannot help', () => {
    const [a, b] = setInTurns('a', 'b');
    answerWrite(node, node.of('write')[0]!, Code.INVALID_ARGUMENT);
    expect(a?.summary).toBe('INVALID_ARGUMENT notCommitted');
    answerWrite(node, node.of('write')[1]!, Code.OUT_OF_ORDER);
    harness.time.settle();
    expect(node.of('write').at(-1)).toMatchObject({ sequence: 2, firstOutstanding: 2 });
    expect(b?.summary).toBe('pending');
  });

  it('does not fail while another transmission of it may have executed', () => {
    const [a] = setInTurns('a');
    answerWrite(node, node.of('write')[0]!, Code.UNKNOWN_OUTCOME, { outcome: Outcome.UNKNOWN });
    harness.time.settle();
    answerWrite(node, node.of('write')[1]!, Code.PERMISSION_DENIED);
    expect(a?.summary).toBe('pending');
    harness.time.advance(5_100);
    expect(a?.summary).toBe('UNKNOWN_OUTCOME unknown');
  });
});

describe('a deadline (R15)', () => {
  it('that passes before numbering is not committed', () => {
    node.down();
    other.down();
    const [a] = setInTurns('a');
    harness.time.advance(5_100);
    expect(a?.summary).toBe('DEADLINE_EXCEEDED notCommitted');
  });

  it('that passes with every transmission refused is not committed', () => {
    node.onRequest = (request, link) => {
      if (request.kind === 'write') answerWrite(link, request, Code.BUSY);
      if (request.kind !== 'open') return;
      const { transmission } = request;
      link.reply({ kind: 'session', transmission, code: Code.OK, message: '', session: 7 });
    };
    const [a] = setInTurns('a');
    harness.time.advance(5_100);
    expect(a?.summary).toBe('DEADLINE_EXCEEDED notCommitted');
    expect(a?.error?.message).toContain('BUSY');
    const sent = node.of('write').length;
    harness.time.advance(5_000);
    expect(node.of('write')).toHaveLength(sent);
  });

  it('that passes with an answer outstanding is an unknown outcome', () => {
    const [a] = setInTurns('a');
    harness.time.advance(5_100);
    expect(a?.summary).toBe('UNKNOWN_OUTCOME unknown');
  });

  it('of one caller of a batch that is sent on for others is an unknown outcome', () => {
    const short = harness.set('a', 'v', { waitMs: 100 });
    const long = harness.set('b', 'v');
    harness.time.settle();
    answerWrite(node, node.of('write')[0]!, Code.NOT_LEADER);
    node.onRequest = () => {};
    harness.time.advance(200);
    expect(short.summary).toBe('UNKNOWN_OUTCOME unknown');
    answerWrite(node, node.of('write').at(-1)!, Code.OK);
    expect(long.summary).toBe('written 2');
  });

  it('of a batch in the middle leaves no gap: it is sent until those before are final', () => {
    const long = harness.set('a', 'v', { waitMs: 60_000 });
    harness.time.settle();
    const short = harness.set('b', 'v', { waitMs: 100 });
    harness.time.settle();
    harness.time.advance(200);
    expect(short.summary).toBe('UNKNOWN_OUTCOME unknown');
    const last = harness.set('c', 'v', { waitMs: 60_000 });
    harness.time.settle();
    answerWrite(node, node.of('write')[1]!, Code.OUT_OF_ORDER);
    answerWrite(node, node.of('write')[2]!, Code.OUT_OF_ORDER);
    harness.time.advance(0);
    expect(writes().slice(3)).toEqual(['7/1 a', '7/2 b', '7/3 c']);
    answerWrite(node, node.of('write')[3]!);
    answerWrite(node, node.of('write')[5]!, Code.OUT_OF_ORDER);
    harness.time.settle();
    // The first is final now, so nobody needs the abandoned one any more.
    expect(writes().slice(6)).toEqual(['7/3 c']);
    expect(node.of('write').at(-1)).toMatchObject({ firstOutstanding: 3 });
    answerWrite(node, node.of('write').at(-1)!);
    expect([long, last].map(({ summary }) => summary)).toEqual(['written 1', 'written 1']);
  });

  it('told as not committed keeps the batch from ever being sent, also to fill its gap', () => {
    const long = harness.set('a', 'v', { waitMs: 60_000 });
    harness.time.settle();
    const short = harness.set('b', 'v', { waitMs: 100 });
    harness.time.settle();
    node.onRequest = (request, link) => {
      if (request.kind === 'write' && request.sequence === 2) {
        answerWrite(link, request, Code.BUSY);
      }
    };
    answerWrite(node, node.of('write')[1]!, Code.BUSY);
    harness.time.advance(150);
    expect(short.summary).toBe('DEADLINE_EXCEEDED notCommitted');
    const sent = node.of('write').length;
    const next = harness.set('c', 'v', { waitMs: 60_000 });
    harness.time.advance(500);
    expect(node.of('write')).toHaveLength(sent);
    answerWrite(node, node.of('write')[0]!);
    harness.time.settle();
    expect(node.of('write').at(-1)).toMatchObject({ sequence: 3, firstOutstanding: 3 });
    answerWrite(node, node.of('write').at(-1)!);
    expect([long, next].map(({ summary }) => summary)).toEqual(['written 1', 'written 1']);
  });

  it('told as not committed holds back what was numbered behind it', () => {
    const waits = [60_000, 100, 60_000];
    const calls = ['a', 'b', 'c'].map((key, index) => {
      const call = harness.set(key, 'v', { waitMs: waits[index]! });
      harness.time.settle();
      return call;
    });
    answerWrite(node, node.of('write')[1]!, Code.BUSY);
    answerWrite(node, node.of('write')[2]!, Code.OUT_OF_ORDER);
    node.onRequest = (request, link) => {
      if (request.kind !== 'write' || request.sequence === 1) return;
      answerWrite(link, request, request.sequence === 2 ? Code.BUSY : Code.OUT_OF_ORDER);
    };
    harness.time.advance(150);
    expect(calls[1]?.summary).toBe('DEADLINE_EXCEEDED notCommitted');
    const sent = node.of('write').length;
    harness.time.advance(2_000);
    expect(node.of('write')).toHaveLength(sent);
    node.onRequest = () => {};
    answerWrite(node, node.of('write')[0]!);
    harness.time.settle();
    expect(node.of('write').slice(sent)).toMatchObject([{ sequence: 3, firstOutstanding: 3 }]);
  });
});

describe('an evicted session (R14)', () => {
  it('is replaced; what was only refused moves on in call order', () => {
    const calls = setInTurns('a', 'b');
    for (const write of node.of('write')) answerWrite(node, write, Code.SESSION_UNKNOWN);
    harness.time.settle();
    expect(writes().slice(2)).toEqual(['8/1 a', '8/2 b']);
    for (const write of node.of('write').slice(2)) answerWrite(node, write);
    expect(calls.map(({ summary }) => summary)).toEqual(['written 1', 'written 1']);
  });

  it('makes an unknown outcome of what may have executed', () => {
    const [a, b] = setInTurns('a', 'b');
    answerWrite(node, node.of('write')[0]!, Code.UNKNOWN_OUTCOME, { outcome: Outcome.UNKNOWN });
    harness.time.settle();
    answerWrite(node, node.of('write').at(-1)!, Code.SESSION_UNKNOWN);
    expect(a?.summary).toBe('pending');
    answerWrite(node, node.of('write')[1]!, Code.SESSION_UNKNOWN);
    harness.time.settle();
    expect(a?.summary).toBe('UNKNOWN_OUTCOME unknown');
    expect(b?.summary).toBe('pending');
    expect(writes().at(-1)).toBe('8/1 b');
  });

  it('waits for answers under way before anything moves on, so that order is kept', () => {
    setInTurns('k', 'k');
    answerWrite(node, node.of('write')[1]!, Code.SESSION_UNKNOWN);
    harness.time.settle();
    expect(node.of('open')).toHaveLength(1);
    const read = harness.get('k');
    harness.time.settle();
    expect(node.of('read')).toEqual([]);
    answerWrite(node, node.of('write')[0]!, Code.SESSION_UNKNOWN);
    harness.time.settle();
    expect(writes().slice(2)).toEqual(['8/1 k', '8/2 k']);
    expect(node.of('read')).toMatchObject([{ session: 8, afterSequence: 2 }]);
    expect(read.summary).toBe('pending');
  });

  it('is replaced as well when a read finds out', () => {
    setInTurns('a');
    harness.get('a');
    harness.time.settle();
    const [read] = node.of('read');
    const refused = { kind: 'read', code: Code.SESSION_UNKNOWN, message: '' } as const;
    node.reply({
      ...refused,
      transmission: read!.transmission,
      revision: 0,
      ageMs: 0,
      results: [],
    });
    answerWrite(node, node.of('write')[0]!, Code.SESSION_UNKNOWN);
    harness.time.advance(20);
    expect(writes().at(-1)).toBe('8/1 a');
    expect(node.of('read').at(-1)).toMatchObject({ session: 8, afterSequence: 1 });
  });

  it.each([
    ['used by somebody else', Code.SESSION_CONFLICT],
    ['that skipped the number', Code.STALE],
  ])('%s is replaced too', (_name, code) => {
    setInTurns('a');
    answerWrite(node, node.of('write')[0]!, code);
    harness.time.settle();
    expect(writes()).toEqual(['7/1 a', '8/1 a']);
  });
});

describe('a read', () => {
  it('is sent again with what is then unanswered', () => {
    setInTurns('a');
    harness.get('a');
    harness.time.settle();
    const [read] = node.of('read');
    expect(read).toMatchObject({ afterSequence: 1 });
    answerWrite(node, node.of('write')[0]!);
    const retry = { kind: 'read', code: Code.RETRY, message: '' } as const;
    node.reply({ ...retry, transmission: read!.transmission, revision: 0, ageMs: 0, results: [] });
    harness.time.settle();
    expect(node.of('read').at(-1)).toMatchObject({ session: 0, afterSequence: 0 });
  });

  it('does not wait for writes called after it', () => {
    setInTurns('a');
    const read = harness.get('a');
    harness.time.settle();
    setInTurns('b');
    const first = node.of('read')[0]!;
    const retry = { kind: 'read', code: Code.RETRY, message: '' } as const;
    node.reply({ ...retry, transmission: first.transmission, revision: 0, ageMs: 0, results: [] });
    harness.time.settle();
    expect(node.of('read').at(-1)).toMatchObject({ session: 7, afterSequence: 1 });
    expect(read.summary).toBe('pending');
  });

  it('is read again alone when its answer did not fit', () => {
    const calls = [harness.get('a'), harness.get('b')];
    harness.time.settle();
    const result = { found: true, revision: 1, version: 1, ttlMs: undefined, message: '' };
    const value = Buffer.from('v');
    const answer = { kind: 'read', code: Code.OK, message: '', revision: 1, ageMs: 0 } as const;
    node.reply({
      ...answer,
      transmission: node.of('read')[0]!.transmission,
      results: [
        { ...result, value, code: Code.OK },
        { ...result, value, code: Code.RETRY },
      ],
    });
    harness.time.settle();
    expect(calls.map(({ summary }) => summary)).toEqual(['read v', 'pending']);
    node.reply({
      ...answer,
      transmission: node.of('read')[1]!.transmission,
      results: [{ ...result, value, code: Code.OK }],
    });
    expect(calls.map(({ summary }) => summary)).toEqual(['read v', 'read v']);
  });
});
