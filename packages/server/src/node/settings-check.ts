/** R25: what a start states of the replicated settings must be what the cluster has. */
import type { GivenSettings } from '../config/options.js';
import type { Calls } from '../host/calls.js';
import { settingConflict } from './records.js';

const ASK_MS = 10_000;

/**
 * Asks the leader once this node serves, since a log that was just read back may end before the
 * latest change; asks again when it serves again, until there was an answer.
 */
export function checkSettings(
  calls: Calls,
  { id, settings }: { readonly id: string; readonly settings: GivenSettings },
  onConflict: (conflict: string) => void,
): void {
  if (Object.values(settings).every((value) => value === undefined)) return;
  let isAsking = false;
  const ask = (): void => {
    isAsking = true;
    calls.admin({ kind: 'getSettings' }, `node/${id}`, ASK_MS, (answer) => {
      isAsking = false;
      if (answer.result !== 'settings') return;
      stop();
      const conflict = settingConflict(settings, answer.settings);
      if (conflict !== undefined) onConflict(conflict);
    });
  };
  const stop = calls.onServing((serving) => {
    if (serving && !isAsking) ask();
  });
}
