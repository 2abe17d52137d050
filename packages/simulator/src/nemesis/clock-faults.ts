/**
 * Clocks that run wrong (R16, R17): wall time is not to matter, and of monotonic time only its own
 * differences. How far rates may differ is the seed's, so that checks of time can allow for it.
 */
import type { SimulatedNode } from '../simulated-node.js';
import type { Fault, FaultContext } from './context.js';
import type { ClockFaultKind } from './kinds.js';

const CLOCK_MS_MAX = 4_000;
const SUSPEND_MS_MAX = 2_000;
const DAY_MS = 86_400_000;
const JUMPS_MS: readonly number[] = [
  -60_000,
  60_000,
  -3_600_000,
  3_600_000,
  -365 * DAY_MS,
  27_000 * DAY_MS,
];

function drift({ world, random, any, later }: FaultContext): boolean {
  const { driftMax } = world.swarm;
  const rate = random.chance(0.5) ? driftMax : 1 / driftMax;
  any.clock.setRate(random.between(Math.min(1, rate), Math.max(1, rate)));
  later(CLOCK_MS_MAX, () => any.clock.setRate(1));
  return driftMax > 1;
}

/** As of a virtual machine: neither the process nor its monotonic clock goes on. */
function suspend({ later }: FaultContext, node: SimulatedNode): boolean {
  node.pause();
  node.clock.setRate(0);
  later(SUSPEND_MS_MAX, () => {
    node.clock.setRate(1);
    node.resume();
  });
  return true;
}

export const clockFaults: Readonly<Record<ClockFaultKind, Fault>> = {
  wallJump: ({ random, any }) => {
    any.clock.jumpWall(random.pick(JUMPS_MS));
    return true;
  },
  wallFreeze: ({ any, later }) => {
    any.clock.freezeWall();
    later(CLOCK_MS_MAX, () => any.clock.thawWall());
    return true;
  },
  drift,
  suspend: (context) => {
    const { random, any, leader } = context;
    return suspend(context, random.chance(0.5) ? leader : any);
  },
};
