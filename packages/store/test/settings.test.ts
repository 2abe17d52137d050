// Settings and access policy as replicated state (R11, R18, R34, R40): changed by entries, in the
// digest and in snapshots; a lowered limit is reached in portions that entries of any kind take.
import { type AccessPolicy, Code, openPolicy, type SettingsChanges } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import {
  checkInvariants,
  EVICTIONS_PER_ENTRY_MAX,
  recordBytes,
  SESSIONS_EVICTED_PER_STEP_MAX,
} from '../src/index.js';
import { Driver, restore, sealed, setOp } from './support/driver.js';

function change(driver: Driver, changes: SettingsChanges, revision = 0): Code {
  const { code } = driver.command({ kind: 'changeSettings', changes, revision });
  checkInvariants(driver.machine);
  return code;
}

function filled(count: number, driver: Driver = new Driver()): Driver {
  for (let at = 0; at < count; at += 500) {
    const keys = Array.from({ length: Math.min(500, count - at) }, (_, place) => at + place);
    driver.write(keys.map((key) => setOp(`k${key}`, 'v')));
  }
  return driver;
}

const policy: AccessPolicy = {
  roles: [{ name: 'reader', grants: [{ verb: 'read', prefix: 'a' }] }],
  bindings: [{ principal: 'client/app', role: 'reader' }],
  tokens: [{ name: 'ci', sha256: '0'.repeat(64) }],
};

describe('settings', () => {
  it('change by an entry, those that are stated, and count their revisions', () => {
    const driver = new Driver({ entriesMax: 5, replicationFactor: 3 });
    const hash = driver.machine.settingsHash();
    expect(change(driver, { replicationFactor: 5, sessionIdleMs: 9 })).toBe(Code.OK);
    expect(driver.machine.settings()).toMatchObject({
      entriesMax: 5,
      replicationFactor: 5,
      sessionIdleMs: 9,
    });
    expect(driver.machine.settingsRevision()).toBe(2);
    expect(driver.machine.settingsHash()).not.toBe(hash);
    expect(change(driver, { replicationFactor: 5 })).toBe(Code.OK);
    expect(driver.machine.settingsRevision()).toBe(2);
  });

  it('out of range are refused and change nothing', () => {
    const driver = new Driver();
    const before = driver.machine.settings();
    const command = { kind: 'changeSettings', changes: { bytesMax: 0 }, revision: 0 } as const;
    const { code, message } = driver.command(command);
    expect([code, message]).toEqual([
      Code.INVALID_ARGUMENT,
      `bytesMax is 0; it must be an integer from 1 to ${Number.MAX_SAFE_INTEGER}`,
    ]);
    expect(driver.machine.settings()).toBe(before);
  });

  it('of other groups follow the revision of group 0, and never go back', () => {
    const driver = new Driver({}, 3);
    change(driver, { entriesMax: 7 }, 4);
    change(driver, { entriesMax: 5 }, 3);
    expect(driver.machine.settings().entriesMax).toBe(7);
    expect(driver.machine.settingsRevision()).toBe(4);
  });

  it('are part of the digest and of snapshots', () => {
    const [one, other] = [filled(20), filled(20)];
    change(one, { entriesMax: 15 });
    change(other, { entriesMax: 16 });
    expect(one.machine.digest()).not.toEqual(other.machine.digest());
    const { machine } = one;
    const restored = restore([sealed(machine)], machine.appliedIndex);
    expect(restored.settings()).toEqual(machine.settings());
    expect(restored.settingsRevision()).toBe(2);
  });
});

