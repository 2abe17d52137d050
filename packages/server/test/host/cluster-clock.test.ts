// R16: cluster time is a lower bound that never goes back and never runs ahead of the leader.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ClusterClock } from '../../src/host/cluster-clock.js';

const HOUR_MS = 3_600_000;

describe('cluster time', () => {
  it('is unknown (0) until a leader or leading tells it', () => {
    const clock = new ClusterClock();
    expect(clock.estimate(5_000)).toBe(0);
    clock.observe(100, 5_000);
    expect(clock.estimate(5_040)).toBe(140);
  });

  it('takes the highest of what the messages carried, each grown by own elapsed time', () => {
    const clock = new ClusterClock();
    clock.observe(100, 0);
    clock.observe(90, 5);
    expect(clock.estimate(5)).toBe(105);
    clock.observe(200, 10);
    expect(clock.estimate(10)).toBe(200);
  });

  it('never goes back, whatever arrives', () => {
    const events = fc.array(fc.record({ waitMs: fc.nat(1000), timeMs: fc.nat(100_000) }));
    fc.assert(
      fc.property(events, (list) => {
        const clock = new ClusterClock();
        let nowMs = 0;
        let last = 0;
        for (const { waitMs, timeMs } of list) {
          nowMs += waitMs;
          clock.observe(timeMs, nowMs);
          expect(clock.estimate(nowMs)).toBeGreaterThanOrEqual(last);
          last = clock.estimate(nowMs);
        }
      }),
    );
  });

  it('starts a leader from the maximum of log, own estimate and votes', () => {
    const fromLog = new ClusterClock();
    fromLog.observe(50, 0);
    fromLog.lead(500, 0, 10);
    expect(fromLog.isProvisional).toBe(false);
    expect(fromLog.stamp(10)).toBe(500);

    const fromOwn = new ClusterClock();
    fromOwn.observe(700, 0);
    fromOwn.lead(500, 0, 10);
    expect(fromOwn.stamp(10)).toBe(710);

    const fromVote = new ClusterClock();
    fromVote.observeVote(900);
    fromVote.lead(500, HOUR_MS, 10);
    expect(fromVote.isProvisional).toBe(false);
    expect(fromVote.stamp(10)).toBe(900);
  });

  it.each([
    { what: 'a plausible gap', gapMs: 60_000, startMs: 60_500 },
    { what: 'a clock set to 2099', gapMs: 73 * 365 * 24 * HOUR_MS, startMs: HOUR_MS + 500 },
    { what: 'a clock set back', gapMs: -HOUR_MS, startMs: 500 },
  ])('falls back to wall time, clamped, when nobody knows: $what', ({ gapMs, startMs }) => {
    const clock = new ClusterClock();
    clock.lead(500, gapMs, 0);
    expect(clock.isProvisional).toBe(true);
    expect(clock.stamp(0)).toBe(startMs);
  });

  it('has no lease to restart in a log without entries', () => {
    const clock = new ClusterClock();
    clock.lead(0, 0, 0);
    expect(clock.isProvisional).toBe(false);
  });

  it('tells nobody a time that rests on the fallback, and forgets it when deposed', () => {
    const clock = new ClusterClock();
    clock.lead(500, HOUR_MS, 0);
    expect(clock.told(10)).toBe(0);
    clock.confirm();
    expect(clock.told(10)).toBe(HOUR_MS + 510);

    const deposed = new ClusterClock();
    deposed.lead(500, HOUR_MS, 0);
    deposed.stepDown();
    expect(deposed.estimate(10)).toBe(0);
  });

  it('ignores a leader that does not say', () => {
    const clock = new ClusterClock();
    clock.observe(0, 0);
    expect(clock.estimate(100)).toBe(0);
  });
});
