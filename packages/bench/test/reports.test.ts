import { describe, expect, it } from '@jest/globals';
import { parseBenchOptions } from '../src/bench-options.js';
import { tableHead, tableRow } from '../src/bench-report.js';
import { runLoad } from '../src/load.js';
import { medianRun } from '../src/measure.js';
import { Progress } from '../src/progress.js';
import { traceReport } from '../src/trace-report.js';

describe('the report of a replay', () => {
  const model = { requests: 20_000, hits: 5_136, evictions: 14_764 };

  it('has the model beside the cluster, and says when they are equal', () => {
    expect(traceReport(model, model, { seconds: 10, callers: 1 })).toBe(
      [
        '           requests   hits  hit ratio  evictions  requests/s',
        'cashe        20,000  5,136     0.2568     14,764       2,000',
        'exact LRU    20,000  5,136     0.2568     14,764',
        'equal',
      ].join('\n'),
    );
  });

  it('says by how much they differ', () => {
    const other = { ...model, hits: 5_130, evictions: 14_770 };
    const text = traceReport(other, model, { seconds: 10, callers: 1 });
    expect(text).toMatch(/\ndiffer by 6 hits and 6 evictions$/);
    const parallel = traceReport(other, model, { seconds: 10, callers: 8 });
    expect(parallel).toMatch(/6 evictions \(with 8 callers the order is not that of the file\)$/);
  });
});

describe('progress', () => {
  const written = (isTTY: boolean, times: readonly number[]): string => {
    let text = '';
    let nowMs = 0;
    const progress = new Progress({ isTTY, write: (more) => (text += more) }, () => nowMs);
    for (const time of times) {
      nowMs = time;
      progress.update(() => `at ${time}`);
    }
    progress.end();
    return text;
  };

  it('rewrites one line of a terminal and leaves nothing of it', () => {
    expect(written(true, [100, 250, 300, 500])).toBe('\r\x1b[Kat 250\r\x1b[Kat 500\r\x1b[K');
  });

  it('writes whole lines elsewhere, and seldom', () => {
    expect(written(false, [5_000, 10_000, 15_000, 20_000])).toBe('at 10000\nat 20000\n');
  });
});

describe('the bench', () => {
  it('takes lists and refuses what it does not know', () => {
    const options = parseBenchOptions(['--ops=get,set', '--callers=5', '--value-bytes=64,8']);
    expect(options?.cases).toEqual([
      { op: 'get', valueBytes: 64, callers: 5 },
      { op: 'get', valueBytes: 8, callers: 5 },
      { op: 'set', valueBytes: 64, callers: 5 },
      { op: 'set', valueBytes: 8, callers: 5 },
    ]);
    expect(parseBenchOptions(['--help'])).toBeUndefined();
    expect(() => parseBenchOptions(['--ops=put'])).toThrow('--ops takes set, get, unary; not put');
    expect(() => parseBenchOptions(['--callers=0'])).toThrow('--callers must be a whole number');
    expect(() => parseBenchOptions(['--fast'])).toThrow("Unknown option '--fast'");
  });

  it('shows the run with the median rate', () => {
    const runs = [30, 10, 20].map((opsPerSecond) => ({ opsPerSecond }));
    expect(medianRun(runs)).toBe(runs[2]);
    expect(medianRun(runs.slice(0, 2))).toBe(runs[1]);
    expect(() => medianRun([])).toThrow(RangeError);
  });

  it('prints rows whose columns are under their names', () => {
    const share = { name: 'n0', role: 'leader', cpuMicrosPerOp: 1.25, loopDelayMaxMs: 3 } as const;
    const median = {
      ...{ ops: 9, seconds: 1, opsPerSecond: 61_234, p50Ms: 1, p99Ms: 2.5, maxMs: 30 },
      shares: Array.from({ length: 4 }, () => ({ ...share, rssBytes: 1 })),
    };
    const one = { op: 'set', valueBytes: 64, callers: 1_000, median, runs: [median] } as const;
    const row = tableRow({ ...one, loopDelaysMaxMs: [1, 2, 3, 4], elections: 0 });
    const names = tableHead().split('\n')[1] ?? '';
    const endOf = (text: string, part: string): number => text.indexOf(part) + part.length;
    expect(endOf(row, '61,234')).toBe(endOf(names, 'ops/s'));
    expect(endOf(row, '30.00')).toBe(endOf(names, 'max ms'));
    expect(row.length).toBe(names.length);
    expect(tableRow({ ...one, loopDelaysMaxMs: [], elections: 2 })).toMatch(/2 elections/);
  });
});

describe('the load', () => {
  const options = { callers: 3, seconds: 0.02, keys: ['a', 'b'] };

  it('counts what was answered and how long it took', async () => {
    let calls = 0;
    let underWay = 0;
    let underWayMax = 0;
    const result = await runLoad(options, async () => {
      calls += 1;
      underWay += 1;
      underWayMax = Math.max(underWayMax, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
    });
    expect(result.ops).toBe(calls);
    expect(underWayMax).toBe(3);
    expect(result.seconds).toBeGreaterThanOrEqual(0.02);
    expect(result.p99Ms).toBeGreaterThanOrEqual(result.p50Ms);
    expect(result.maxMs).toBeGreaterThanOrEqual(result.p99Ms);
  });

  it('fails with the first call that fails', async () => {
    await expect(runLoad(options, () => Promise.reject(new Error('down')))).rejects.toThrow('down');
  });
});
