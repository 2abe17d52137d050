import { Code, opFor } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import { checkInvariants, EXPIRE_PER_ENTRY_MAX, LEASES_PER_ENTRY_MAX } from '../src/index.js';
import { Driver, restore, scanAll, sealed, setOp } from './support/driver.js';

function fill(driver: Driver, count: number, ttlMs: number): void {
  const perBatch = 1000;
  for (let at = 0; at < count; at += perBatch) {
    const size = Math.min(perBatch, count - at);
    const ops = Array.from({ length: size }, (_, offset) => setOp(`k${at + offset}`, 'v', ttlMs));
    driver.write(ops);
  }
}

describe('expiry (R17)', () => {
  it('is logical at once when cluster time reaches it', () => {
    const driver = new Driver();
    driver.set('a', '1', 100);
    driver.clock(99);
    expect(driver.read('a')).toMatchObject({ found: true, ttlMs: 1 });
    driver.clock(100);
    expect(driver.read('a').found).toBe(false);
    expect(driver.machine.stats()).toMatchObject({ expiries: 1, entries: 0 });
  });

  it('counts from the stamp of the entry', () => {
    const driver = new Driver();
    driver.clock(1000);
    driver.set('a', '1', 100);
    expect(driver.machine.nextExpiryMs()).toBe(1100);
  });

  it('is removed by a set without ttl, kept by keepTtl, replaced by a new ttl', () => {
    const driver = new Driver();
    driver.set('a', '1', 100);
    driver.set('a', '2', 0, true);
    expect(driver.read('a').ttlMs).toBe(100);
    driver.clock(40);
    driver.set('a', '3', 0, true);
    expect(driver.read('a').ttlMs).toBe(60);
    driver.set('a', '4', 10);
    expect(driver.read('a').ttlMs).toBe(10);
    driver.set('a', '5');
    expect(driver.read('a').ttlMs).toBeUndefined();
    expect(driver.machine.nextExpiryMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('of a ttl beyond all time never comes', () => {
    const driver = new Driver();
    driver.clock(1000);
    driver.set('a', '1', Number.MAX_SAFE_INTEGER);
    expect(driver.machine.nextExpiryMs()).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('never comes back when the leader of an entry is behind', () => {
    const driver = new Driver();
    driver.set('a', '1', 100);
    driver.clock(100);
    driver.clock(50);
    expect(driver.machine.stats().clusterTimeMs).toBe(100);
    expect(driver.get('a')).toBeUndefined();
  });

  it('hides keys from STALE reads by a local estimate', () => {
    const driver = new Driver();
    driver.set('a', '1', 100);
    expect(driver.read('a', 99)).toMatchObject({ found: true, ttlMs: 1 });
    expect(driver.read('a', 100).found).toBe(false);
    expect(driver.machine.isDue('a', 99)).toBe(false);
    expect(driver.machine.isDue('a', 100)).toBe(true);
    expect(driver.machine.isDue('none', 100)).toBe(false);
    driver.clock(100);
    expect(driver.machine.isDue('a', 100)).toBe(false);
  });

  it('keeps the clock in the log while a lease or a session exists (R16)', () => {
    const driver = new Driver();
    expect(driver.machine.needsClock()).toBe(false);
    const session = driver.open();
    driver.session = session;
    expect(driver.machine.needsClock()).toBe(true);
    driver.set('a', '1', 100);
    driver.command({ kind: 'closeSession', session, principal: 'alice' });
    expect(driver.machine.needsClock()).toBe(true);
    driver.clock(100);
    expect(driver.machine.needsClock()).toBe(false);
  });
});

describe('a key that is due but not removed yet (R17)', () => {
  /** More keys are due than one entry removes; the last ones by revision stay for now. */
  function overdue(extra: number): Driver {
    const driver = new Driver();
    fill(driver, EXPIRE_PER_ENTRY_MAX + extra, 100);
    driver.clusterTimeMs = 100;
    return driver;
  }
  const last = `k${EXPIRE_PER_ENTRY_MAX}`;

  it('is created anew by a set, with version 1 and without its old lease', () => {
    const driver = overdue(1);
    const { revision } = driver.machine.stats();
    expect(driver.set(last, 'new', 0, true).firstRevision).toBe(revision + 2);
    expect(driver.read(last)).toMatchObject({ found: true, version: 1, ttlMs: undefined });
    checkInvariants(driver.machine);
  });

  it('is not found by a delete', () => {
    const driver = overdue(1);
    expect(driver.delete(last).exceptions).toMatchObject([{ index: 0, code: Code.NOT_FOUND }]);
  });

  it('is not touched by a hint', () => {
    const driver = overdue(2);
    driver.entry({ recencyHints: [last] });
    driver.entry({});
    expect(driver.machine.stats().entries).toBe(0);
  });

  it('is removed in bounded portions of one revision each, however many are due (R34)', () => {
    const driver = overdue(2 * EXPIRE_PER_ENTRY_MAX + 1);
    const { revision } = driver.machine.stats();
    const left: number[] = [];
    while (driver.machine.nextExpiryMs() <= driver.clusterTimeMs) {
      driver.entry({});
      left.push(driver.machine.stats().entries);
    }
    expect(left).toEqual([2 * EXPIRE_PER_ENTRY_MAX + 1, EXPIRE_PER_ENTRY_MAX + 1, 1, 0]);
    expect(driver.machine.stats()).toMatchObject({
      bytes: 0,
      expiries: 3 * EXPIRE_PER_ENTRY_MAX + 1,
      revision: revision + 4,
    });
  });

  it('goes in order of expiry, then of revision', () => {
    const driver = new Driver();
    fill(driver, EXPIRE_PER_ENTRY_MAX - 1, 50);
    driver.set('late', 'v', 70);
    driver.set('second', 'v', 60);
    driver.set('third', 'v', 60);
    driver.clock(100);
    expect(driver.machine.stats().entries).toBe(2);
    expect(sealed(driver.machine).includes('second')).toBe(false);
    expect(sealed(driver.machine).includes('third')).toBe(true);
  });
});

describe('restart of leases (R16)', () => {
  const count = 2 * LEASES_PER_ENTRY_MAX + 500;
  /** Where the walk stands after the entry that restarts the leases, and after the next one. */
  const next = `k${LEASES_PER_ENTRY_MAX}`;
  const afterNext = `k${2 * LEASES_PER_ENTRY_MAX}`;

  function restarted(): Driver {
    const driver = new Driver();
    fill(driver, count, 1000);
    driver.clock(900);
    driver.clusterTimeMs = 5000;
    driver.entry({ restartLeases: true });
    return driver;
  }

  it('gives every lease its full length at once', () => {
    const driver = restarted();
    for (const key of ['k0', `k${LEASES_PER_ENTRY_MAX}`, `k${count - 1}`]) {
      expect(driver.read(key)).toMatchObject({ found: true, ttlMs: 1000 });
    }
    expect(driver.machine.stats().expiries).toBe(0);
    checkInvariants(driver.machine);
  });

  it('is done in bounded steps, for which the host proposes clock entries', () => {
    const driver = restarted();
    expect(driver.machine.nextExpiryMs()).toBe(5000);
    expect(driver.machine.needsClock()).toBe(true);
    driver.clock(5001);
    expect(driver.machine.nextExpiryMs()).toBe(5001);
    driver.clock(5002);
    expect(driver.machine.nextExpiryMs()).toBe(6000);
    checkInvariants(driver.machine);
  });

  it('reaches keys that are read, written or deleted meanwhile', () => {
    const driver = restarted();
    const [kept, given, read, removed] = [1, 2, 3, 4].map((back) => `k${count - back}`);
    const ops = [setOp(kept!, 'w', 0, true), setOp(given!, 'w', 7), opFor.delete(removed!)];
    driver.write(ops, { recencyHints: [read!, afterNext] });
    expect(driver.read(kept!).ttlMs).toBe(1000);
    expect(driver.read(given!).ttlMs).toBe(7);
    expect(driver.read(read!).ttlMs).toBe(1000);
    expect(driver.read(next).ttlMs).toBe(1000);
    checkInvariants(driver.machine);
    driver.clock(5999);
    expect(driver.machine.stats().entries).toBe(count - 2);
    for (let at = 0; at < 9; at++) driver.clock(6000);
    expect(driver.machine.stats().entries).toBe(0);
  });

  it('may begin again before it is done', () => {
    const driver = restarted();
    driver.clusterTimeMs = 5500;
    driver.entry({ restartLeases: true });
    expect(driver.read('k0').ttlMs).toBe(1000);
    expect(driver.read(`k${count - 1}`).ttlMs).toBe(1000);
    for (const timeMs of [5501, 5502, 5503]) driver.clock(timeMs);
    expect(driver.machine.nextExpiryMs()).toBe(6500);
    checkInvariants(driver.machine);
  });

  it('costs nothing where there are no leases', () => {
    const driver = new Driver();
    driver.set('a', '1');
    driver.entry({ restartLeases: true });
    expect(driver.machine.nextExpiryMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('goes on in a replica restored in the middle of it', () => {
    const driver = restarted();
    const { machine } = driver;
    machine.seal();
    const { appliedIndex } = machine;
    for (const timeMs of [5003, 5004, 5999, 6000]) driver.clock(timeMs);
    const copy = restore(scanAll(machine, 5000), appliedIndex);
    expect(copy.digest()).toEqual(machine.digestAt(appliedIndex));
    checkInvariants(copy);
    for (let index = appliedIndex + 1; index <= machine.appliedIndex; index++) {
      copy.apply(index, driver.log[index - 1]!, undefined);
      expect(copy.digest()).toEqual(machine.digestAt(index));
    }
    expect(copy.stats()).toEqual(machine.stats());
  });
});
