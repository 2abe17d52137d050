// Goal: a million keys due at one instant cost no step more than its bound (R17, R34).
// Method: the state machine's own counts, entry by entry; reads and writes go on between them.
import { describe, expect, it } from '@jest/globals';
import { EXPIRE_PER_ENTRY_MAX } from '../src/index.js';
import { Driver, setOp } from './support/driver.js';

const count = 1_000_000;
const perEntry = 1_000;
const dueMs = 60_000;

describe('a million keys due at one instant', () => {
  it('go in portions of the bound, are gone at once for callers, and nothing else goes', () => {
    const driver = new Driver();
    driver.set('stays', 'kept');
    for (let at = 0; at < count; at += perEntry) {
      const ops = Array.from({ length: perEntry }, (_, i) => setOp(`due-${at + i}`, 'v', dueMs));
      driver.write(ops);
    }
    expect(driver.machine.stats()).toMatchObject({ entries: count + 1, expiries: 0 });

    driver.clock(dueMs);
    expect(driver.machine.stats().expiries).toBe(EXPIRE_PER_ENTRY_MAX);
    // Whichever portion a key is in: callers do not find it.
    const probes = [0, 1, count / 2, count - 1].map((at) => driver.read(`due-${at}`).found);
    expect(probes).toEqual([false, false, false, false]);
    // A write to one whose portion has not come is the key's first.
    driver.set(`due-${count - 1}`, 'again');
    expect(driver.read(`due-${count - 1}`)).toMatchObject({ found: true, version: 1 });

    const portions = new Set<number>();
    let entries = 2; // The clock entry and the set have done a portion each.
    for (let before = -1; before !== driver.machine.stats().expiries; entries += 1) {
      before = driver.machine.stats().expiries;
      driver.entry({});
      portions.add(driver.machine.stats().expiries - before);
    }
    expect(Math.max(...portions)).toBeLessThanOrEqual(EXPIRE_PER_ENTRY_MAX);
    expect(entries).toBeLessThanOrEqual(count / EXPIRE_PER_ENTRY_MAX + 2);
    expect(driver.machine.stats()).toMatchObject({ entries: 2, expiries: count });
    expect([driver.get('stays'), driver.get(`due-${count - 1}`)]).toEqual(['kept', 'again']);
  }, 60_000);
});
