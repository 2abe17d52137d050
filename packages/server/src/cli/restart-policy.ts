/** Whether a node that ended unasked is started again. Pure; one per node. */
interface RestartPolicy {
  readonly delayMs: number;
  readonly restartsMax: number;
  /** A node that ran this long has earned its restarts back. */
  readonly steadyMs: number;
}

export const restartDefaults: RestartPolicy = { delayMs: 1_000, restartsMax: 5, steadyMs: 60_000 };

interface NodeEnd {
  readonly exitCode: number | null;
  readonly ranMs: number;
  /** The cluster has served since the launcher started. */
  readonly hasServed: boolean;
  /** Restarts so far. */
  readonly restarts: number;
}

type RestartDecision =
  | { readonly kind: 'restart'; readonly restarts: number; readonly text: string }
  | { readonly kind: 'leave'; readonly text: string };

export function decideRestart(end: NodeEnd, policy: RestartPolicy): RestartDecision {
  // A stop or a removal was somebody's wish; what fails at the first start fails again.
  if (end.exitCode === 0) return { kind: 'leave', text: 'ended by itself' };
  if (!end.hasServed) return { kind: 'leave', text: 'could not start' };
  const before = end.ranMs >= policy.steadyMs ? 0 : end.restarts;
  if (before >= policy.restartsMax) {
    return { kind: 'leave', text: `ended ${before + 1} times; not restarted any more` };
  }
  const restarts = before + 1;
  const text = `restarting in ${policy.delayMs} ms (${restarts} of ${policy.restartsMax})`;
  return { kind: 'restart', restarts, text };
}
