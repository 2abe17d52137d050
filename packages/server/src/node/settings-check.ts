/** R25: what a start states of the replicated settings must be what the cluster has. */
import type { GivenSettings } from '../config/options.js';
import type { Calls } from '../host/calls.js';
import { settingConflict } from './records.js';

const ASK_MS = 10_000;

interface Outcome {
  agreed(): void;
  conflict(problem: string): void;
}

/**
 * Tells one outcome once this node serves. What is stated is compared with what the leader has: a
 * log that was just read back may end before the latest change.
 */
export function checkSettings(
  calls: Calls,
  { id, settings }: { readonly id: string; readonly settings: GivenSettings },
  outcome: Outcome,
): void {
  const isStated = Object.values(settings).some((value) => value !== undefined);
  let isAsking = false;
  const ask = (): void => {
    isAsking = true;
    calls.admin({ kind: 'getSettings' }, `node/${id}`, ASK_MS, (answer) => {
      isAsking = false;
      if (answer.result !== 'settings') {
        if (calls.serving()) ask();
        return;
      }
      stop();
      const conflict = settingConflict(settings, answer.settings);
      if (conflict === undefined) outcome.agreed();
      else outcome.conflict(conflict);
    });
  };
  const stop = calls.onServing((serving) => {
    if (!serving || isAsking) return;
    if (isStated) {
      ask();
    } else {
      stop();
      outcome.agreed();
    }
  });
}
