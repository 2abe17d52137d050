// One key's history as intervals on one axis: what must, or may, take effect between two events.
import type { HistoryOp } from './history.js';

export interface Span {
  readonly op: HistoryOp;
  /** True for the expiry of what op, a set with a TTL, wrote. */
  readonly isExpiry: boolean;
  /** Position of the event after which it may take effect. */
  readonly start: number;
  /** Position of the event before which it must have taken effect; Infinity: it never has to. */
  readonly end: number;
}

interface Edge {
  readonly ms: number;
  /** Among events of one ms: an expiry may come before all of them and must come after all. */
  readonly rank: 0 | 1 | 2;
  readonly order: number;
}

/**
 * Spans in order of start, for the ops of one key. Writes that were not committed and reads
 * without an answer have none: they did nothing and tell nothing.
 */
export function spansOf(ops: readonly HistoryOp[]): Span[] {
  const drafts = ops.filter(hasEffectOrAnswer).flatMap((op) => [opEdges(op), ...expiryEdges(op)]);
  const edges = drafts.flatMap(({ start, end }) => (end === undefined ? [start] : [start, end]));
  edges.sort((a, b) => a.ms - b.ms || a.rank - b.rank || a.order - b.order);
  const positions = new Map(edges.map((edge, position) => [edge, position]));
  const positionOf = (edge: Edge): number => positions.get(edge) ?? Number.NaN;
  return drafts
    .map(({ op, isExpiry, start, end }) => ({
      op,
      isExpiry,
      start: positionOf(start),
      end: end === undefined ? Number.POSITIVE_INFINITY : positionOf(end),
    }))
    .sort((a, b) => a.start - b.start);
}

function hasEffectOrAnswer({ kind, outcome }: HistoryOp): boolean {
  const isWrite = kind === 'set' || kind === 'delete';
  return isWrite ? outcome !== 'notCommitted' : outcome === 'ok';
}

interface Draft {
  readonly op: HistoryOp;
  readonly isExpiry: boolean;
  readonly start: Edge;
  readonly end: Edge | undefined;
}

function opEdges(op: HistoryOp): Draft {
  const { callMs, callOrder, returnMs, returnOrder } = op;
  const start: Edge = { ms: callMs, rank: 1, order: callOrder };
  const hasEnd = returnMs !== undefined && returnOrder !== undefined;
  const end: Edge | undefined = hasEnd ? { ms: returnMs, rank: 1, order: returnOrder } : undefined;
  return { op, isExpiry: false, start, end };
}

function expiryEdges(op: HistoryOp): readonly Draft[] {
  if (op.ttl === undefined || op.kind !== 'set') return [];
  const start: Edge = { ms: op.callMs + op.ttl.minMs, rank: 0, order: op.callOrder };
  const latestMs = (op.returnMs ?? Number.POSITIVE_INFINITY) + op.ttl.maxMs;
  const hasEnd = latestMs !== Number.POSITIVE_INFINITY;
  const end: Edge | undefined = hasEnd ? { ms: latestMs, rank: 2, order: op.callOrder } : undefined;
  return [{ op, isExpiry: true, start, end }];
}
