/** Which faults, in which order, for how long: a pure function of the seed. */
import { SeededRandom } from '@cashe/simulator';

export const faultKinds = [
  'killAny',
  'killLeader',
  'killMajority',
  'killAll',
  'pauseAny',
  'pauseLeader',
  'pauseMajority',
  'halves',
  'isolateLeader',
  'wakeIsolatedLeader',
  'bridge',
  'oneWay',
  'slowLinks',
  'cutClients',
  'rollingRestart',
  'transfer',
] as const;
type FaultKind = (typeof faultKinds)[number];

/** These last until they are undone, so that others can happen meanwhile. */
const lasting: readonly FaultKind[] = faultKinds.filter(
  (kind) => kind !== 'rollingRestart' && kind !== 'transfer',
);

export interface Fault {
  readonly kind: FaultKind;
  /** The node of faults that hit any; else who comes first. */
  readonly node: number;
  /** A partition ends connections and refuses, or swallows and says nothing. */
  readonly style: 'refuse' | 'hold';
  /** From the node that is cut off one way to the others; else the other way. */
  readonly isOutward: boolean;
  readonly delayMs: number;
}

/** Faults that begin one after another and end together; then a time without any. */
export interface Step {
  readonly faults: readonly Fault[];
  readonly lastsMs: number;
  readonly restMs: number;
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly nodes: number;
  /** All kinds once in any order, then again, until this much time is planned. */
  readonly totalMs: number;
  readonly lastsMsMin: number;
  readonly lastsMsMax: number;
  readonly restMsMax: number;
}

const delayMsMin = 10;
const delayMsMax = 150;
/** Of the steps after the first round: how many have a second fault. */
const doubleShare = 0.3;

/** The first round is every kind alone, so that even the shortest run has them all. */
export function makeSchedule(options: ScheduleOptions): Step[] {
  const random = new SeededRandom(options.seed);
  const steps: Step[] = [];
  for (let plannedMs = 0; plannedMs < options.totalMs; ) {
    const isFirst = steps.length === 0;
    for (const kind of shuffled(faultKinds, random)) {
      const second = lasting.includes(kind) && random.chance(doubleShare) && !isFirst;
      const kinds = second ? [kind, random.pick(lasting)] : [kind];
      const step = {
        faults: kinds.map((one) => makeFault(one, options, random)),
        lastsMs: Math.round(random.between(options.lastsMsMin, options.lastsMsMax)),
        restMs: Math.round(random.between(0, options.restMsMax)),
      };
      plannedMs += step.lastsMs + step.restMs;
      steps.push(step);
    }
  }
  return steps;
}

/** What a step is called in figures. */
export function nameOf({ faults }: Step): string {
  return faults.map(({ kind }) => kind).join('+');
}

function makeFault(kind: FaultKind, { nodes }: ScheduleOptions, random: SeededRandom): Fault {
  return {
    kind,
    node: random.below(nodes),
    style: random.chance(0.5) ? 'refuse' : 'hold',
    isOutward: random.chance(0.5),
    delayMs: Math.round(random.between(delayMsMin, delayMsMax)),
  };
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  const left = [...items];
  return items.map(() => {
    const [item] = left.splice(random.below(left.length), 1);
    if (item === undefined) throw new Error('nothing left to draw');
    return item;
  });
}
