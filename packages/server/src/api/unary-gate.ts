/** Every unary call of ours passes here: counted, bounded, with a deadline and a typed end. */
import { type CallTrace, CasheError } from '@cashe/client/core';
import type { handleUnaryCall, ServerUnaryCall, StatusObject } from '@grpc/grpc-js';
import type { Logger } from '../host/ports.js';
import type { CallReporter, RefusalReporter } from '../metrics/reporters.js';
import type { NodeSpan, Tracing } from '../tracing/tracing.js';
import { CallError, type CallFailure, toInternalStatus, toStatus } from './failure.js';
import { nodeClock } from './node-ports.js';
import type { PrincipalOf } from './principal.js';
import type { Received } from './received.js';

export interface CallContext {
  readonly principal: string;
  /** Time until the answer must leave. */
  readonly remainingMs: number;
  /** The span of the call when it is sampled. */
  readonly trace: CallTrace | undefined;
  /** Calls back once if the caller goes away before the answer. */
  onCancelled(listener: () => void): void;
}

export type UnaryHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Promise<Response>;

export interface DeadlineBounds {
  /** Without a deadline of the caller. */
  readonly defaultMs: number;
  readonly maxMs: number;
  readonly marginMs: number;
}

interface UnaryGateOptions {
  /** Asked each time: the bound may change while the node runs. */
  readonly callsMax: () => number;
  readonly principalOf: PrincipalOf;
  readonly log: Logger;
  readonly reporter?: CallReporter | undefined;
  readonly refusals?: RefusalReporter | undefined;
  readonly tracing?: Tracing | undefined;
}

export class UnaryGate {
  readonly #options: UnaryGateOptions;
  /** How to end each call in flight before its answer is there. */
  readonly #open = new Set<(failure: CallFailure) => void>();
  #idleListener: (() => void) | undefined;

  constructor(options: UnaryGateOptions) {
    this.#options = options;
  }

  /** Calls without an answer. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Calls back once no call is in flight. */
  onIdle(listener: () => void): void {
    this.#idleListener = listener;
    this.#maybeIdle();
  }

  /** Ends every call in flight; what it did or still does is left to `failure` to say. */
  failAll(failure: CallFailure): void {
    for (const end of [...this.#open]) end(failure);
  }

  /**
   * Counts a call of another surface among these; undefined: there are too many. Returns how to
   * count it out once it was answered; `end` asks for that answer at once.
   */
  admit(end: (failure: CallFailure) => void): (() => void) | undefined {
    if (this.#open.size >= this.#options.callsMax()) return undefined;
    this.#open.add(end);
    return () => {
      if (this.#open.delete(end)) this.#maybeIdle();
    };
  }

  handle<Request, Response>(
    bounds: DeadlineBounds,
    handler: UnaryHandler<Request, Response>,
  ): handleUnaryCall<Received<Request>, Response> {
    return (call, callback) => {
      const callsMax = this.#options.callsMax();
      if (this.#open.size >= callsMax) {
        this.#options.refusals?.refused('calls');
        callback(toStatus(tooManyCalls(callsMax)));
        return;
      }
      const caller = this.#options.principalOf(call);
      if (!caller.ok) {
        this.#options.refusals?.refused('unauthenticated');
        callback(toStatus(caller.failure));
        return;
      }
      const received = call.request;
      if (!received.ok) {
        const { problem: message } = received;
        this.#options.refusals?.refused('malformed');
        callback(toStatus({ code: 'INVALID_ARGUMENT', outcome: 'notCommitted', message }));
        return;
      }
      const sinceMs = nodeClock.nowMs();
      const span = this.#spanOf(call);
      const end = (status: StatusObject | null, response?: Response): void => {
        if (!this.#open.delete(fail)) return;
        this.#report(call, status, sinceMs, span);
        callback(status, response);
        this.#maybeIdle();
      };
      const fail = (failure: CallFailure): void => end(toStatus(failure));
      this.#open.add(fail);
      handler(received.value, contextOf(call, caller.principal, bounds, span)).then(
        (response) => end(null, response),
        (error: unknown) => end(this.#statusOf(error, call)),
      );
    };
  }

  #report(
    call: ServerUnaryCall<unknown, unknown>,
    status: StatusObject | null,
    sinceMs: number,
    span: NodeSpan | undefined,
  ): void {
    const { reporter } = this.#options;
    if (reporter === undefined && span === undefined) return;
    const code =
      status === null ? 'OK' : String(status.metadata.get('cashe-code')[0] ?? 'INTERNAL');
    span?.end(code);
    reporter?.answered(verbOf(call.getPath()), code, nodeClock.nowMs() - sinceMs);
  }

  /** As other systems do, the caller sends its trace context in the metadata. */
  #spanOf(call: ServerUnaryCall<unknown, unknown>): NodeSpan | undefined {
    const [traceparent] = call.metadata.get('traceparent');
    if (traceparent === undefined) return undefined;
    return this.#options.tracing?.received(`unary.${verbOf(call.getPath())}`, traceparent, {});
  }

  #statusOf(error: unknown, call: ServerUnaryCall<unknown, unknown>): StatusObject {
    if (error instanceof CallError) return toStatus(error.failure);
    if (error instanceof CasheError) {
      // The text without the code in front, which the status carries.
      const message = error.message.replace(`${error.code}: `, '');
      return toStatus({ code: error.code, outcome: error.outcome, message });
    }
    this.#options.log.error('a call failed unexpectedly', { method: call.getPath(), error });
    return toInternalStatus(error);
  }

  #maybeIdle(): void {
    if (this.#open.size > 0) return;
    const listener = this.#idleListener;
    this.#idleListener = undefined;
    listener?.();
  }
}

function contextOf(
  call: ServerUnaryCall<unknown, unknown>,
  principal: string,
  bounds: DeadlineBounds,
  trace: CallTrace | undefined,
): CallContext {
  return {
    principal,
    trace,
    remainingMs: remainingMs(call.getDeadline(), bounds),
    onCancelled: (listener) => {
      if (call.cancelled) listener();
      else call.once('cancelled', listener);
    },
  };
}

/** The verb of `/package.Service/Verb`, as the SDK spells it. */
function verbOf(path: string): string {
  const at = path.lastIndexOf('/') + 1;
  return path.charAt(at).toLowerCase() + path.slice(at + 1);
}

function remainingMs(deadline: Date | number, bounds: DeadlineBounds): number {
  const left = Number(deadline) - Date.now();
  if (!Number.isFinite(left)) return bounds.defaultMs;
  // Half of a very short time stays for the work.
  const margin = Math.min(bounds.marginMs, left / 2);
  return Math.max(0, Math.min(Math.floor(left - margin), bounds.maxMs));
}

function tooManyCalls(callsMax: number): CallFailure {
  return {
    code: 'RESOURCE_EXHAUSTED',
    outcome: 'notCommitted',
    message: `this node serves ${callsMax} unary calls at a time; use the Session stream or wait`,
  };
}
