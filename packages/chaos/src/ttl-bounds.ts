/**
 * When a value with a TTL is gone at the latest. Expiry is a position in the log (R17), so that a
 * read that is called later cannot see it. A cluster of which a majority was down at once may have
 * no idea of the time: it then gives every lease its full length again (R16).
 */
import type { HistoryOp } from '@cashe/simulator';

/** A time in which all leases may have been given their full length again. */
export interface LeaseRestart {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Clocks of nodes lag by what their last message took; a paused node's may be late. */
export const ttlSlackMs = 2_000;

export function withTtlBounds(
  ops: readonly HistoryOp[],
  restarts: readonly LeaseRestart[],
): readonly HistoryOp[] {
  return ops.map((op) => (op.ttl === undefined ? op : bounded(op, op.ttl.minMs, restarts)));
}

function bounded(op: HistoryOp, ttlMs: number, restarts: readonly LeaseRestart[]): HistoryOp {
  // Without a return it may execute at any time, and the checker sets no end.
  const returnMs = op.returnMs ?? op.callMs;
  let goneMs = returnMs + ttlMs + ttlSlackMs;
  for (const { fromMs, toMs } of restarts) {
    if (toMs > op.callMs && fromMs <= goneMs) goneMs = Math.max(goneMs, toMs + ttlMs + ttlSlackMs);
  }
  return { ...op, ttl: { minMs: ttlMs, maxMs: goneMs - returnMs } };
}
