/** The host's doors to time, on Node. */
import type { Clock, Scheduler, TimerHandle } from '../host/index.js';

export const realClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
};

export const realScheduler: Scheduler = {
  defer: (run) => {
    setImmediate(run);
  },
  every: (ms, run) => handleOf(setInterval(run, ms)),
  after: (ms, run) => handleOf(setTimeout(run, ms)),
};

function handleOf(timer: NodeJS.Timeout): TimerHandle {
  return { cancel: () => clearTimeout(timer) };
}
