// The audit log: what is told, how little of a key, and how much at most.

import { describe, expect, it } from '@jest/globals';
import { AuditLog } from '../../src/access/audit-log.js';
import type { AuditLevel } from '../../src/config/options.js';
import type { AuditEvent, Logger } from '../../src/host/index.js';

type Line = Readonly<Record<string, unknown>>;

class Bench {
  readonly lines: Line[] = [];
  nowMs = 1000;
  timers: { readonly atMs: number; readonly run: () => void }[] = [];
  readonly audit: AuditLog;

  constructor(level: AuditLevel, linesMax = 3, totalLinesMax = 1000, principalsMax = 10) {
    const at =
      (level: string) =>
      (message: string, fields: Line = {}) =>
        void this.lines.push({ level, message, ...fields });
    const log: Logger = {
      error: at('error'),
      warn: at('warn'),
      info: at('info'),
      debug: at('debug'),
    };
    this.audit = new AuditLog({
      level,
      log,
      clock: { nowMs: () => this.nowMs },
      scheduler: { after: (ms, run) => this.#after(ms, run) },
      limits: { windowMs: 100, linesMax, totalLinesMax, principalsMax },
    });
  }

  advance(ms: number): void {
    this.nowMs += ms;
    const due = this.timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.timers = this.timers.filter(({ atMs }) => atMs > this.nowMs);
    for (const { run } of due) run();
  }

  #after(ms: number, run: () => void): { cancel(): void } {
    const timer = { atMs: this.nowMs + ms, run };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((other) => other !== timer);
      },
    };
  }
}

const denied: AuditEvent = {
  principal: 'client/app',
  action: 'write',
  target: 'user:4711:session',
  ops: 2,
  outcome: 'denied',
};
const read: AuditEvent = { ...denied, action: 'read', ops: 1, outcome: 'allowed' };
const change: AuditEvent = {
  principal: 'admin/root',
  action: 'removeMember',
  target: 'raft2',
  ops: 0,
  outcome: 'done',
};

describe('the audit log', () => {
  it('tells who, what, the beginning of the key, how many and how it ended', () => {
    const { audit, lines } = new Bench('all');
    for (const event of [denied, read, change]) audit.record(event);
    const common = { message: 'audit', audit: true };
    expect(lines).toEqual([
      {
        ...common,
        level: 'warn',
        principal: 'client/app',
        action: 'write',
        prefix: 'user:471…',
        ops: 2,
        outcome: 'denied',
      },
      {
        ...common,
        level: 'info',
        principal: 'client/app',
        action: 'read',
        prefix: 'user:471…',
        ops: 1,
        outcome: 'allowed',
      },
      {
        ...common,
        level: 'info',
        principal: 'admin/root',
        action: 'removeMember',
        target: 'raft2',
        outcome: 'done',
      },
    ]);
  });

  it('never shows more than half of a key', () => {
    const { audit, lines } = new Bench('denials', 10);
    for (const target of ['abc', 'a', 'ab', '', '🔑🔑🔑', '12345678901234567890']) {
      audit.record({ ...denied, target });
    }
    expect(lines.map(({ prefix }) => prefix)).toEqual(['a…', '…', 'a…', '…', '🔑…', '12345678…']);
  });

  it.each([
    ['none', []],
    ['denials', ['write', 'removeMember']],
    ['all', ['write', 'read', 'removeMember']],
  ] as const)('with level %s tells of %j', (level, actions) => {
    const { audit, lines } = new Bench(level);
    for (const event of [denied, read, change]) audit.record(event);
    expect(lines.map(({ action }) => action)).toEqual(actions);
    expect(audit.withDataOps).toBe(level === 'all');
  });

  it('has a number of lines per principal and window, then says how many were left out', () => {
    const bench = new Bench('denials');
    for (let i = 0; i < 10; i++) bench.audit.record(denied);
    bench.audit.record({ ...denied, principal: 'client/other' });
    expect(bench.lines.length).toBe(4);
    bench.advance(100);
    expect(bench.lines.at(-1)).toEqual({
      level: 'warn',
      message: 'audit lines left out',
      audit: true,
      principal: 'client/app',
      leftOut: 7,
    });
    bench.audit.record(denied);
    expect(bench.lines.length).toBe(6);
    bench.advance(100);
    expect([bench.lines.length, bench.timers.length]).toEqual([6, 0]);
  });

  it('keeps room for changes of the cluster beside a flood of denials', () => {
    const { audit, lines } = new Bench('all', 1);
    for (let i = 0; i < 5; i++) audit.record({ ...denied, principal: 'admin/root' });
    audit.record(change);
    expect(lines.map(({ action }) => action)).toEqual(['write', 'removeMember']);
  });

  it('counts principals beyond its bound together, and has a bound for all lines', () => {
    const many = new Bench('denials', 2, 1000, 3);
    for (let i = 0; i < 10; i++) many.audit.record({ ...denied, principal: `client/${i}` });
    // Three of their own, two of the others together.
    expect(many.lines.length).toBe(5);
    many.advance(100);
    expect(many.lines.at(-1)).toMatchObject({ principal: '*', leftOut: 5 });
    const few = new Bench('denials', 10, 4);
    for (let i = 0; i < 10; i++) few.audit.record({ ...denied, principal: `client/${i}` });
    expect(few.lines.length).toBe(4);
  });

  it('tells what it left out when it is closed, and has no timer then', () => {
    const bench = new Bench('denials', 1);
    for (let i = 0; i < 3; i++) bench.audit.record(denied);
    bench.audit.close();
    expect(bench.lines.at(-1)).toMatchObject({ leftOut: 2 });
    expect(bench.timers).toEqual([]);
  });
});
