// I6 and I7 as clients can see them: a key's version counts its sets, each once; its revisions
// belong to one write each and grow with time (R14, R19).
import { describeOps, type HistoryOp, opsByKey } from './history.js';
import { type Span, spansOf } from './span.js';

export type ExactlyOnceResult = { readonly kind: 'exactlyOnce' } | ExactlyOnceViolation;

export interface ExactlyOnceViolation {
  readonly kind: 'violation';
  readonly rule: 'version' | 'uniqueRevision' | 'revisionOrder' | 'revisionOfValue';
  readonly key: string;
  readonly ops: readonly HistoryOp[];
  readonly text: string;
}

/** Presupposes that only the ops of the history changed its keys. */
export function checkExactlyOnce(ops: readonly HistoryOp[]): ExactlyOnceResult {
  for (const keyOps of opsByKey(ops).values()) {
    const spans = spansOf(keyOps);
    const violation =
      repeatedRevision(spans) ??
      revisionOfValue(spans) ??
      revisionOrder(spans) ??
      versionBounds(keyOps, spans);
    if (violation !== undefined) return violation;
  }
  return { kind: 'exactlyOnce' };
}

function violation(
  rule: ExactlyOnceViolation['rule'],
  ops: readonly HistoryOp[],
  what: string,
): ExactlyOnceViolation {
  const key = ops[0]?.key ?? '';
  return { kind: 'violation', rule, key, ops, text: `${key}: ${what}\n${describeOps(ops)}` };
}

function isWrite({ kind }: HistoryOp): boolean {
  return kind === 'set' || kind === 'delete';
}

function repeatedRevision(spans: readonly Span[]): ExactlyOnceViolation | undefined {
  const writers = new Map<number, HistoryOp>();
  for (const { op, isExpiry } of spans) {
    const revision = op.result?.revision;
    if (isExpiry || !isWrite(op) || revision === undefined) continue;
    const other = writers.get(revision);
    if (other !== undefined) {
      return violation('uniqueRevision', [other, op], `two writes have revision ${revision}`);
    }
    writers.set(revision, op);
  }
  return undefined;
}

/** All that saw a value agree on its revision: a second execution would have given it another. */
function revisionOfValue(spans: readonly Span[]): ExactlyOnceViolation | undefined {
  const first = new Map<string, HistoryOp>();
  for (const { op, isExpiry } of spans) {
    const value = op.kind === 'set' ? op.value : op.result?.value;
    if (isExpiry || value === undefined || op.result?.revision === undefined) continue;
    const other = first.get(value);
    if (other === undefined) first.set(value, op);
    else if (other.result?.revision !== op.result.revision) {
      return violation('revisionOfValue', [other, op], `${value} has two revisions`);
    }
  }
  return undefined;
}

/** An op that was called after another returned has no lower revision; a write has a higher. */
function revisionOrder(spans: readonly Span[]): ExactlyOnceViolation | undefined {
  const called = spans.filter(({ op, isExpiry }) => !isExpiry && op.result?.revision !== undefined);
  const returned = [...called].sort((a, b) => a.end - b.end);
  let highest: HistoryOp | undefined;
  let next = 0;
  for (const { op, start } of called) {
    for (let done = returned[next]; done !== undefined && done.end < start; ) {
      if (revisionOf(done.op) > revisionOf(highest)) highest = done.op;
      next += 1;
      done = returned[next];
    }
    const isHigher = revisionOf(op) > revisionOf(highest);
    if (highest === undefined || isHigher) continue;
    if (!isWrite(op) && revisionOf(op) === revisionOf(highest)) continue;
    return violation('revisionOrder', [highest, op], 'a later op has not a later revision');
  }
  return undefined;
}

function revisionOf(op: HistoryOp | undefined): number {
  return op?.result?.revision ?? Number.NEGATIVE_INFINITY;
}

/** What a version may be: the sets that must, and those that may, have executed since creation. */
function versionBounds(
  ops: readonly HistoryOp[],
  spans: readonly Span[],
): ExactlyOnceViolation | undefined {
  const counts = new SetCounts(spans);
  for (const { op, isExpiry, start, end } of spans) {
    const version = op.result?.version;
    if (isExpiry || version === undefined) continue;
    const own = op.kind === 'set' ? 1 : 0;
    const atLeast = Math.max(1, counts.certainBetween(counts.lastRemovalEnd(end), start) + own);
    const atMost = counts.startedBefore(end) - counts.endedBefore(counts.removedSince(start));
    if (version >= atLeast && version <= atMost) continue;
    const seen = ops.filter((other) => isWrite(other) && other.callOrder < (op.returnOrder ?? 0));
    const window = seen.includes(op) ? seen : [...seen, op];
    const what = `version ${version} is not in ${atLeast}..${atMost}`;
    return violation('version', window, what);
  }
  return undefined;
}

interface Mark {
  readonly at: number;
  /** The highest of the marks up to this one. */
  readonly highest: number;
}

/** Sorted positions of the sets and of what may remove the key, for counting by halving. */
class SetCounts {
  readonly #starts: readonly number[];
  readonly #ends: readonly number[];
  /** Deletes and expiries, by start, with the latest position where one took effect. */
  readonly #removals: readonly Mark[];
  /** Committed deletes, by end, with the latest start. */
  readonly #certainDeletes: readonly Mark[];

  constructor(spans: readonly Span[]) {
    const sets = spans.filter(({ op, isExpiry }) => op.kind === 'set' && !isExpiry);
    this.#starts = sets.map(({ start }) => start); // The spans are in order of start.
    this.#ends = sets.map(({ end }) => end).sort((a, b) => a - b);
    const removals = spans.filter(({ op, isExpiry }) => op.kind === 'delete' || isExpiry);
    this.#removals = marksOf(removals.map(({ start, end }) => ({ at: start, value: end })));
    const certain = removals.filter(({ op, end }) => op.kind === 'delete' && Number.isFinite(end));
    this.#certainDeletes = marksOf(certain.map(({ start, end }) => ({ at: end, value: start })));
  }

  startedBefore(position: number): number {
    return countBelow(this.#starts, position);
  }

  endedBefore(position: number): number {
    return countBelow(this.#ends, position);
  }

  /** Sets called after the one position that returned before the other, or fewer. */
  certainBetween(from: number, to: number): number {
    return this.endedBefore(to) - this.startedBefore(from);
  }

  /** Until when a removal that may have happened before the position may have taken effect. */
  lastRemovalEnd(position: number): number {
    return highestBelow(this.#removals, position);
  }

  /** Sets that returned before this cannot count at the position: a delete came in between. */
  removedSince(position: number): number {
    return highestBelow(this.#certainDeletes, position);
  }
}

function marksOf(points: readonly { at: number; value: number }[]): Mark[] {
  let highest = Number.NEGATIVE_INFINITY;
  return [...points]
    .sort((a, b) => a.at - b.at)
    .map(({ at, value }) => {
      highest = Math.max(highest, value);
      return { at, highest };
    });
}

function highestBelow(marks: readonly Mark[], position: number): number {
  const count = countBelow(marks, position, ({ at }) => at);
  return marks[count - 1]?.highest ?? Number.NEGATIVE_INFINITY;
}

/** How many of the ascending list are below the position. */
function countBelow(positions: readonly number[], position: number): number;
function countBelow<T>(items: readonly T[], position: number, at: (item: T) => number): number;
function countBelow<T>(
  items: readonly T[],
  position: number,
  at: (item: T) => number = Number,
): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = items[middle];
    if (item !== undefined && at(item) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
