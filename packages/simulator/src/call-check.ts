/**
 * Holds a settled call against the ledger: what it was told must be what the log did between its
 * call and its return. Exact, and without a search, because the ledger knows the order.
 */
import { Code } from '@cashe/codec';
import { type CallRecord, describe } from './call-record.js';
import { SimulationFailure } from './failure.js';
import { principalOf } from './principals.js';
import type { Executed, Ledger } from './reference/ledger.js';
import type { ReferenceRecord } from './reference/reference-cache.js';

/** As the SDK and as the rogue clients name it. */
const DENIED: ReadonlySet<string> = new Set([
  'PERMISSION_DENIED',
  `code ${Code.PERMISSION_DENIED}`,
]);

/** For a call that has just returned. */
export function checkCall(record: CallRecord, ledger: Ledger): void {
  if (DENIED.has(record.code)) checkDenied(record, ledger);
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

/**
 * Some policy denied it: one in force during the call, for a linearizable read; an earlier one for
 * a write, whose session may have been refused before, and for an answer of a replica that lags.
 */
function checkDenied(record: CallRecord, ledger: Ledger): void {
  const { client, key, kind, isStale, fromIndex } = record;
  const isWrite = kind === 'set' || kind === 'delete';
  const from = isWrite || isStale ? 0 : fromIndex;
  if (ledger.access.denied(from, principalOf(client), isWrite ? 'write' : 'read', key)) return;
  refute(`no policy since ${from} denied it`, record);
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
