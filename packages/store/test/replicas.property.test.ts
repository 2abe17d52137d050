/**
 * Goal: replicas that saw the same log are equal, however they came by it (R11, R12, R38). Method:
 * one random log, applied from bytes, from the leader's decoded form, and by a replica that is
 * restored from a snapshot sealed at a random point and scanned while applying went on; then
 * digests, answers and whole scans are compared.
 */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { checkInvariants, type StateMachine } from '../src/index.js';
import { batchOf, Driver, decode, restore, sealed, setOp } from './support/driver.js';
import { holds } from './support/holds.js';
import { play, type Step, stepArbitrary } from './support/script.js';

interface Plan {
  readonly steps: readonly Step[];
  readonly sealAt: number;
  /** Bytes of the sealed state that are scanned after every entry. */
  readonly scanBytes: number;
  /** A first seal is given up after this many entries. */
  readonly unsealAt: number;
}

const settings = { entriesMax: 8, sessionsMax: 4, sessionIdleMs: 50 };

const planArbitrary: fc.Arbitrary<Plan> = fc.record({
  steps: fc.array(stepArbitrary, { minLength: 2, maxLength: 50 }),
  sealAt: fc.nat(49),
  scanBytes: fc.integer({ min: 1, max: 300 }),
  unsealAt: fc.nat(49),
});

/** Beside the driver's own session: others that are opened, used out of order and closed. */
function playSessions(driver: Driver, step: Step): void {
  const dice = step.ops.length + step.hints.length;
  if (dice % 3 === 0) driver.open(`owner${dice}`);
  const { appliedIndex } = driver.machine;
  const session = (step.elapsedMs * 7 + dice) % (appliedIndex + 1);
  const owner = dice % 2 === 0 ? 'alice' : 'owner3';
  if (dice === 4) driver.command({ kind: 'closeSession', session, principal: owner });
  const sequence = 1 + (step.elapsedMs % 4);
  const firstOutstanding = Math.max(1, sequence - dice);
  const fields = { session, sequence, firstOutstanding, principal: owner, crc: dice };
  driver.entry({ envelopes: [driver.envelope(fields)] }, [batchOf([setOp('k1', 's')])]);
}

function run(plan: Plan): void {
  const driver = new Driver(settings);
  const { machine } = driver;
  const pieces: Uint8Array[] = [];
  let sealedAt = 0;
  let scanning = false;
  plan.steps.forEach((step, at) => {
    if (at === plan.sealAt || at === plan.unsealAt) {
      if (scanning) machine.unseal();
      pieces.length = 0;
      machine.seal();
      scanning = true;
      sealedAt = machine.appliedIndex;
    }
    play(driver, step);
    playSessions(driver, step);
    if (scanning) scanning = scan(machine, plan.scanBytes, pieces);
    checkInvariants(machine);
  });
  if (scanning) while (scan(machine, plan.scanBytes, pieces));
  const twin = replay(driver);
  compare(machine, twin);
  if (sealedAt > 0) compare(machine, goOn(driver, restore(pieces, sealedAt)));
}

function scan(machine: StateMachine, bytesMax: number, pieces: Uint8Array[]): boolean {
  const piece = machine.scanSealed(bytesMax);
  if (piece !== undefined) pieces.push(piece);
  return piece !== undefined;
}

function replay(driver: Driver): StateMachine {
  const { machine } = new Driver(settings);
  driver.log.forEach((data, at) => {
    machine.apply(at + 1, data, decode(data));
    expect(machine.digestAt(at + 1)).toEqual(driver.machine.digestAt(at + 1));
  });
  return machine;
}

function goOn(driver: Driver, machine: StateMachine): StateMachine {
  checkInvariants(machine);
  for (let index = machine.appliedIndex; index < driver.log.length; index++) {
    expect(machine.digestAt(index)).toEqual(driver.machine.digestAt(index));
    machine.apply(index + 1, driver.log[index]!, undefined);
  }
  return machine;
}

function compare(a: StateMachine, b: StateMachine): void {
  checkInvariants(b);
  expect(b.digest()).toEqual(a.digest());
  expect(b.stats()).toEqual(a.stats());
  expect(sealed(b).equals(sealed(a))).toBe(true);
}

describe('replicas (R11, R12, R38)', () => {
  it('are equal after the same log, also when restored in the middle of it', () => {
    holds(
      fc.property(planArbitrary, (plan) => run(plan)),
      { numRuns: 150 },
    );
  });

  it('give the same answers', () => {
    const driver = new Driver({ entriesMax: 3 });
    const answers = ['a', 'b', 'c', 'd', 'a'].map((key) => driver.set(key, key));
    const twin = new Driver({ entriesMax: 3 });
    const again = driver.log.flatMap((data, at) => [
      ...twin.machine.apply(at + 1, data, undefined).answers,
    ]);
    expect(again).toEqual(answers);
  });
});
