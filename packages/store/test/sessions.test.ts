/** R14, one test per rule of the header of session-table.ts, and the bounds. */
import { type BatchEnvelope, Code, type Op } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import { type BatchAnswer, checkInvariants } from '../src/index.js';
import { batchOf, Driver, setOp } from './support/driver.js';

const window = 4;

function fresh(settings = {}): Driver {
  const driver = new Driver({ sessionWindow: window, ...settings });
  driver.session = driver.open();
  return driver;
}

function send(
  driver: Driver,
  sequence: number,
  firstOutstanding: number,
  fields: Partial<BatchEnvelope> = {},
  ops: readonly Op[] = [setOp(`key${sequence}`, 'v')],
): BatchAnswer {
  const envelope = driver.envelope({ sequence, firstOutstanding, opCount: ops.length, ...fields });
  const answer = driver.entry({ envelopes: [envelope] }, [batchOf(ops)]).answers[0]!;
  checkInvariants(driver.machine);
  return answer;
}

/** Executed 1..count, nothing acknowledged. */
function withBatches(count: number): Driver {
  const driver = fresh();
  for (let sequence = 1; sequence <= count; sequence++) send(driver, sequence, 1);
  return driver;
}

/** Everything a refusal must leave alone. */
function observed(driver: Driver): unknown {
  const { clusterTimeMs, ...stats } = driver.machine.stats();
  return { stats, session: driver.machine.session(driver.session) };
}

describe('a batch of a session (thesis 6.3, R14)', () => {
  it('is executed in sequence and moves the applied sequence', () => {
    const driver = withBatches(3);
    expect(driver.machine.session(driver.session)).toEqual({
      appliedSequence: 3,
      firstOutstanding: 1,
    });
    expect(driver.get('key3')).toBe('v');
  });

  it('that is sent again is answered as before and not executed', () => {
    const driver = fresh();
    const ops = [setOp('a', '1'), setOp('big', 'x'), setOp('b', '2')];
    const verdicts = [{ index: 1, code: Code.TOO_LARGE }];
    const first = send(driver, 1, 1, { verdicts }, ops);
    const { revision } = driver.machine.stats();
    const second = send(driver, 1, 1, { verdicts: [] }, ops);
    expect(second).toEqual(first);
    expect(driver.machine.stats().revision).toBe(revision);
  });

  it('that is sent again may acknowledge earlier ones', () => {
    const driver = withBatches(3);
    expect(send(driver, 3, 3).code).toBe(Code.OK);
    expect(driver.machine.session(driver.session)?.firstOutstanding).toBe(3);
    expect(send(driver, 2, 2).code).toBe(Code.STALE);
  });

  it('may begin beyond a gap that its client has settled', () => {
    const driver = withBatches(2);
    expect(send(driver, 7, 7).code).toBe(Code.OK);
    expect(driver.machine.session(driver.session)).toEqual({
      appliedSequence: 7,
      firstOutstanding: 7,
    });
    expect(send(driver, 8, 7).code).toBe(Code.OK);
  });

  it('from inside such a gap is never executed later', () => {
    const driver = withBatches(2);
    send(driver, 7, 7);
    for (const sequence of [1, 2, 3, 6]) expect(send(driver, sequence, 1).code).toBe(Code.STALE);
    expect(driver.get('key6')).toBeUndefined();
  });

  it('of the last place in the window is executed', () => {
    const driver = withBatches(window);
    expect(driver.machine.session(driver.session)?.appliedSequence).toBe(window);
  });

  it.each<[string, number, number, Partial<BatchEnvelope>, Code]>([
    ['an unknown session', 3, 1, { session: 999 }, Code.SESSION_UNKNOWN],
    ['session 0', 3, 1, { session: 0 }, Code.SESSION_UNKNOWN],
    ['another principal', 3, 1, { principal: 'mallory' }, Code.SESSION_CONFLICT],
    ['another principal, an executed sequence', 2, 1, { principal: 'm' }, Code.SESSION_CONFLICT],
    ['sequence 0', 0, 0, {}, Code.STALE],
    ['a firstOutstanding above its sequence', 3, 4, {}, Code.STALE],
    ['an executed sequence and another CRC', 2, 1, { crc: 77 }, Code.SESSION_CONFLICT],
    ['an executed sequence, another CRC, f raised', 2, 2, { crc: 77 }, Code.SESSION_CONFLICT],
    ['a gap', 4, 1, {}, Code.OUT_OF_ORDER],
    ['a gap that is settled only in part', 5, 4, {}, Code.OUT_OF_ORDER],
    ['a sequence beyond the window', 1 + window, 1, {}, Code.TOO_MANY],
    ['a sequence beyond the raised window', 2 + window, 2, {}, Code.TOO_MANY],
  ])('with %s is refused without any effect', (_name, sequence, first, fields, code) => {
    const driver = withBatches(2);
    driver.clusterTimeMs = 1000;
    const before = observed(driver);
    expect(send(driver, sequence, first, fields)).toEqual({
      code,
      firstRevision: 0,
      exceptions: [],
    });
    expect(observed(driver)).toEqual(before);
    expect(send(driver, 1, 1).code).toBe(Code.OK);
    expect(send(driver, 3, 1).code).toBe(Code.OK);
  });

  it('below firstOutstanding is refused as stale', () => {
    const driver = withBatches(2);
    send(driver, 3, 3);
    expect(send(driver, 2, 2).code).toBe(Code.STALE);
  });

  it('refused as out of order is executed once the gap is filled', () => {
    const driver = withBatches(1);
    expect(send(driver, 3, 1).code).toBe(Code.OUT_OF_ORDER);
    expect(send(driver, 2, 1).code).toBe(Code.OK);
    expect(send(driver, 3, 1).code).toBe(Code.OK);
  });

  it('is remembered across a lookalike in the same entry', () => {
    const driver = fresh();
    const envelope = driver.envelope({ sequence: 1, firstOutstanding: 1 });
    const batch = batchOf([setOp('a', '1')]);
    const { answers } = driver.entry({ envelopes: [envelope, envelope] }, [batch, batch]);
    expect(answers[1]).toEqual(answers[0]);
    expect(driver.read('a').version).toBe(1);
  });
});

