/** What is wrong with what the clients saw; nothing is the aim. */
import { checkExactlyOnce, checkLinearizability, type HistoryOp } from '@cashe/simulator';

export interface Verdict {
  readonly kind: 'survived' | 'violation' | 'inconclusive';
  readonly violations: readonly string[];
  /** Keys whose history was too entangled for the bound of the checker. */
  readonly unchecked: readonly string[];
}

export function judge(ops: readonly HistoryOp[], others: readonly string[]): Verdict {
  const violations = [...others];
  const linearizable = checkLinearizability(ops);
  if (linearizable.kind === 'violation') violations.push(linearizable.text);
  const once = checkExactlyOnce(ops);
  if (once.kind === 'violation') violations.push(`${once.rule}: ${once.text}`);
  const unchecked = linearizable.kind === 'inconclusive' ? linearizable.keys : [];
  if (violations.length > 0) return { kind: 'violation', violations, unchecked };
  return { kind: unchecked.length > 0 ? 'inconclusive' : 'survived', violations, unchecked };
}
