import { type Op, opFor } from '@cashe/codec';
import type { Expiry, SetEntries, SetEntry } from './options.js';
import { bytesOf } from './values.js';

/** One set op per entry; what an entry says about expiry wins over what the call says. */
export function setOps(entries: SetEntries, expiry: Expiry): Op[] {
  const ops: Op[] = [];
  for (const item of isIterable(entries) ? entries : Object.entries(entries)) {
    const entry = isPair(item) ? { key: item[0], value: item[1] } : item;
    ops.push(setOp(entry, entry.ttlMs === undefined && !entry.keepTtl ? expiry : entry));
  }
  return ops;
}

export function setOp({ key, value }: SetEntry, { ttlMs, keepTtl }: Expiry): Op {
  // 0 stands for none on the wire; as an argument it is a mistake, which the core refuses.
  return opFor.set(key, bytesOf(key, value), ttlMs === 0 ? -1 : ttlMs, keepTtl);
}

function isIterable(entries: SetEntries): entries is Exclude<SetEntries, Record<string, unknown>> {
  return Symbol.iterator in entries;
}

function isPair(
  item: readonly [string, string | Uint8Array] | SetEntry,
): item is readonly [string, string | Uint8Array] {
  return Array.isArray(item);
}
