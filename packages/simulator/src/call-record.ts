import type { Op } from '@cashe/codec';

export type CallKind = Op['kind'];

/** What a caller asks for one key. */
export interface CallSpec {
  readonly kind: CallKind;
  readonly key: string;
  /** 0: none. */
  readonly ttlMs: number;
  readonly keepTtl: boolean;
  readonly isStale: boolean;
}

/** One call for one key as its caller saw it. */
export interface CallRecord extends CallSpec {
  readonly client: string;
  /** What a set writes; every set of a run has another value. */
  readonly value: string;
  readonly invokedMs: number;
  readonly deadlineMs: number;
  /** How far the log was applied somewhere when it was called. */
  readonly fromIndex: number;
  /** Infinity: not yet. */
  settledMs: number;
  outcome: 'committed' | 'notCommitted' | 'unknown';
  /** Why it failed; empty: it did not. */
  code: string;
  /** Of a read, and of a delete. */
  found: boolean;
  /** What a read saw, or why a call failed. */
  readValue: string;
  revision: number;
  /** Of a read that found something. */
  version: number;
}

export function describe(record: CallRecord): string {
  const { client, kind, key, value, outcome, code, found, revision, invokedMs } = record;
  const what = value === '' ? key : `${key}=${unpadded(value)}`;
  const how = `${record.isStale ? ' stale' : ''}${record.ttlMs > 0 ? ` ttl ${record.ttlMs}` : ''}`;
  const seen = `${code}${found ? 'found' : 'none'} ${unpadded(record.readValue)} @${revision}`;
  return `${client} ${kind} ${what}${how} (from ${invokedMs.toFixed(2)}): ${outcome} ${seen}`;
}

function unpadded(value: string): string {
  return value.replace(/\.+$/, '');
}
