export type CallKind = 'set' | 'delete' | 'get' | 'has';

/** One call as its caller saw it. */
export interface CallRecord {
  readonly client: string;
  readonly kind: CallKind;
  readonly key: string;
  /** What a set writes; every set of a run has another value. */
  readonly value: string;
  readonly invokedMs: number;
  /** Infinity: not yet. */
  settledMs: number;
  outcome: 'committed' | 'notCommitted' | 'unknown';
  /** Of a read, and of a delete. */
  found: boolean;
  /** What a read saw, or why a call failed. */
  readValue: string;
  revision: number;
  /** Of a read that found something. */
  version: number;
}
