// Histories written by hand: each op with the times of its call and return.
import {
  History,
  type HistoryCall,
  type HistoryOp,
  type HistoryOutcome,
  type HistoryResult,
  type TtlBounds,
} from '../../../src/checker/history.js';

export interface Given {
  readonly kind: HistoryCall['kind'];
  readonly key?: string;
  readonly value?: string | undefined;
  readonly ttl?: TtlBounds | undefined;
  readonly from: number;
  readonly to: number;
  readonly outcome: HistoryOutcome;
  readonly result?: HistoryResult;
}

export function set(value: string, from: number, to: number, more: Partial<Given> = {}): Given {
  return { kind: 'set', value, from, to, outcome: 'ok', ...more };
}

/** A set of unknown outcome. */
export function lostSet(value: string, from: number, ttl?: TtlBounds): Given {
  return { kind: 'set', value, ttl, from, to: Number.POSITIVE_INFINITY, outcome: 'unknown' };
}

export function refusedSet(value: string, from: number, to: number): Given {
  return { kind: 'set', value, from, to, outcome: 'notCommitted' };
}

/** `value` undefined: a miss. */
export function get(
  value: string | undefined,
  from: number,
  to: number,
  result: HistoryResult = {},
): Given {
  return { kind: 'get', from, to, outcome: 'ok', result: { ...result, value } };
}

export function has(found: boolean, from: number, to: number): Given {
  return { kind: 'has', from, to, outcome: 'ok', result: { found } };
}

export function remove(from: number, to: number, result: HistoryResult = {}): Given {
  const outcome = Number.isFinite(to) ? 'ok' : 'unknown';
  return { kind: 'delete', from, to, outcome, result };
}

/** The events of the ops in order of time; of one time, in order of the list, returns first. */
export function historyOf(...given: readonly Given[]): readonly HistoryOp[] {
  const history = new History();
  const ids = new Map<Given, number>();
  const times = new Set(given.flatMap(({ from, to }) => [from, to]).filter(Number.isFinite));
  for (const ms of [...times].sort((a, b) => a - b)) {
    for (const one of given.filter(({ to }) => to === ms)) {
      history.end(ids.get(one) ?? -1, { ms, outcome: one.outcome, result: one.result });
    }
    for (const [index, one] of given.entries()) {
      if (one.from === ms) {
        ids.set(one, history.begin({ client: `c${index}`, key: 'k', ms, ...one }));
      }
    }
  }
  return history.ops;
}
