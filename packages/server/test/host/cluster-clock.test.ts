// R16: cluster time is a lower bound that never goes back and never runs ahead of the leader.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ClusterClock, type LastStamp } from '../../src/host/cluster-clock.js';

const HOUR_MS = 3_600_000;
/** What was heard grows by this much per ms of the local clock. */
const HEARD_RATE = 0.998;

/** Of a log whose last stamp is from term 1. */
function lastStamp(timeMs: number, wallGapMs = 0): LastStamp {
  return { timeMs, term: 1, wallGapMs };
}

describe('cluster time (R16)', () => {
  it('is unknown (0) until a leader or leading tells it', () => {
    const clock = new ClusterClock();
    expect(clock.estimate(5_000)).toBe(0);
    clock.observe(100, 1, 5_000);
    expect(clock.estimate(5_040)).toBeCloseTo(100 + 40 * HEARD_RATE);
  });

  it('takes the highest of what the messages carried, each grown by own elapsed time', () => {
    const clock = new ClusterClock();
    clock.observe(100, 1, 0);
    clock.observe(90, 1, 5);
    expect(clock.estimate(5)).toBeCloseTo(100 + 5 * HEARD_RATE);
    clock.observe(200, 1, 10);
    expect(clock.estimate(10)).toBe(200);
  });

  it('never goes back within a term, whatever arrives', () => {
    const events = fc.array(fc.record({ waitMs: fc.nat(1000), timeMs: fc.nat(100_000) }));
    fc.assert(
      fc.property(events, (list) => {
        const clock = new ClusterClock();
        let nowMs = 0;
        let last = 0;
        for (const { waitMs, timeMs } of list) {
          nowMs += waitMs;
          clock.observe(timeMs, 1, nowMs);
          expect(clock.estimate(nowMs)).toBeGreaterThanOrEqual(last);
          last = clock.estimate(nowMs);
        }
      }),
    );
  });

  // The rates that follow are of clocks beside true time. A term may last for weeks.
  it('is never ahead of the leader, however long it leads and whichever clock is quicker', () => {
    const rate = fc.double({ min: 0.999, max: 1.001, noNaN: true });
    const message = fc.record({ waitMs: fc.nat(10 * HOUR_MS), delayMs: fc.nat(3_000) });
    const messages = fc.array(message, { minLength: 1 });
    fc.assert(
      fc.property(rate, rate, messages, (leaderRate, followerRate, list) => {
        const clock = new ClusterClock();
        let trueMs = 0;
        for (const { waitMs, delayMs } of list) {
          trueMs += waitMs;
          expect(clock.estimate(trueMs * followerRate)).toBeLessThanOrEqual(trueMs * leaderRate);
          const timeMs = Math.floor(trueMs * leaderRate);
          trueMs += delayMs;
          clock.observe(timeMs, 1, trueMs * followerRate);
          expect(clock.estimate(trueMs * followerRate)).toBeLessThanOrEqual(trueMs * leaderRate);
        }
      }),
    );
  });

  it('is behind its leader only by a share of what passed since its last message', () => {
    const clock = new ClusterClock();
    for (let nowMs = 1; nowMs <= HOUR_MS; nowMs += 40) clock.observe(nowMs, 1, nowMs);
    const lastMs = HOUR_MS - 39;
    expect(clock.estimate(lastMs + 1_000)).toBeCloseTo(lastMs + 1_000 * HEARD_RATE);
  });

  it('goes on at the full rate of the own clock while leading, and after being deposed', () => {
    const clock = new ClusterClock();
    clock.lead(lastStamp(500), 2, 0);
    clock.settle();
    clock.confirm();
    expect(clock.stamp(HOUR_MS)).toBe(500 + HOUR_MS);
    clock.stepDown();
    expect(clock.stamp(HOUR_MS + 1_000)).toBe(1_500 + HOUR_MS);
  });

  it('starts a leader from the maximum of log, own estimate and votes', () => {
    const fromLog = new ClusterClock();
    fromLog.observe(50, 1, 0);
    fromLog.lead(lastStamp(500), 2, 10);
    expect(fromLog.isProvisional).toBe(false);
    expect(fromLog.stamp(10)).toBe(500);

    const fromOwn = new ClusterClock();
    fromOwn.observe(700, 1, 0);
    fromOwn.lead(lastStamp(500), 2, 10);
    expect(fromOwn.stamp(10)).toBe(709);

    const fromVote = new ClusterClock();
    fromVote.observeVote(900, 1);
    fromVote.lead(lastStamp(500, HOUR_MS), 2, 10);
    expect(fromVote.isProvisional).toBe(false);
    expect(fromVote.stamp(10)).toBe(900);
  });

  it.each([
    { what: 'a plausible gap', gapMs: 60_000, startMs: 60_500 },
    { what: 'a clock set to 2099', gapMs: 73 * 365 * 24 * HOUR_MS, startMs: HOUR_MS + 500 },
    { what: 'a clock set back', gapMs: -HOUR_MS, startMs: 500 },
  ])('falls back to wall time, clamped, when nobody knows: $what', ({ gapMs, startMs }) => {
    const clock = new ClusterClock();
    clock.lead(lastStamp(500, gapMs), 2, 0);
    expect(clock.isProvisional).toBe(true);
    expect(clock.stamp(0)).toBe(startMs);
  });

  it('has no lease to restart in a log without entries', () => {
    const clock = new ClusterClock();
    clock.lead({ timeMs: 0, term: 0, wallGapMs: 0 }, 1, 0);
    expect(clock.isProvisional).toBe(false);
  });

  it('tells nobody a time that rests on the fallback, and forgets it when deposed', () => {
    const clock = new ClusterClock();
    clock.lead(lastStamp(500, HOUR_MS), 2, 0);
    clock.settle();
    expect(clock.told(10)).toBe(0);
    clock.confirm();
    expect(clock.told(10)).toBe(HOUR_MS + 510);

    const deposed = new ClusterClock();
    deposed.lead(lastStamp(500, HOUR_MS), 2, 0);
    deposed.stepDown();
    expect(deposed.estimate(10)).toBe(0);
  });

  it('that rests on the fallback hides nothing: the leases are about to restart', () => {
    const clock = new ClusterClock();
    clock.lead(lastStamp(500, HOUR_MS), 2, 0);
    clock.settle();
    expect(clock.hiddenUntil(10)).toBe(0);
    clock.confirm();
    expect(clock.hiddenUntil(10)).toBe(HOUR_MS + 510);
  });

  // A follower knows the time of a leader A. B cannot know it and starts from less; what B's leases
  // last must not be judged by the estimate from A, which runs ahead of B.
  it('is what the latest leader says, also when an earlier one was ahead', () => {
    const clock = new ClusterClock();
    clock.observe(5_000, 1, 0);
    clock.observe(4_000, 2, 10);
    expect(clock.estimate(10)).toBe(4_000);
    clock.observe(9_000, 1, 20);
    expect(clock.estimate(20)).toBeCloseTo(4_000 + 10 * HEARD_RATE);
  });

  it('takes no estimate from before the leader who stamped last', () => {
    const last = { timeMs: 4_000, term: 2, wallGapMs: 0 };
    const clock = new ClusterClock();
    clock.observe(5_000, 1, 0);
    clock.observeVote(6_000, 1);
    clock.lead(last, 3, 10);
    expect(clock.isProvisional).toBe(true);
    expect(clock.stamp(10)).toBe(4_000);

    const informed = new ClusterClock();
    informed.observe(5_000, 1, 0);
    informed.observeVote(4_500, 2);
    informed.lead(last, 3, 10);
    expect(informed.isProvisional).toBe(false);
    expect(informed.stamp(10)).toBe(4_500);
  });

  it('is told by a leader once an entry of its own term is committed', () => {
    const clock = new ClusterClock();
    clock.observe(700, 1, 0);
    clock.lead(lastStamp(500), 2, 10);
    expect(clock.told(20)).toBe(0);
    clock.settle();
    expect(clock.told(20)).toBe(719);
    expect(clock.toldTerm).toBe(2);

    const deposed = new ClusterClock();
    deposed.observe(700, 1, 0);
    deposed.lead(lastStamp(900), 2, 10);
    deposed.stepDown();
    expect(deposed.estimate(10)).toBeCloseTo(700 + 10 * HEARD_RATE);
    expect(deposed.toldTerm).toBe(1);
  });

  it('ignores a leader that does not say', () => {
    const clock = new ClusterClock();
    clock.observe(0, 1, 0);
    expect(clock.estimate(100)).toBe(0);
  });
});
