import { describe, expect, it } from '@jest/globals';
import { LEADERSHIP_LINES_MAX, LeadershipLog } from '../../src/host/leadership-log.js';

function logged() {
  const lines: object[] = [];
  let nowMs = 0;
  const clock = { nowMs: () => nowMs };
  const log = new LeadershipLog({ info: (_text, fields) => lines.push(fields ?? {}) }, clock);
  const change = (term: number, group = 0) => ({ group, role: 'follower', term, leader: '' });
  const advance = (ms: number): void => {
    nowMs += ms;
    log.tick();
  };
  return { lines, log, change, advance };
}

describe('lines about leadership', () => {
  it('are bounded for each group; the next one says how many were left out', () => {
    const { lines, log, change, advance } = logged();
    for (let term = 1; term <= LEADERSHIP_LINES_MAX + 3; term++) log.note(change(term));
    expect(lines).toHaveLength(LEADERSHIP_LINES_MAX);
    log.note(change(1, 1));
    expect(lines.slice(LEADERSHIP_LINES_MAX)).toEqual([change(1, 1)]);
    advance(9_999);
    expect(lines).toHaveLength(LEADERSHIP_LINES_MAX + 1);
    advance(1);
    const last = { ...change(LEADERSHIP_LINES_MAX + 3), more: 2 };
    expect(lines.slice(LEADERSHIP_LINES_MAX + 1)).toEqual([last]);
    log.note(change(99));
    expect(lines.at(-1)).toEqual(change(99));
  });

  it('say nothing more when nothing was left out', () => {
    const { lines, log, change, advance } = logged();
    log.note(change(1));
    advance(10_000);
    log.note(change(2));
    expect(lines).toEqual([change(1), change(2)]);
  });
});
