// Per-key linearizability of a history (Herlihy and Wing): each key is checked alone, since a
// history is linearizable exactly when every object's part of it is.
import { describeOps, type HistoryOp, opsByKey } from './history.js';
import { search } from './search.js';
import { spansOf } from './span.js';

export interface LinearizabilityLimits {
  /** Configurations remembered per key; a key that needs more is inconclusive. */
  readonly configsMax: number;
  /** Searches spent on making a violation readable. */
  readonly windowSearchesMax: number;
}

export type LinearizabilityResult =
  | { readonly kind: 'linearizable' }
  | LinearizabilityViolation
  | { readonly kind: 'inconclusive'; readonly keys: readonly string[] };

export interface LinearizabilityViolation {
  readonly kind: 'violation';
  readonly key: string;
  /** Few ops that cannot be linearized; the one that returned last shows the violation. */
  readonly ops: readonly HistoryOp[];
  readonly text: string;
}

export const linearizabilityLimits: LinearizabilityLimits = {
  configsMax: 200_000,
  windowSearchesMax: 500,
};

/** The first key with a violation; inconclusive only when no key has one. */
export function checkLinearizability(
  ops: readonly HistoryOp[],
  limits: LinearizabilityLimits = linearizabilityLimits,
): LinearizabilityResult {
  const inconclusive: string[] = [];
  for (const [key, keyOps] of opsByKey(ops)) {
    const result = search(spansOf(keyOps), limits.configsMax);
    if (result === 'inconclusive') inconclusive.push(key);
    if (result === 'violation') return violationOf(key, keyOps, limits);
  }
  if (inconclusive.length > 0) return { kind: 'inconclusive', keys: inconclusive };
  return { kind: 'linearizable' };
}

function violationOf(
  key: string,
  ops: readonly HistoryOp[],
  limits: LinearizabilityLimits,
): LinearizabilityViolation {
  const isViolation = (some: readonly HistoryOp[]): boolean =>
    search(spansOf(some), limits.configsMax) === 'violation';
  const window = withoutIdleOps(shortestPrefix(ops, isViolation), isViolation, limits);
  const text = [`${key} is not linearizable:`, describeOps(window), ...causes(ops, window)];
  return { kind: 'violation', key, ops: window, text: text.join('\n') };
}

type Predicate = (ops: readonly HistoryOp[]) => boolean;

/** A longer prefix of a violation is one too, so its first return can be found by halving. */
function shortestPrefix(ops: readonly HistoryOp[], isViolation: Predicate): readonly HistoryOp[] {
  const cuts = ops.flatMap(({ returnOrder }) => (returnOrder === undefined ? [] : [returnOrder]));
  cuts.sort((a, b) => a - b);
  let low = 0;
  let high = cuts.length - 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isViolation(prefixOf(ops, cuts[middle] ?? 0))) high = middle;
    else low = middle + 1;
  }
  const prefix = prefixOf(ops, cuts[low] ?? 0);
  return isViolation(prefix) ? prefix : ops; // The search of the prefix may run out of memory.
}

/** What was known right after the event of that order. */
function prefixOf(ops: readonly HistoryOp[], cut: number): HistoryOp[] {
  return ops.flatMap((op): HistoryOp[] => {
    if (op.callOrder > cut) return [];
    if (op.returnOrder === undefined || op.returnOrder <= cut) return [op];
    const open = { returnOrder: undefined, returnMs: undefined, result: undefined } as const;
    return [{ ...op, ...open, outcome: 'unknown' }];
  });
}

/**
 * Leaves out ops without which the rest is a violation still, large parts first. Only such ops go
 * whose absence cannot make a linearizable history a violation: the window never shows another.
 */
function withoutIdleOps(
  ops: readonly HistoryOp[],
  isViolation: Predicate,
  { windowSearchesMax }: LinearizabilityLimits,
): readonly HistoryOp[] {
  let kept = ops;
  let searches = 0;
  for (let size = Math.ceil(ops.length / 2); ; size = Math.floor(size / 2)) {
    // From the end: a set can go when the reads of its value are gone.
    for (let to = kept.length; to > 0 && searches < windowSearchesMax; to -= size) {
      const rest = leaveOut(kept, Math.max(0, to - size), to);
      searches += 1;
      if (rest.length < kept.length && isViolation(rest)) kept = rest;
    }
    if (size <= 1) return kept;
  }
}

/** Without the ops of that part, except writes whose effect an op that stays may have seen. */
function leaveOut(ops: readonly HistoryOp[], from: number, to: number): HistoryOp[] {
  const part = ops.slice(from, to);
  const isWrite = ({ kind }: HistoryOp): boolean => kind === 'set' || kind === 'delete';
  const stay = [...ops.slice(0, from), ...ops.slice(to)];
  const observers = [...stay, ...part.filter(isWrite)].filter(({ outcome }) => outcome === 'ok');
  const values = new Set(observers.map(({ kind, result }) => kind === 'get' && result?.value));
  const isPresenceSeen = observers.some(({ result }) => result?.found === true);
  const isAbsenceSeen = observers.some(
    ({ kind, result }) =>
      result?.found === false || (kind === 'get' && result?.value === undefined),
  );
  const isNeeded = (op: HistoryOp): boolean => {
    if (isAbsenceSeen && (op.kind === 'delete' || op.ttl !== undefined)) return true;
    return op.kind === 'set' && (isPresenceSeen || values.has(op.value ?? ''));
  };
  return ops.filter((op, index) => index < from || index >= to || isNeeded(op));
}

/** What is known of the values that the reads of the window found. */
function causes(ops: readonly HistoryOp[], window: readonly HistoryOp[]): string[] {
  const found = window.flatMap(({ kind, outcome, result }) =>
    kind === 'get' && outcome === 'ok' && result?.value !== undefined ? [result.value] : [],
  );
  return [...new Set(found)].flatMap((value) => {
    const writer = ops.find((op) => op.kind === 'set' && op.value === value);
    if (writer === undefined) return [`${value} was never written`];
    return writer.outcome === 'notCommitted'
      ? [`${value} was reported as not committed to ${writer.client}`]
      : [];
  });
}
