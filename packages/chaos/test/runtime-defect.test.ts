// Goal: a run excuses the abort that old nghttp2 is known for, and nothing else. Method: the
// judging, case by case.
import { describe, expect, it } from '@jest/globals';
import { isDefectLine, isRuntimeDefect, tooManyDefects } from '../src/fuzz/runtime-defect.js';

const line =
  'node: ../deps/nghttp2/lib/nghttp2_session.c:6875: nghttp2_session_mem_recv2: ' +
  "Assertion `iframe->state == NGHTTP2_IB_IGN_ALL' failed.";
const log = `{"time":"2026-11-21T11:01:09.544Z","level":"warn"}\n${line}\n\n`;
const aborted = { exitCode: null, signal: 'SIGABRT' } as const;

describe('the end of a node', () => {
  it.each(['1.61.0', '1.68.0', '0.99.99', '1.9.0'])('by nghttp2 %s is its defect', (version) => {
    expect(isRuntimeDefect(aborted, log, 0, version)).toBe(true);
  });

  it.each(['1.68.1', '1.69.0', '1.100.0', '2.0.0', 'unknown', undefined])(
    'with nghttp2 %s, which has the repair, is a finding',
    (version) => {
      expect(isRuntimeDefect(aborted, log, 0, version)).toBe(false);
    },
  );

  it('in another way is a finding', () => {
    const ways = [
      { exitCode: 1, signal: null },
      { exitCode: null, signal: 'SIGKILL' },
      { exitCode: null, signal: 'SIGSEGV' },
    ] as const;
    for (const way of ways) expect(isRuntimeDefect(way, log, 0, '1.61.0')).toBe(false);
  });

  it('by another assertion is a finding', () => {
    const other = log.replace('NGHTTP2_IB_IGN_ALL', 'NGHTTP2_IB_READ_HEAD');
    expect(isRuntimeDefect(aborted, other, 0, '1.61.0')).toBe(false);
    expect(isRuntimeDefect(aborted, '', 0, '1.61.0')).toBe(false);
  });

  it('is not excused by what an earlier process of the node wrote', () => {
    expect(isRuntimeDefect(aborted, log, 1, '1.61.0')).toBe(false);
    expect(isRuntimeDefect(aborted, log + log, 1, '1.61.0')).toBe(true);
  });
});

describe('a run', () => {
  it('has at most three such ends in 10,000 inputs', () => {
    expect(tooManyDefects(0, 300)).toBeUndefined();
    expect(tooManyDefects(3, 300)).toBeUndefined();
    expect(tooManyDefects(4, 10_000)).toBe('4 nodes ended by nghttp2; at most 3 may');
    expect(tooManyDefects(6, 20_000)).toBeUndefined();
  });

  it('excuses the line of the assertion only', () => {
    expect(isDefectLine(line)).toBe(true);
    expect(isDefectLine('FATAL ERROR: JavaScript heap out of memory')).toBe(false);
  });
});
