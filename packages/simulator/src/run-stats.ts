/** What happened in a run, or in many: plain numbers, to be added up and sent between threads. */
export interface RunStats {
  readonly virtualMs: number;
  readonly events: number;
  readonly calls: number;
  readonly unknown: number;
  readonly elections: number;
  /** Number of the last fault that was due, injected or skipped. */
  readonly faultCount: number;
  readonly faults: ReadonlyMap<string, number>;
  /** Keys whose history the checker could not decide within its bounds. */
  readonly undecided: number;
}

export const noStats: RunStats = {
  virtualMs: 0,
  events: 0,
  calls: 0,
  unknown: 0,
  elections: 0,
  faultCount: 0,
  faults: new Map(),
  undecided: 0,
};

export function addStats(one: RunStats, other: RunStats): RunStats {
  const faults = new Map(one.faults);
  for (const [kind, count] of other.faults) faults.set(kind, (faults.get(kind) ?? 0) + count);
  return {
    virtualMs: one.virtualMs + other.virtualMs,
    events: one.events + other.events,
    calls: one.calls + other.calls,
    unknown: one.unknown + other.unknown,
    elections: one.elections + other.elections,
    faultCount: one.faultCount + other.faultCount,
    faults,
    undecided: one.undecided + other.undecided,
  };
}
