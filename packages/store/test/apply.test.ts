import { Code, encodeEntry, openPolicy, opFor } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import { createStore, recordBytes, StateMachineError, validateSettings } from '../src/index.js';
import {
  batchOf,
  Driver,
  decode,
  defaultSettings,
  payloadOf,
  setOp,
  text,
} from './support/driver.js';

describe('answers of a batch (R13, R19)', () => {
  it('give the first revision, and each op that changed something takes the next', () => {
    const driver = new Driver();
    driver.set('old', 'x');
    const answer = driver.write([setOp('a', '1'), opFor.delete('old'), setOp('a', '2')]);
    expect(answer).toEqual({ code: Code.OK, firstRevision: 2, exceptions: [] });
    expect(driver.read('a')).toMatchObject({ revision: 4, version: 2 });
  });

  it('name the ops that changed nothing; these take no revision', () => {
    const driver = new Driver();
    const ops = [opFor.delete('none'), setOp('a', '1'), setOp('b', '2'), setOp('c', '3')];
    const verdicts = [{ index: 2, code: Code.PERMISSION_DENIED }];
    const answer = driver.write(ops, { verdicts });
    expect(answer).toEqual({
      code: Code.OK,
      firstRevision: 1,
      exceptions: [
        { index: 0, code: Code.NOT_FOUND, message: '' },
        {
          index: 2,
          code: Code.PERMISSION_DENIED,
          message: 'the principal may not do this',
        },
      ],
    });
    expect(driver.get('b')).toBeUndefined();
    expect(driver.read('c').revision).toBe(2);
  });

  it('have revision 0 when nothing changed', () => {
    expect(new Driver().delete('none').firstRevision).toBe(0);
  });

  it('share one empty list of exceptions', () => {
    const driver = new Driver();
    expect(driver.set('a', '1').exceptions).toBe(driver.set('a', '2').exceptions);
  });
});

describe('versions (R19)', () => {
  it('count the writes of a key and start again after a delete', () => {
    const driver = new Driver();
    driver.set('a', '1');
    driver.set('a', '2');
    expect(driver.read('a').version).toBe(2);
    driver.delete('a');
    driver.set('a', '3');
    expect(driver.read('a')).toMatchObject({ version: 1, revision: 4 });
  });
});

describe('reads', () => {
  it('tell a miss and a hit', () => {
    const driver = new Driver();
    driver.set('a', 'value', 500);
    expect(driver.read('none')).toMatchObject({ found: false, revision: 0, ttlMs: undefined });
    expect(driver.read('a')).toEqual({
      found: true,
      value: expect.any(Uint8Array),
      revision: 1,
      version: 1,
      ttlMs: 500,
      code: Code.UNSPECIFIED,
      message: '',
    });
    expect(driver.machine.read(opFor.has('a'), 0)).toMatchObject({ found: true });
    expect(driver.machine.read(opFor.has('none'), 0)).toMatchObject({ found: false });
  });

  it('answer a write op with a refusal', () => {
    const { machine } = new Driver();
    expect(machine.read(opFor.delete('a'), 0).code).toBe(Code.INVALID_ARGUMENT);
  });

  it('return a view that no later write changes', () => {
    const driver = new Driver();
    driver.set('a', 'first');
    const { value } = driver.read('a');
    for (let at = 0; at < 5000; at++) driver.set('a', `other${at}`);
    expect(Buffer.from(value).toString()).toBe('first');
  });

  it('do not depend on the buffer the entry came in', () => {
    const driver = new Driver();
    driver.session = driver.open();
    const envelope = driver.envelope({ sequence: 1, firstOutstanding: 1 });
    const data = encodeEntry(payloadOf({ envelopes: [envelope] }, [batchOf([setOp('a', 'v')])]));
    driver.machine.apply(2, data, undefined);
    data.fill(0);
    expect(driver.get('a')).toBe('v');
  });

  it('find empty values and values of any size', () => {
    const driver = new Driver();
    for (const size of [0, 1, 8192, 8193, 70_000, 1 << 20]) {
      driver.set(`size${size}`, 'x'.repeat(size));
    }
    for (const size of [0, 1, 8192, 8193, 70_000, 1 << 20]) {
      expect(driver.get(`size${size}`)?.length).toBe(size);
    }
  });
});

