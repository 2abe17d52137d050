/** R38, R34: sealing, scanning and restoring one state. */
import { opFor } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import {
  checkInvariants,
  createRestorer,
  RESTORE_PER_STEP_MAX,
  StateMachineError,
} from '../src/index.js';
import { batchOf, Driver, restore, scanAll, sealed, setOp, textOf } from './support/driver.js';

function filled(count: number, settings = {}): Driver {
  const driver = new Driver(settings);
  for (let at = 0; at < count; at += 1000) {
    const size = Math.min(1000, count - at);
    driver.write(Array.from({ length: size }, (_, offset) => setOp(`k${at + offset}`, `v${at}`)));
  }
  return driver;
}

describe('a seal', () => {
  it('shows the state it was taken of, whatever is done meanwhile', () => {
    const driver = filled(3000, { entriesMax: 3000 });
    const { machine } = driver;
    const { appliedIndex } = machine;
    const expected = sealed(machine);
    machine.seal();
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < 3000; at += 100) {
      const piece = machine.scanSealed(2000);
      if (piece !== undefined) pieces.push(piece);
      const ops = Array.from({ length: 100 }, (_, offset) => setOp(`k${2999 - at - offset}`, 'w'));
      driver.write([...ops, opFor.delete(`k${at}`), setOp(`new${at}`, 'x'), setOp(`b${at}`, 'y')]);
      checkInvariants(machine);
    }
    pieces.push(...scanAll(machine, 2000));
    expect(Buffer.concat(pieces).equals(expected)).toBe(true);
    const copy = restore(pieces, appliedIndex);
    expect(copy.digest()).toEqual(machine.digestAt(appliedIndex));
    expect(textOf(copy.read(opFor.get('k2999'), 0))).toBe('v2000');
  });

  it('shows the answers of a session that are acknowledged while it is written out', () => {
    const driver = new Driver();
    driver.session = driver.open();
    for (const sequence of [1, 2, 3, 4]) {
      const envelope = driver.envelope({ sequence, firstOutstanding: 1 });
      driver.entry({ envelopes: [envelope] }, [batchOf([setOp('a', '1')])]);
    }
    const { machine } = driver;
    const { appliedIndex } = machine;
    machine.seal();
    const pieces = [1, 2, 3].map(() => machine.scanSealed(1)!);
    driver.sequence = 4;
    driver.set('a', '2');
    pieces.push(...scanAll(machine, 1));
    expect(restore(pieces, appliedIndex).digest()).toEqual(machine.digestAt(appliedIndex));
  });

  it('is held once at a time and can be given up', () => {
    const driver = filled(10);
    const { machine } = driver;
    expect(() => machine.scanSealed(100)).toThrow(StateMachineError);
    machine.seal();
    expect(() => machine.seal()).toThrow(StateMachineError);
    driver.set('k1', 'changed');
    machine.unseal();
    machine.unseal();
    expect(sealed(machine).includes('changed')).toBe(true);
    checkInvariants(machine);
  });

  it('is scanned in pieces of about the size asked for', () => {
    const driver = filled(2000);
    driver.machine.seal();
    const pieces = scanAll(driver.machine, 4096);
    expect(pieces.length).toBeGreaterThan(10);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(4096 + 100);
  });
});

describe('a restore', () => {
  it('takes pieces cut anywhere', () => {
    const driver = filled(50);
    driver.set('big', 'x'.repeat(20_000));
    const { machine } = driver;
    const bytes = sealed(machine);
    for (const size of [1, 2, 7, 1000, bytes.length]) {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
      const copy = restore(pieces, machine.appliedIndex);
      expect(copy.digest()).toEqual(machine.digest());
      checkInvariants(copy);
    }
  });

  it('does a bounded number of records per step (R34)', () => {
    const driver = filled(2 * RESTORE_PER_STEP_MAX);
    const restorer = createRestorer();
    restorer.push(sealed(driver.machine));
    expect([restorer.step(), restorer.step(), restorer.step()]).toEqual([false, false, true]);
    expect(restorer.finish(driver.machine.appliedIndex).stats()).toEqual(driver.machine.stats());
  });

  it('keeps the order of eviction', () => {
    const driver = new Driver({ entriesMax: 3 });
    driver.write([setOp('a', '1'), setOp('b', '1'), setOp('c', '1')]);
    driver.entry({ recencyHints: ['a'] });
    const { appliedIndex } = driver.machine;
    const bytes = sealed(driver.machine);
    driver.machine = restore([bytes], appliedIndex);
    driver.set('d', '1');
    expect([driver.get('a'), driver.get('b')]).toEqual(['1', undefined]);
  });

  it('keeps expiries', () => {
    const driver = new Driver();
    driver.write([setOp('a', '1', 10), setOp('b', '1', 20), setOp('c', '1')]);
    driver.machine = restore([sealed(driver.machine)], driver.machine.appliedIndex);
    expect(driver.machine.nextExpiryMs()).toBe(10);
    driver.clock(10);
    expect(driver.machine.nextExpiryMs()).toBe(20);
  });

  it.each<[string, (bytes: Buffer) => Uint8Array]>([
    ['cut off', (bytes) => bytes.subarray(0, -1)],
    ['without its last record', (bytes) => bytes.subarray(0, bytes.lastIndexOf('k9') - 4)],
    ['with a changed value', (bytes) => replaced(bytes, 'v0', 'w0')],
    ['with a changed key', (bytes) => replaced(bytes, 'k7', 'kk')],
    ['with a repeated key', (bytes) => replaced(bytes, 'k7', 'k8')],
    ['twice', (bytes) => Buffer.concat([bytes, bytes])],
    [
      'of a newer format',
      (bytes) => Buffer.concat([bytes.subarray(0, 4), Buffer.from([9]), bytes.subarray(5)]),
    ],
    ['with an unknown message', (bytes) => Buffer.concat([bytes, Buffer.from([0x3a, 0])])],
    ['with no message', (bytes) => Buffer.concat([bytes, Buffer.from([0x08, 1])])],
    ['without a beginning', (bytes) => bytes.subarray(bytes.indexOf('k0') - 4)],
    ['of nothing', () => new Uint8Array(0)],
  ])('refuses a snapshot %s', (_name, damage) => {
    const { machine } = filled(10);
    const bytes = damage(sealed(machine));
    expect(() => restore([bytes], machine.appliedIndex)).toThrow(StateMachineError);
  });

  it('refuses another index than the sealed one', () => {
    const { machine } = filled(1);
    const bytes = sealed(machine);
    expect(() => restore([bytes], machine.appliedIndex + 1)).toThrow(StateMachineError);
  });

  it('refuses bytes pushed faster than they are stepped in (R35)', () => {
    const restorer = createRestorer();
    const piece = new Uint8Array(16 << 20);
    for (let at = 0; at < 4; at++) restorer.push(piece);
    expect(() => restorer.push(piece)).toThrow(StateMachineError);
  });

  it.each([1, 200])(
    'survives a damaged byte with an error or the right state (step %d)',
    (step) => {
      const { machine } = filled(20);
      const good = sealed(machine);
      let refused = 0;
      for (let at = 0; at < good.length; at += step) {
        const bytes = Buffer.from(good);
        bytes[at]! ^= 0x41;
        try {
          expect(restore([bytes], machine.appliedIndex).digest()).toEqual(machine.digest());
        } catch (error) {
          expect(error).toBeInstanceOf(StateMachineError);
          refused++;
        }
      }
      expect(refused).toBeGreaterThan(0);
    },
  );
});

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const copy = Buffer.from(bytes);
  copy.write(to, copy.indexOf(from));
  return copy;
}
