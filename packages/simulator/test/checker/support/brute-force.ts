// The definition of linearizability, tried out literally: every order of every choice of effects.
import type { HistoryOp } from '../../../src/checker/history.js';

interface Effect {
  readonly op: HistoryOp;
  readonly isExpiry: boolean;
  readonly fromMs: number;
  readonly toMs: number;
}

/** For a few ops on one key whose calls and returns all have different times. */
export function isLinearizable(ops: readonly HistoryOp[]): boolean {
  const effects: Effect[] = [];
  for (const op of ops) {
    const isWrite = op.kind === 'set' || op.kind === 'delete';
    if (op.outcome !== 'ok' && !(isWrite && op.outcome === 'unknown')) continue;
    const toMs = op.returnMs ?? Number.POSITIVE_INFINITY;
    effects.push({ op, isExpiry: false, fromMs: op.callMs, toMs });
    if (op.ttl === undefined) continue;
    const [fromMs, untilMs] = [op.callMs + op.ttl.minMs, toMs + op.ttl.maxMs];
    effects.push({ op, isExpiry: true, fromMs, toMs: untilMs });
  }
  return canFinish(effects, undefined, new Set());
}

function canFinish(
  left: readonly Effect[],
  state: string | undefined,
  written: ReadonlySet<string>,
): boolean {
  if (left.every(({ toMs }) => toMs === Number.POSITIVE_INFINITY)) return true;
  return left.some((effect) => {
    const rest = left.filter((other) => other !== effect);
    if (rest.some(({ toMs }) => toMs < effect.fromMs)) return false;
    const { op, isExpiry } = effect;
    const value = op.value ?? '';
    if (isExpiry) {
      return written.has(value) && canFinish(rest, state === value ? undefined : state, written);
    }
    if (op.kind === 'set') return canFinish(rest, value, new Set([...written, value]));
    const { found } = op.result ?? {};
    if (found !== undefined && found !== (state !== undefined)) return false;
    if (op.kind === 'get' && op.result?.value !== state) return false;
    return canFinish(rest, op.kind === 'delete' ? undefined : state, written);
  });
}
