/** A run in words and figures. */
import { calm, type StepDone } from './faults.js';
import type { Counts } from './recorder.js';
import type { Verdict } from './verdict.js';

export interface Figures {
  readonly seed: number;
  readonly dir: string;
  readonly loadMs: number;
  readonly ops: number;
  readonly keys: number;
  readonly counts: Counts;
  readonly steps: readonly StepDone[];
  /** Without an acknowledged write, by name of the step. */
  readonly longestMs: ReadonlyMap<string, number>;
  readonly verdict: Verdict;
}

export function describeStep({ name, what, fromMs, healedMs, servedMs }: StepDone): string {
  const at = (fromMs / 1_000).toFixed(1).padStart(6);
  return `${at} s  ${name}: ${what.join('; ')} (${healedMs - fromMs} + ${servedMs - healedMs} ms)`;
}

export function describeRun(figures: Figures): string {
  const { seed, dir, loadMs, ops, keys, counts, verdict } = figures;
  const rate = Math.round((ops * 1_000) / loadMs);
  const lines = [
    `${ops} ops on ${keys} keys in ${(loadMs / 1_000).toFixed(1)} s, ${rate} ops/s`,
    `reads:  ${outcomes(counts.reads)}`,
    `writes: ${outcomes(counts.writes)}`,
    `failures by code: ${[...counts.codes].map(([code, count]) => `${code} ${count}`).join(', ')}`,
    '',
    ...faultTable(figures),
    `no write for ${Math.round(figures.longestMs.get(calm) ?? 0)} ms at most without a fault`,
    '',
    ...verdict.violations.map((text) => `VIOLATION ${text}\n`),
    ...(verdict.unchecked.length > 0 ? [`not decided: ${verdict.unchecked.join(', ')}`] : []),
    `${verdict.kind}: seed ${seed}, files in ${dir}`,
  ];
  return lines.join('\n');
}

function outcomes(counts: Counts['reads']): string {
  return `${counts.ok} answered, ${counts.notCommitted} not done, ${counts.unknown} unknown`;
}

/** Steps with two faults count as such, not as either. */
function faultTable({ steps, longestMs }: Figures): string[] {
  const names = [...new Set(steps.map(({ name }) => (name.includes('+') ? 'two at once' : name)))];
  const rows = names.sort().map((name) => {
    const isOfName = (one: string): boolean =>
      name === 'two at once' ? one.includes('+') : one === name;
    const done = steps.filter((step) => isOfName(step.name));
    const gaps = [...longestMs].filter(([one]) => isOfName(one)).map(([, ms]) => ms);
    const lasted = done.map(({ fromMs, healedMs }) => healedMs - fromMs);
    const recovered = done.map(({ healedMs, servedMs }) => servedMs - healedMs);
    return [name, done.length, Math.max(...lasted), Math.max(0, ...gaps), Math.max(...recovered)];
  });
  const head = ['fault', 'times', 'longest ms', 'no write ms', 'serves after ms'];
  return [head, ...rows].map((row) =>
    row
      .map((cell, at) => {
        const text = typeof cell === 'number' ? String(Math.round(cell)) : cell;
        return at === 0 ? text.padEnd(16) : text.padStart(16);
      })
      .join(''),
  );
}
