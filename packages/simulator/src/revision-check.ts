/**
 * What revisions alone refute (R14, R19), whatever the linearizability checker says: a value with
 * two revisions was executed twice; one that was "not committed" must never be seen; a later call
 * must not get an older revision.
 */
import type { CallRecord } from './call-record.js';
import { describe } from './client.js';
import { SimulationFailure } from './failure.js';

export function checkRevisions(records: readonly CallRecord[]): void {
  checkValues(records);
  const byKey = new Map<string, CallRecord[]>();
  for (const record of records) {
    if (record.outcome !== 'committed' || record.revision === 0) continue;
    const of = byKey.get(record.key) ?? [];
    of.push(record);
    byKey.set(record.key, of);
  }
  for (const of of byKey.values()) checkOrder(of);
}

/** Every set has a value of its own: what a read saw tells which one it was. */
function checkValues(records: readonly CallRecord[]): void {
  const sets = new Map<string, CallRecord>();
  for (const record of records) if (record.kind === 'set') sets.set(record.value, record);
  const revisions = new Map<string, number>();
  for (const record of records) {
    if (record.outcome !== 'committed') continue;
    const isRead = record.kind === 'get' && record.found;
    if (!isRead && record.kind !== 'set') continue;
    const value = isRead ? record.readValue : record.value;
    const set = sets.get(value);
    if (set === undefined || set.key !== record.key) refute('nobody wrote this', record);
    if (set.outcome === 'notCommitted') refute(`read, but reported: ${describe(set)}`, record);
    if (set.invokedMs > record.settledMs) refute('read before it was written', record);
    const known = revisions.get(value);
    if (known !== undefined && known !== record.revision) {
      refute(`executed twice, at revisions ${known} and ${record.revision}`, record);
    }
    revisions.set(value, record.revision);
  }
}

/** A call that began after another one ended has no older revision. */
function checkOrder(records: readonly CallRecord[]): void {
  const byStart = [...records].sort((a, b) => a.invokedMs - b.invokedMs);
  const byEnd = [...records].sort((a, b) => a.settledMs - b.settledMs);
  let newest: CallRecord | undefined;
  let ended = 0;
  for (const record of byStart) {
    for (; ended < byEnd.length; ended += 1) {
      const other = byEnd[ended];
      if (other === undefined || other.settledMs >= record.invokedMs) break;
      if (newest === undefined || other.revision > newest.revision) newest = other;
    }
    if (newest !== undefined && record.revision < newest.revision) {
      refute(`older than what had ended before: ${describe(newest)}`, record);
    }
  }
}

function refute(why: string, record: CallRecord): never {
  throw new SimulationFailure('safety', `${describe(record)}: ${why}`);
}
