import type { Limits } from '@cashe/codec';
import type { Batcher } from './batch.js';
import type { CallLedger } from './call-ledger.js';
import type { NodeLink } from './node-link.js';
import type { CoreOptions } from './options.js';
import type { Clock, Random, Scheduler } from './ports.js';

/** What the lanes of all groups share. */
export interface LaneContext {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly options: CoreOptions;
  readonly ledger: CallLedger;
  readonly batcher: Batcher;
  /** From the latest hello. */
  limits(): Limits;
  /** Bytes of one batch that every ready node takes. */
  batchBytesMax(): number;
  /** Where the group's batches go; undefined while no node is ready. */
  route(group: number): NodeLink | undefined;
  /** Where STALE reads go. */
  routeStale(): NodeLink | undefined;
  termOf(group: number): number;
  nextTransmission(): number;
  /** The lane has something to send: it is pumped at the end of this turn. */
  wake(group: number): void;
  /** The lane found no room on its link: it is woken when there is some. */
  blocked(group: number): void;
}

/** Resends that follow an answer at once before pauses are made between them. */
export const immediateResendsMax = 3;

/** remaining_ms of a batch: what is left, at least 1, within uint32. */
export function remainingMs(deadlineMs: number, nowMs: number): number {
  return Math.max(1, Math.min(0xffff_ffff, Math.ceil(deadlineMs - nowMs)));
}
