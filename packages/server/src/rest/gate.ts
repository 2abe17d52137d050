/** Every REST call passes here: authenticated, counted, with a deadline and a typed end. */
import type { CallTrace } from '@cashe/client/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { NodeSpan } from '../tracing/tracing.js';
import { type Failure, failureOf, publicFailure, RestError, refused } from './failure.js';
import type { RestLimits } from './limits.js';
import type { RestPorts } from './ports.js';

export interface CallContext {
  readonly principal: string;
  /** Time until the answer must leave. */
  readonly remainingMs: number;
  /** The span of the call when it is sampled. */
  readonly trace: CallTrace | undefined;
  /** Calls back once if the caller goes away before the answer. */
  onCancelled(listener: () => void): void;
}

/** Data calls wait for a majority; changes of the members also for catch-up. */
type CallKind = 'data' | 'admin';

interface CallOptions {
  /** The public verb, for metrics. */
  readonly verb: string;
  readonly kind: CallKind;
}

type Work = (
  request: FastifyRequest,
  reply: FastifyReply,
  context: CallContext,
) => Promise<unknown>;

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

interface Caller {
  readonly principal: string;
  readonly arrivedMs: number;
}

export class Gate {
  readonly #ports: RestPorts;
  readonly #limits: RestLimits;
  readonly #callers = new WeakMap<FastifyRequest, Caller>();

  constructor(ports: RestPorts, limits: RestLimits) {
    this.#ports = ports;
    this.#limits = limits;
  }

  /** Authenticates every request of the scope, before its body is read. */
  guard(scope: FastifyInstance): void {
    scope.addHook('onRequest', (request, _reply, done) => {
      const { authorization } = request.headers;
      const { socket } = request.raw;
      const from = request.ip;
      const principal = this.#ports.authenticate({ socket, authorization, from });
      if (typeof principal === 'string') {
        this.#callers.set(request, { principal, arrivedMs: performance.now() });
        done();
        return;
      }
      this.#ports.reporters?.refused('unauthenticated');
      done(new RestError(principal));
    });
  }

  /** The route handler that does `work`; its scope is guarded. */
  handle(options: CallOptions, work: Work): Handler {
    return async (request, reply) => {
      const startedMs = performance.now();
      const { verb } = options;
      const span = this.#ports.tracing?.received(
        `rest.${verb}`,
        request.headers['traceparent'],
        {},
      );
      try {
        const answer = await this.#admitted(request, reply, options, span, work);
        this.#report(verb, undefined, startedMs, span);
        return answer;
      } catch (error) {
        this.#report(verb, error, startedMs, span);
        throw error;
      }
    };
  }

  async #admitted(
    request: FastifyRequest,
    reply: FastifyReply,
    options: CallOptions,
    trace: CallTrace | undefined,
    work: Work,
  ): Promise<unknown> {
    const context = { ...this.#contextOf(request, reply, options.kind), trace };
    let end = (_failure: Failure): void => undefined;
    const ended = new Promise<never>((_resolve, reject) => {
      end = (failure) => reject(new RestError(failure));
    });
    const release = this.#ports.admit(end);
    if (release === undefined) {
      this.#ports.reporters?.refused('calls');
      const message = 'this node serves too many calls at a time; use another one, or wait';
      throw refused('RESOURCE_EXHAUSTED', message);
    }
    try {
      return await Promise.race([work(request, reply, context), ended]);
    } finally {
      release();
    }
  }

  #contextOf(
    request: FastifyRequest,
    reply: FastifyReply,
    kind: CallKind,
  ): Omit<CallContext, 'trace'> {
    const caller = this.#callers.get(request);
    if (caller === undefined) throw new Error(`${request.url} is served without being guarded`);
    const { raw } = reply;
    return {
      principal: caller.principal,
      remainingMs: this.#remainingMs(request, kind, caller.arrivedMs),
      onCancelled: (listener) => {
        if (raw.destroyed) listener();
        else raw.once('close', () => (raw.writableFinished ? undefined : listener()));
      },
    };
  }

  /** A stated time counts from the head of the request, the default from its last byte. */
  #remainingMs(request: FastifyRequest, kind: CallKind, arrivedMs: number): number {
    const { callDeadlineMs, callDeadlineMsMax, adminDeadlineMs, adminDeadlineMsMax } = this.#limits;
    const isAdmin = kind === 'admin';
    const statedMs = statedTimeoutMs(request);
    if (statedMs === undefined) return isAdmin ? adminDeadlineMs : callDeadlineMs;
    const leftMs = statedMs - (performance.now() - arrivedMs);
    // Half of a very short time stays for the work.
    const marginMs = Math.min(this.#limits.deadlineMarginMs, leftMs / 2);
    const mostMs = isAdmin ? adminDeadlineMsMax : callDeadlineMsMax;
    return Math.max(0, Math.min(Math.floor(leftMs - marginMs), mostMs));
  }

  #report(verb: string, error: unknown, startedMs: number, span: NodeSpan | undefined): void {
    const { reporters } = this.#ports;
    if (reporters === undefined && span === undefined) return;
    const failure = error === undefined ? undefined : failureOf(error);
    const failed = failure === undefined ? 'INTERNAL' : publicFailure(failure).code;
    const code = error === undefined ? 'OK' : failed;
    span?.end(code);
    reporters?.calls('rest').answered(verb, code, performance.now() - startedMs);
  }
}

const timeoutPattern = /^[1-9][0-9]{0,15}$/;

function statedTimeoutMs(request: FastifyRequest): number | undefined {
  const header = request.headers['cashe-timeout-ms'];
  const { timeout } = request.query as { readonly timeout?: unknown };
  if (header === undefined) return queryTimeoutMs(timeout);
  if (timeout !== undefined) {
    const message = 'Cashe-Timeout-Ms and ?timeout= are given; one of them is allowed';
    throw refused('INVALID_ARGUMENT', message);
  }
  if (typeof header === 'string' && timeoutPattern.test(header)) return Number(header);
  throw refused('INVALID_ARGUMENT', 'Cashe-Timeout-Ms is not a positive integer');
}

/** The schemas of `/v1` have seen to it; the routes of other systems have none. */
function queryTimeoutMs(timeout: unknown): number | undefined {
  if (timeout === undefined) return undefined;
  if (typeof timeout === 'number' && timeout >= 1) return timeout;
  throw refused('INVALID_ARGUMENT', 'timeout is not a positive integer');
}
