/**
 * I10 against true time (R16, R17). Never early: between the call of a set and the removal of what
 * it wrote lies at least its TTL. Never late: while one leader serves, nobody who calls later than
 * the TTL after the answer still finds the value; each new leader may add the age of the newest
 * message its voters had from the last one.
 */
import { SimulationFailure } from '../failure.js';
import type { Effect, ReferenceRecord } from './reference-cache.js';

interface Lease {
  readonly ttlMs: number;
  /** It began after this, and before that. */
  readonly calledMs: number;
  readonly appliedMs: number;
  readonly term: number;
  /** `clockErrorMs` when it began. */
  readonly errorMs: number;
}

/** Stamps are whole milliseconds of the leader's clock. */
const ROUNDING_MS = 2;
/**
 * How much faster or slower than true time the clocks of nodes may go: half of what the product
 * lets two of them differ by, so that the length of a term or of an outage adds nothing (R16).
 */
export const CLOCK_DRIFT_MAX = 0.001;
/** From the proposal of a clock entry, for what is due, to its commit. */
const SERVE_MS = 1;

export class LeaseCheck {
  /** Sets with a TTL that were called: value → when. */
  readonly #calls: Map<string, number> = new Map();
  readonly #leases: Map<string, Lease> = new Map();
  expiries = 0;
  /** By how much faults have moved the clocks of all nodes so far, beside their own drift. */
  clockErrorMs: () => number = () => 0;

  called(value: string, nowMs: number): void {
    this.#calls.set(value, nowMs);
  }

  onEffect({ kind, key, record }: Effect, term: number, nowMs: number): void {
    const lease = this.#leases.get(key);
    if (kind === 'set') {
      const calledMs = record === undefined ? undefined : this.#calls.get(record.value);
      // With keepTtl no call of its own says when the lease began: an earlier one did.
      if (record?.ttlMs === 0) this.#leases.delete(key);
      else if (record !== undefined && calledMs !== undefined) {
        const errorMs = this.clockErrorMs();
        this.#leases.set(key, { ttlMs: record.ttlMs, calledMs, appliedMs: nowMs, term, errorMs });
      }
    } else if (kind === 'restart') {
      if (lease !== undefined) this.#leases.set(key, { ...lease, appliedMs: nowMs, term });
    } else {
      this.#leases.delete(key);
      if (kind === 'expire' && lease !== undefined) this.#checkNotEarly(key, lease, nowMs);
    }
  }

  /** A node hid the key as due though the log has not expired it. */
  hidden(key: string, nowMs: number): void {
    const lease = this.#leases.get(key);
    if (lease !== undefined) this.#checkNotEarly(key, lease, nowMs);
  }

  /** A linearizable read that was called then has found the key; `term` is that of the log now. */
  found(key: string, record: ReferenceRecord, calledMs: number, term: number): void {
    const lease = this.#leases.get(key);
    if (lease === undefined || lease.term !== term || record.ttlMs !== lease.ttlMs) return;
    const errorMs = this.clockErrorMs() - lease.errorMs;
    const slackMs = ROUNDING_MS + SERVE_MS + errorMs;
    const goneMs = lease.appliedMs + lease.ttlMs * (1 + CLOCK_DRIFT_MAX) + slackMs;
    if (calledMs <= goneMs) return;
    refute(`${key} was found by a call at ${calledMs} ms; its TTL ended at ${goneMs} ms at most`);
  }

  #checkNotEarly(key: string, { ttlMs, calledMs }: Lease, nowMs: number): void {
    this.expiries += 1;
    // Of all time so far: a follower's estimate may be ahead of a leader's that fell behind before.
    const slackMs = ROUNDING_MS + this.clockErrorMs();
    const earliestMs = calledMs + ttlMs * (1 - CLOCK_DRIFT_MAX) - slackMs;
    if (nowMs >= earliestMs) return;
    refute(`${key} expired at ${nowMs} ms; its TTL of ${ttlMs} ms began after ${calledMs} ms`);
  }
}

function refute(message: string): never {
  throw new SimulationFailure('safety', message);
}