describe('a lowered limit', () => {
  it('is reached in portions, coldest first, by entries that carry nothing', () => {
    const count = 2 * EVICTIONS_PER_ENTRY_MAX + 500;
    const driver = filled(count);
    change(driver, { entriesMax: 100 });
    const left: number[] = [];
    for (let entry = 0; entry < 4; entry++) {
      expect(driver.machine.nextExpiryMs()).toBe(entry < 3 ? 0 : Number.POSITIVE_INFINITY);
      driver.clock(0);
      checkInvariants(driver.machine);
      left.push(driver.machine.stats().entries);
    }
    const portion = EVICTIONS_PER_ENTRY_MAX;
    expect(left).toEqual([count - portion, count - 2 * portion, 100, 100]);
    expect(driver.machine.stats().evictions).toBe(count - 100);
    expect(driver.get(`k${count - 101}`)).toBeUndefined();
    expect(driver.get(`k${count - 100}`)).toBe('v');
  });

  it('in bytes likewise; sets meanwhile evict no more than what they add', () => {
    const count = EVICTIONS_PER_ENTRY_MAX + 600;
    const driver = filled(count);
    const each = recordBytes(2, 1);
    change(driver, { bytesMax: 50 * each });
    driver.set('new', 'v');
    const { entries } = driver.machine.stats();
    expect(entries).toBe(count - EVICTIONS_PER_ENTRY_MAX);
    expect(driver.get('new')).toBe('v');
    driver.clock(0);
    checkInvariants(driver.machine);
    expect(driver.machine.stats().bytes).toBeLessThanOrEqual(50 * each);
    expect(driver.get('new')).toBe('v');
  });

  it('goes on alike on a replica that was restored half way', () => {
    const driver = filled(2 * EVICTIONS_PER_ENTRY_MAX + 500);
    change(driver, { entriesMax: 10 });
    driver.clock(0);
    const { machine } = driver;
    const restored = restore([sealed(machine)], machine.appliedIndex);
    driver.clock(1);
    driver.set('x', 'y');
    for (const data of driver.log.slice(-2)) {
      restored.apply(restored.appliedIndex + 1, data, undefined);
    }
    expect(restored.digest()).toEqual(machine.digest());
    expect(restored.stats().entries).toBe(10);
  });

  it('under noeviction removes nothing and refuses what needs room, until lru is back', () => {
    const driver = filled(20, new Driver({ eviction: 'noeviction' }));
    change(driver, { entriesMax: 5 });
    driver.clock(0);
    expect(driver.machine.stats().entries).toBe(20);
    expect(driver.machine.nextExpiryMs()).toBe(Number.POSITIVE_INFINITY);
    expect(driver.set('new', 'v').exceptions[0]?.code).toBe(Code.RESOURCE_EXHAUSTED);
    expect(driver.set('k1', 'w').exceptions).toEqual([]);
    change(driver, { eviction: 'lru' });
    driver.clock(0);
    expect(driver.machine.stats().entries).toBe(5);
    expect(driver.get('k1')).toBe('w');
  });

  it('is given up when it is raised again', () => {
    const driver = filled(2 * EVICTIONS_PER_ENTRY_MAX);
    change(driver, { entriesMax: 10 });
    driver.clock(0);
    change(driver, { entriesMax: 0 });
    const { entries } = driver.machine.stats();
    driver.clock(0);
    expect(driver.machine.stats().entries).toBe(entries);
    expect(entries).toBeGreaterThan(0);
  });

  it('of sessions closes idle ones, so many per entry, and none that is in use', () => {
    const count = SESSIONS_EVICTED_PER_STEP_MAX + 50;
    const driver = new Driver({ sessionsMax: 1000, sessionIdleMs: 100 });
    for (let at = 0; at < count; at++) driver.open();
    driver.clock(200);
    const used = driver.open();
    change(driver, { sessionsMax: 1 });
    expect(driver.machine.stats().sessions).toBe(count + 1);
    driver.clock(210);
    expect(driver.machine.stats().sessions).toBe(51);
    driver.clock(220);
    expect(driver.machine.stats().sessions).toBe(1);
    expect(driver.machine.session(used)).toBeDefined();
    const late = { kind: 'openSession', owner: 'late' } as const;
    expect(driver.command(late).code).toBe(Code.RESOURCE_EXHAUSTED);
  });
});

describe('the access policy', () => {
  const set = (driver: Driver, next: AccessPolicy, expectedRevision: number): Code =>
    driver.command({ kind: 'setAccess', policy: next, expectedRevision }).code;

  it('is replaced by compare-and-set; the same again right after is done already', () => {
    const driver = new Driver();
    expect(driver.machine.access()).toBe(openPolicy);
    expect(set(driver, policy, 1)).toBe(Code.OK);
    expect(driver.machine.access()).toEqual(policy);
    expect(driver.machine.accessRevision()).toBe(2);
    expect(set(driver, policy, 1)).toBe(Code.OK);
    expect(driver.machine.accessRevision()).toBe(2);
    expect(set(driver, openPolicy, 1)).toBe(Code.ABORTED);
    expect(set(driver, openPolicy, 3)).toBe(Code.ABORTED);
    expect(set(driver, openPolicy, 2)).toBe(Code.OK);
    expect(driver.machine.accessRevision()).toBe(3);
  });

  it('that breaks a rule is refused', () => {
    const driver = new Driver();
    const bindings = [{ principal: 'client/app', role: 'none' }];
    expect(set(driver, { ...openPolicy, bindings }, 1)).toBe(Code.INVALID_ARGUMENT);
    expect(driver.machine.accessRevision()).toBe(1);
  });

  it('is told as a change of the meta records, and only group 0 has one', () => {
    const driver = new Driver();
    const command = { kind: 'setAccess', policy, expectedRevision: 1 } as const;
    expect(driver.entry({ command }).metaChanged).toBe(true);
    const other = new Driver({}, 2);
    expect(other.command(command).code).toBe(Code.INVALID_ARGUMENT);
  });

  it('is part of the digest and of snapshots', () => {
    const [one, other] = [new Driver(), new Driver()];
    set(one, policy, 1);
    set(other, { ...policy, tokens: [] }, 1);
    expect(one.machine.digest()).not.toEqual(other.machine.digest());
    const { machine } = one;
    const restored = restore([sealed(machine)], machine.appliedIndex);
    expect(restored.access()).toEqual(policy);
    expect(restored.accessRevision()).toBe(2);
    expect(restored.digest()).toEqual(machine.digest());
  });
});
