/** Bench results as people read them. */
import type { CaseResult } from './measure.js';
import { grouped, rowText, widthsOf } from './table.js';

const head = [
  'op',
  'bytes',
  'callers',
  'ops/s',
  'p50 ms',
  'p99 ms',
  'max ms',
  'client',
  'leader',
  'follower',
  'follower',
  'client',
  'leader',
  'follower',
  'follower',
];
const cpuFrom = 7;
const delayFrom = 11;
/** Rows come one by one, so the columns cannot wait for the widest cell. */
const widest = [
  ...['unary', '1048576', 'callers', '1,000,000', '10,000.00', '10,000.00', '10,000.00'],
  ...Array<string>(head.length - cpuFrom).fill('follower'),
];

const widths = widthsOf([head, widest]);

/** Two lines: what groups of columns mean, and their names. */
export function tableHead(): string {
  const groups = head.map(() => '');
  const start = (column: number): number =>
    widths.slice(0, column).reduce((sum, width) => sum + width + 2, 0);
  const above = rowText(groups, widths)
    .padEnd(start(cpuFrom))
    .concat('CPU µs per op')
    .padEnd(start(delayFrom))
    .concat('worst loop delay, ms, of all runs');
  return `${above}\n${rowText(head, widths)}`;
}

export function tableRow({ median, loopDelaysMaxMs, elections, ...one }: CaseResult): string {
  const row = [
    one.op,
    String(one.valueBytes),
    String(one.callers),
    grouped(median.opsPerSecond),
    ...[median.p50Ms, median.p99Ms, median.maxMs].map((ms) => ms.toFixed(2)),
    ...median.shares.map((share) => share.cpuMicrosPerOp.toFixed(1)),
    ...loopDelaysMaxMs.map((ms) => ms.toFixed(0)),
  ];
  const note = elections === 0 ? '' : `  (${elections} elections meanwhile)`;
  return rowText(row, widths) + note;
}
