/** The doors of REST: what the node gives it. Wired by `node/rest-wiring.ts`. */
import type { CallTrace, CasheError } from '@cashe/client/core';
import type { Op, ReadResult } from '@cashe/codec';
import type { Calls } from '../host/calls.js';
import type { AdminAnswer, Logger } from '../host/ports.js';
import type { Reporters } from '../metrics/reporters.js';
import type { Tracing } from '../tracing/tracing.js';
import type { Failure } from './failure.js';

/** What became of one op. */
export type OpOutcome =
  | { readonly kind: 'written'; readonly revision: number; readonly found: boolean }
  | { readonly kind: 'read'; readonly result: ReadResult; readonly ageMs: number }
  | { readonly kind: 'failed'; readonly error: CasheError };

export interface RunOptions {
  readonly principal: string;
  readonly remainingMs: number;
  readonly isStale: boolean;
  /** The span of the call when it is sampled. */
  readonly trace?: CallTrace | undefined;
  /** The caller went away: what is not numbered yet is given up (R15). */
  readonly onCancelled: (listener: () => void) => void;
}

/** Who a request says it is from. */
export interface Credentials {
  /** The connection; with TLS it knows the client's certificate. */
  readonly socket: object;
  /** The Authorization header. */
  readonly authorization: string | undefined;
  /** Address of the caller, for the audit log. */
  readonly from: string;
}

interface AddByAddress {
  readonly nodeId: string;
  readonly raftAddress: string;
}

export interface RestPorts {
  readonly calls: Calls;
  readonly log: Logger;
  readonly reporters?: Reporters | undefined;
  readonly tracing?: Tracing | undefined;
  /** Version of the software. */
  readonly version: string;
  /** The principal, or why there is none (UNAUTHENTICATED). */
  authenticate(credentials: Credentials): string | Failure;
  /** Runs the ops in the node's own session of the principal (R30); throws a CasheError. */
  run(ops: readonly Op[], options: RunOptions): Promise<readonly OpOutcome[]>;
  /**
   * Counts a call among those without a session, gRPC's included; undefined: there are too many.
   * `end` is called when the node stops before the call was answered. Returns how to count it out.
   */
  admit(end: (failure: Failure) => void): (() => void) | undefined;
  /** Adds a node that waits to be added and listens for peers at this address. */
  addByAddress(call: AddByAddress, principal: string, remainingMs: number): Promise<AdminAnswer>;
}