describe('opening and closing (R14)', () => {
  it('gives the session the index of its entry', () => {
    const driver = new Driver();
    const id = driver.open();
    expect(id).toBe(1);
    expect(driver.machine.session(id)).toEqual({ appliedSequence: 0, firstOutstanding: 1 });
  });

  it('closes for the owner only', () => {
    const driver = withBatches(2);
    const { session } = driver;
    const close = (id: number, principal: string) =>
      driver.command({ kind: 'closeSession', session: id, principal }).code;
    expect(close(session, 'mallory')).toBe(Code.SESSION_CONFLICT);
    expect(close(999, 'alice')).toBe(Code.SESSION_UNKNOWN);
    expect(close(session, 'alice')).toBe(Code.OK);
    expect(close(session, 'alice')).toBe(Code.SESSION_UNKNOWN);
    expect(driver.machine.stats()).toMatchObject({ sessions: 0, sessionBytes: 0 });
    expect(send(driver, 3, 3).code).toBe(Code.SESSION_UNKNOWN);
  });
});

describe('bounds of the session table (R14)', () => {
  const open = (driver: Driver) => driver.command({ kind: 'openSession', owner: 'alice' }).code;

  it('evicts the longest idle session to open one', () => {
    const driver = fresh({ sessionsMax: 2, sessionIdleMs: 100 });
    const first = driver.session;
    driver.clusterTimeMs = 10;
    const second = driver.open();
    driver.clusterTimeMs = 50;
    send(driver, 1, 1);
    driver.clusterTimeMs = 110;
    expect(open(driver)).toBe(Code.OK);
    expect(driver.machine.session(second)).toBeUndefined();
    expect(driver.machine.session(first)).toBeDefined();
    checkInvariants(driver.machine);
  });

  it('refuses to open while no session is idle', () => {
    const driver = fresh({ sessionsMax: 1, sessionIdleMs: 100 });
    driver.clusterTimeMs = 99;
    expect(open(driver)).toBe(Code.RESOURCE_EXHAUSTED);
    driver.clusterTimeMs = 100;
    expect(open(driver)).toBe(Code.OK);
  });

  it('refuses to open beyond the bytes', () => {
    const driver = fresh({ sessionBytesMax: 200 });
    expect(open(driver)).toBe(Code.RESOURCE_EXHAUSTED);
  });

  it('refuses batches at the bound of bytes and takes them again once answers are freed', () => {
    const driver = fresh({ sessionBytesMax: 250 });
    expect(send(driver, 1, 1).code).toBe(Code.OK);
    expect(send(driver, 2, 1).code).toBe(Code.OK);
    expect(send(driver, 3, 1).code).toBe(Code.OK);
    const before = observed(driver);
    expect(send(driver, 4, 1).code).toBe(Code.RESOURCE_EXHAUSTED);
    expect(observed(driver)).toEqual(before);
    expect(send(driver, 2, 1).code).toBe(Code.OK);
    expect(send(driver, 4, 2).code).toBe(Code.OK);
  });

  it('makes room for a batch by the eviction of idle sessions, but never of its own', () => {
    const driver = fresh({ sessionBytesMax: 400, sessionIdleMs: 100 });
    driver.clusterTimeMs = 1;
    const idle = driver.open();
    driver.clusterTimeMs = 500;
    for (const sequence of [1, 2, 3, 4]) {
      expect(send(driver, sequence, 1).code).toBe(Code.OK);
    }
    expect(driver.machine.session(idle)).toBeUndefined();
    expect(driver.machine.session(driver.session)).toBeDefined();
  });

  it('passes over the session that asks, even when it was idle for longest', () => {
    const driver = fresh({ sessionBytesMax: 400, sessionIdleMs: 100 });
    driver.clusterTimeMs = 1;
    const session = driver.open();
    for (const sequence of [1, 2, 3]) send(driver, sequence, 1, { session });
    expect(driver.machine.stats().sessionBytes).toBeGreaterThanOrEqual(400);
    driver.clusterTimeMs = 500;
    expect(send(driver, 1, 1).code).toBe(Code.OK);
    expect(driver.machine.session(session)).toBeUndefined();
  });
});
