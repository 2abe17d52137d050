/** What a replay came to, beside what the model says. */
import { grouped, table } from './table.js';

interface TraceOutcome {
  readonly requests: number;
  readonly hits: number;
  readonly evictions: number;
}

export function isEqual(a: TraceOutcome, b: TraceOutcome): boolean {
  return a.requests === b.requests && a.hits === b.hits && a.evictions === b.evictions;
}

export function traceReport(
  cluster: TraceOutcome,
  model: TraceOutcome,
  run: { readonly seconds: number; readonly callers: number },
): string {
  const rows = [
    ['', 'requests', 'hits', 'hit ratio', 'evictions', 'requests/s'],
    [...cells('cashe', cluster), grouped(cluster.requests / run.seconds)],
    cells('exact LRU', model),
  ];
  return `${table(rows)}\n${verdict(cluster, model, run.callers)}`;
}

function cells(name: string, { requests, hits, evictions }: TraceOutcome): string[] {
  const ratio = requests === 0 ? 0 : hits / requests;
  return [name, grouped(requests), grouped(hits), ratio.toFixed(4), grouped(evictions)];
}

function verdict(cluster: TraceOutcome, model: TraceOutcome, callers: number): string {
  if (isEqual(cluster, model)) return 'equal';
  const by =
    `differ by ${Math.abs(cluster.hits - model.hits)} hits ` +
    `and ${Math.abs(cluster.evictions - model.evictions)} evictions`;
  return callers === 1 ? by : `${by} (with ${callers} callers the order is not that of the file)`;
}