describe('what only corruption explains (R11)', () => {
  it('stops at an index that does not follow', () => {
    const { machine } = new Driver();
    expect(() => machine.skip(2)).toThrow(StateMachineError);
    machine.skip(1);
    expect(() => machine.apply(1, new Uint8Array(0), undefined)).toThrow(StateMachineError);
  });

  it('stops at bytes that are no entry', () => {
    const { machine } = new Driver();
    expect(() => machine.apply(1, text('no entry'), undefined)).toThrow(StateMachineError);
  });

  it('stops at a newer format', () => {
    const { machine } = new Driver();
    const data = encodeEntry(payloadOf({}));
    const at = data.indexOf(1, 3);
    data[at] = 99;
    expect(() => machine.apply(1, data, undefined)).toThrow(/newer than/);
  });

  it('stops at a batch that its envelope does not describe', () => {
    const other = new Driver();
    other.session = other.open();
    const envelope = other.envelope({ sequence: 1, firstOutstanding: 1, opCount: 2 });
    const batch = batchOf([setOp('a', '1')]);
    expect(() => other.entry({ envelopes: [envelope] }, [batch])).toThrow(StateMachineError);
  });

  it('stops at a read in a write batch', () => {
    const other = new Driver();
    other.session = other.open();
    const envelope = other.envelope({ sequence: 1, firstOutstanding: 1 });
    const payload = payloadOf({ envelopes: [envelope] }, [batchOf([setOp('a', '1')])]);
    const decoded = { ...decode(encodeEntry(payload)), ops: [[opFor.get('a')]] };
    expect(() => other.machine.apply(2, encodeEntry(payload), decoded)).toThrow(StateMachineError);
  });
});

describe('digests (R12)', () => {
  it('differ when anything differs, and are kept by index', () => {
    const driver = new Driver();
    const seen = new Set<string>();
    const note = () => seen.add(JSON.stringify({ ...driver.machine.digest(), index: 0 }));
    note();
    driver.session = driver.open();
    note();
    driver.set('a', '1');
    note();
    driver.set('a', '1');
    note();
    driver.set('a', '1', 5);
    note();
    driver.entry({ recencyHints: ['a'] });
    note();
    driver.clock(3);
    note();
    expect(seen.size).toBe(7);
    const { appliedIndex } = driver.machine;
    expect(driver.machine.digestAt(appliedIndex)).toEqual(driver.machine.digest());
    expect(driver.machine.digestAt(appliedIndex + 1)).toBeUndefined();
    expect(driver.machine.digestAt(0)).toBeUndefined();
  });

  it('cover the order of last use', () => {
    const digests = [
      ['a', 'b'],
      ['b', 'a'],
    ].map((recencyHints) => {
      const driver = new Driver();
      driver.write([setOp('a', '1'), setOp('b', '1')]);
      driver.entry({ recencyHints });
      return driver.machine.digest();
    });
    expect(digests[0]).not.toEqual(digests[1]);
  });

  it('of entries without effect are kept too, and old ones are let go', () => {
    const { machine } = new Driver();
    for (let index = 1; index <= 8193; index++) machine.skip(index);
    expect(machine.digestAt(1)).toBeUndefined();
    expect(machine.digestAt(2)).toBeDefined();
  });

  it('that an entry carries are handed on', () => {
    const driver = new Driver();
    const digest = { index: 0, high: 1, low: 2 };
    expect(driver.entry({ digest }).digest).toEqual(digest);
  });
});

describe('logical bytes (R18)', () => {
  it('are a constant, the key in UTF-8 and the value', () => {
    const driver = new Driver();
    driver.set('a', '123');
    expect(driver.machine.stats().bytes).toBe(recordBytes(1, 3));
    driver.set('\u00e9', '');
    expect(driver.machine.stats().bytes).toBe(recordBytes(1, 3) + recordBytes(2, 0));
  });
});

describe('settings (R11)', () => {
  it('are valid at their defaults', () => {
    expect(validateSettings(defaultSettings)).toBeUndefined();
  });

  it.each([
    { entriesMax: -1 },
    { bytesMax: 0 },
    { bytesMax: 1.5 },
    { replicationFactor: 0 },
    { valueBytesMax: 1 },
    { valueBytesMax: 1 << 30 },
    { sessionsMax: 0 },
    { sessionWindow: 1 << 20 },
    { sessionBytesMax: Number.NaN },
    { sessionIdleMs: 0 },
  ])('%j is refused by name', (fields) => {
    const settings = { ...defaultSettings, ...fields };
    expect(validateSettings(settings)).toMatch(Object.keys(fields)[0]!);
    const genesis = { groupId: 0, hashSeed: 1, settings, nodes: [], access: openPolicy };
    expect(() => createStore(genesis)).toThrow(StateMachineError);
  });

  it('have a hash that tells them apart', () => {
    const hashes = [
      {},
      { entriesMax: 1 },
      { bytesMax: 1 },
      { eviction: 'noeviction' as const },
    ].map((fields) => new Driver(fields).machine.settingsHash());
    expect(new Set(hashes).size).toBe(4);
    expect(new Driver().machine.settingsHash()).toBe(hashes[0]);
    expect(hashes.every((hash) => Number.isInteger(hash) && hash >= 0)).toBe(true);
  });
});
