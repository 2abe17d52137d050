/** R25: what a start states of the replicated settings must be what the cluster has. */
import type { GivenSettings } from '../config/options.js';
import type { Calls } from '../host/calls.js';
import type { AdminAnswer } from '../host/ports.js';
import { type Pausing, pause } from './admission.js';
import { settingConflict } from './records.js';

const ASK_MS = 10_000;
const AGAIN_MS = 100;

interface Outcome {
  agreed(): void;
  conflict(problem: string): void;
}

/**
 * Tells one outcome once this node serves, unless it is stopped before. What is stated is compared
 * with what the leader has: a log that was just read back may end before the latest change.
 */
export function checkSettings(
  calls: Pick<Calls, 'admin' | 'serving' | 'onServing'>,
  { id, settings }: { readonly id: string; readonly settings: GivenSettings },
  pausing: Pausing,
  outcome: Outcome,
): void {
  const isStated = Object.values(settings).some((value) => value !== undefined);
  let isAsking = false;
  const ask = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    while (calls.serving() && !pausing.signal.aborted) {
      const answer = await leadersAnswer(calls, id);
      if (answer.result === 'settings') {
        stop();
        const conflict = settingConflict(settings, answer.settings);
        if (conflict === undefined) outcome.agreed();
        else outcome.conflict(conflict);
        return;
      }
      // Refused at once while the leader is heard but not yet reached.
      await pause(pausing, AGAIN_MS, pausing.signal);
    }
    isAsking = false;
  };
  const stop = calls.onServing((serving) => {
    if (!serving) return;
    if (isStated) {
      void ask();
    } else {
      stop();
      outcome.agreed();
    }
  });
}

function leadersAnswer(calls: Pick<Calls, 'admin'>, id: string): Promise<AdminAnswer> {
  return new Promise((resolve) => {
    calls.admin({ kind: 'getSettings' }, `node/${id}`, ASK_MS, resolve);
  });
}
