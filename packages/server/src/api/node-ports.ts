/** Node's clock, timers and randomness, as the client core and the streams here take them. */
import { randomBytes } from 'node:crypto';
import type { Clock, Random, Scheduler, TimerHandle } from '@cashe/client/core';

export const nodeClock: Clock = { nowMs: () => performance.now() };

export const nodeScheduler: Scheduler = {
  defer: (run) => {
    setImmediate(run);
  },
  schedule: (delayMs, run): TimerHandle => setTimeout(run, delayMs),
  cancel: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

export const nodeRandom: Random = {
  bytes8: () => randomBytes(8),
  fraction: () => Math.random(),
};
