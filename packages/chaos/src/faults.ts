/** Goes through the schedule: begin, wait, undo, wait until the cluster serves, rest. */
import type { Availability } from './availability.js';
import type { ChaosCluster } from './chaos-cluster.js';
import { type Begun, Nemesis } from './nemesis.js';
import { faultKinds, nameOf, type Step } from './schedule.js';
import type { LeaseRestart } from './ttl-bounds.js';

/** A step as it went, ms since the start. */
export interface StepDone {
  readonly name: string;
  readonly what: readonly string[];
  readonly fromMs: number;
  readonly healedMs: number;
  /** When the cluster served again. */
  readonly servedMs: number;
}

/** Filled in while it runs: what was done counts also when a step fails. */
export interface FaultRun {
  readonly steps: StepDone[];
  /** On the clock of the history. */
  readonly restarts: LeaseRestart[];
}

interface FaultOptions {
  readonly cluster: ChaosCluster;
  readonly availability: Availability;
  readonly schedule: readonly Step[];
  /** After this no step begins, except those of the first round. */
  readonly totalMs: number;
  readonly run: FaultRun;
  readonly onStep: (step: StepDone) => void;
}

export const calm = 'no fault';
/** I15: within this time without faults the cluster must serve. */
export const recoveryMsMax = 60_000;

export async function runFaults(options: FaultOptions): Promise<void> {
  const { availability, schedule, totalMs, run, onStep } = options;
  const startMs = performance.now();
  for (const [at, step] of schedule.entries()) {
    const isLate = performance.now() - startMs >= totalMs;
    if (isLate && at >= faultKinds.length) break;
    availability.enter(nameOf(step));
    const fromMs = performance.now();
    const { what, healedMs } = await perform(options, step);
    await options.cluster.processes.waitUntilServing(recoveryMsMax);
    const servedMs = performance.now();
    availability.enter(calm);
    if (mayRestartLeases(step)) run.restarts.push({ fromMs, toMs: servedMs });
    const done: StepDone = {
      name: nameOf(step),
      what,
      fromMs: Math.round(fromMs - startMs),
      healedMs: Math.round(healedMs - startMs),
      servedMs: Math.round(servedMs - startMs),
    };
    run.steps.push(done);
    onStep(done);
    await pass(step.restMs);
  }
}

async function perform(
  { cluster }: FaultOptions,
  step: Step,
): Promise<{ readonly what: readonly string[]; readonly healedMs: number }> {
  const nemesis = new Nemesis(cluster);
  const begun: Begun[] = [];
  try {
    for (const fault of step.faults) {
      begun.push(await nemesis.begin(fault));
      await pass(step.lastsMs / step.faults.length);
    }
  } finally {
    for (const { undo } of begun.reverse()) await undo();
  }
  return { what: begun.map(({ text }) => text).reverse(), healedMs: performance.now() };
}

/** Two nodes may have been down at once. */
function mayRestartLeases({ faults }: Step): boolean {
  const kills = faults.filter(({ kind }) => kind.startsWith('kill'));
  return kills.length > 0 && (faults.length > 1 || /All|Majority/.test(kills[0]?.kind ?? ''));
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
