// Goal: a run is as its seed says, and has every kind of fault. Method: properties over seeds.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { faultKinds, makeSchedule, nameOf, type ScheduleOptions } from '../src/schedule.js';

const options = (seed: number, totalMs = 120_000): ScheduleOptions => ({
  seed,
  totalMs,
  nodes: 3,
  lastsMsMin: 400,
  lastsMsMax: 1_200,
  restMsMax: 600,
});
const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe('a schedule', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(makeSchedule(options(7))).toEqual(makeSchedule(options(7)));
    expect(makeSchedule(options(7))).not.toEqual(makeSchedule(options(8)));
  });

  it('begins with every kind of fault alone, however short it is', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const round = makeSchedule(options(seed, 1)).map(nameOf);
        expect([...round].sort()).toEqual([...faultKinds].sort());
      }),
    );
  });

  it('fills its time within its bounds, and later has two faults at once', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const steps = makeSchedule(options(seed));
        const totalMs = steps.reduce((sum, { lastsMs, restMs }) => sum + lastsMs + restMs, 0);
        expect(totalMs).toBeGreaterThanOrEqual(120_000);
        for (const { lastsMs, restMs, faults } of steps) {
          expect(lastsMs).toBeGreaterThanOrEqual(400);
          expect(lastsMs).toBeLessThanOrEqual(1_200);
          expect(restMs).toBeLessThanOrEqual(600);
          for (const { node } of faults) expect([0, 1, 2]).toContain(node);
        }
        expect(steps.some(({ faults }) => faults.length === 2)).toBe(true);
      }),
    );
  });
});
