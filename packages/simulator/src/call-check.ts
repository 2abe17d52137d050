/**
 * Holds a settled call against the ledger: what it was told must be what the log did between its
 * call and its return. Exact, and without a search, because the ledger knows the order.
 */
import { type CallRecord, describe } from './call-record.js';
import { SimulationFailure } from './failure.js';
import type { Executed, Ledger } from './reference/ledger.js';
import type { ReferenceRecord } from './reference/reference-cache.js';

/** For a call that has just returned. */
export function checkCall(record: CallRecord, ledger: Ledger): void {
  if (record.outcome !== 'committed') return;
  switch (record.kind) {
    case 'set':
      checkExecuted(record, ledger.setOf(record.value), ledger);
      break;
    case 'delete':
      if (record.found) checkExecuted(record, ledger.deleteOf(record.revision), ledger);
      else checkStates(record, ledger, (state) => state === undefined);
      break;
    case 'get':
      checkStates(record, ledger, (state) => isSeen(record, state));
      checkLease(record, ledger);
      break;
    case 'has':
      checkStates(record, ledger, (state) => record.found === (state !== undefined));
      checkLease(record, ledger);
      break;
  }
}

/** At the end of a run: what was reported as not committed never took effect (R15, R29). */
export function checkNotCommitted(records: readonly CallRecord[], ledger: Ledger): void {
  for (const record of records) {
    if (record.kind !== 'set' || record.outcome !== 'notCommitted') continue;
    const executed = ledger.setOf(record.value);
    if (executed !== undefined) refute(`it took effect at ${executed.index}`, record);
  }
}

function checkExecuted(record: CallRecord, executed: Executed | undefined, ledger: Ledger): void {
  if (executed === undefined) refute('it never took effect', record);
  const { index, key, revision } = executed;
  if (key !== record.key) refute(`it took effect on ${key}`, record);
  if (revision !== record.revision) refute(`it has revision ${revision}`, record);
  if (index > record.fromIndex && index <= ledger.index) return;
  refute(`it took effect at ${index}, outside (${record.fromIndex}, ${ledger.index}]`, record);
}

/** A linearizable read saw a state of its own time; a stale one any, even one from before. */
function checkStates(
  record: CallRecord,
  ledger: Ledger,
  fits: (state: ReferenceRecord | undefined) => boolean,
): void {
  const { key, isStale, fromIndex } = record;
  const from = isStale ? 0 : fromIndex;
  if (ledger.timeline.states(key, from, ledger.index).some(fits)) return;
  // Where a stale read was answered it was checked that what is hidden was due.
  if (isStale && !record.found) return;
  const states = ledger.timeline.states(key, from, ledger.index);
  const known = states.map((state) => (state === undefined ? 'none' : state.value)).join(', ');
  refute(`the key was in (${from}, ${ledger.index}]: ${known}`, record);
}

function isSeen(record: CallRecord, state: ReferenceRecord | undefined): boolean {
  if (state === undefined || !record.found) return !record.found && state === undefined;
  const { value, revision, version } = state;
  return value === record.readValue && revision === record.revision && version === record.version;
}

function checkLease(record: CallRecord, ledger: Ledger): void {
  const { key, found, isStale, invokedMs } = record;
  if (!found || isStale) return;
  const state = ledger.at(key, ledger.index);
  if (state !== undefined) ledger.leases.found(key, state, invokedMs, ledger.term);
}

function refute(why: string, record: CallRecord): never {
  throw new SimulationFailure('safety', `${describe(record)}: ${why}`);
}
