/**
 * Unary KV: each call is one or more ops in the node's own session (R30), so that it is executed
 * exactly once across leader changes, and calls of the same turn travel as one batch.
 */
import type { Clock } from '@cashe/client/core';
import { BATCH_OPS_MAX, Consistency, type Op, opFor } from '@cashe/codec';
import {
  type DeleteManyRequest,
  type DeleteManyResponse,
  type DeleteRequest,
  type DeleteResponse,
  type GetManyRequest,
  type GetManyResponse,
  type GetRequest,
  type GetResponse,
  type HasRequest,
  type HasResponse,
  KVService,
  type SetManyRequest,
  type SetManyResponse,
  type SetRequest,
  type SetResponse,
} from '@cashe/proto';
import type { Server } from '@grpc/grpc-js';
import { invalidArgument } from './failure.js';
import {
  decodeDelete,
  decodeDeleteMany,
  decodeRead,
  decodeReadMany,
  decodeSet,
  decodeSetMany,
} from './kv-requests.js';
import {
  deleteManyResults,
  deleteResponse,
  getManyResults,
  getResponse,
  hasResponse,
  setManyResults,
  setResponse,
} from './kv-results.js';
import type { ApiLimits } from './limits.js';
import { type OpOutcome, runOps } from './op-run.js';
import type { OwnSessions } from './own-sessions.js';
import { receiving } from './received.js';
import { type SessionCall, type SessionService, sessionMethod } from './session-service.js';
import type { CallContext, DeadlineBounds, UnaryGate, UnaryHandler } from './unary-gate.js';

interface KvServiceOptions {
  readonly limits: ApiLimits;
  readonly gate: UnaryGate;
  readonly sessions: SessionService;
  readonly ownSessions: OwnSessions;
  readonly clock: Clock;
}

export class KvService {
  readonly #options: KvServiceOptions;

  constructor(options: KvServiceOptions) {
    this.#options = options;
  }

  addToServer(server: Server): void {
    const { gate, limits, sessions } = this.#options;
    const bounds: DeadlineBounds = {
      defaultMs: limits.callDeadlineMs,
      maxMs: limits.callDeadlineMsMax,
      marginMs: limits.deadlineMarginMs,
    };
    const definition = {
      get: receiving(KVService.get, decodeRead),
      set: receiving(KVService.set, decodeSet),
      delete: receiving(KVService.delete, decodeDelete),
      has: receiving(KVService.has, decodeRead),
      getMany: receiving(KVService.getMany, decodeReadMany),
      setMany: receiving(KVService.setMany, decodeSetMany),
      deleteMany: receiving(KVService.deleteMany, decodeDeleteMany),
      session: sessionMethod,
    };
    server.addService(definition, {
      get: gate.handle(bounds, this.#get),
      set: gate.handle(bounds, this.#set),
      delete: gate.handle(bounds, this.#delete),
      has: gate.handle(bounds, this.#has),
      getMany: gate.handle(bounds, this.#getMany),
      setMany: gate.handle(bounds, this.#setMany),
      deleteMany: gate.handle(bounds, this.#deleteMany),
      session: (call: SessionCall) => sessions.handle(call),
    });
  }

  readonly #get: UnaryHandler<GetRequest, GetResponse> = async (request, context) => {
    const [outcome] = await this.#run([opFor.get(request.key)], context, request.consistency);
    return getResponse(outcome);
  };

  readonly #has: UnaryHandler<HasRequest, HasResponse> = async (request, context) => {
    const [outcome] = await this.#run([opFor.has(request.key)], context, request.consistency);
    return hasResponse(outcome);
  };

  readonly #set: UnaryHandler<SetRequest, SetResponse> = async (request, context) => {
    const [outcome] = await this.#run([setOp(request, '')], context);
    return setResponse(outcome);
  };

  readonly #delete: UnaryHandler<DeleteRequest, DeleteResponse> = async (request, context) => {
    const [outcome] = await this.#run([opFor.delete(request.key)], context);
    return deleteResponse(outcome);
  };

  readonly #getMany: UnaryHandler<GetManyRequest, GetManyResponse> = async (request, context) => {
    requireOpCount(request.keys.length, 'keys');
    const ops = request.keys.map((key) => opFor.get(key));
    const outcomes = await this.#run(ops, context, request.consistency);
    return { results: [...getManyResults(outcomes, this.#options.limits.answerBytesMax)] };
  };

  readonly #setMany: UnaryHandler<SetManyRequest, SetManyResponse> = async (request, context) => {
    requireOpCount(request.entries.length, 'entries');
    const ops = request.entries.map((entry, index) => setOp(entry, `entry ${index}: `));
    return { results: [...setManyResults(await this.#run(ops, context))] };
  };

  readonly #deleteMany: UnaryHandler<DeleteManyRequest, DeleteManyResponse> = async (
    request,
    context,
  ) => {
    requireOpCount(request.keys.length, 'keys');
    const ops = request.keys.map((key) => opFor.delete(key));
    return { results: [...deleteManyResults(await this.#run(ops, context))] };
  };

  #run(
    ops: readonly Op[],
    context: CallContext,
    consistency: Consistency = Consistency.LINEARIZABLE,
  ): Promise<readonly OpOutcome[]> {
    const { ownSessions, clock } = this.#options;
    return runOps(ownSessions.core(context.principal), ops, {
      deadlineMs: clock.nowMs() + context.remainingMs,
      isStale: consistency === Consistency.STALE,
      trace: context.trace,
      onCancelled: (listener) => context.onCancelled(listener),
    });
  }
}

function setOp({ key, value, ttlMs, keepTtl }: SetRequest, where: string): Op {
  // 0 stands for "no TTL" inside; on the wire an absent field does, and 0 is out of range.
  if (ttlMs !== undefined && ttlMs < 1) {
    throw invalidArgument(`${where}ttl_ms is ${ttlMs}; 1 to 2^53 - 1 is allowed`);
  }
  if (ttlMs !== undefined && keepTtl) {
    throw invalidArgument(`${where}ttl_ms and keep_ttl are given; one of them is allowed`);
  }
  return opFor.set(key, value, ttlMs ?? 0, keepTtl);
}

function requireOpCount(count: number, what: string): void {
  if (count <= BATCH_OPS_MAX) return;
  throw invalidArgument(`${count} ${what}; up to ${BATCH_OPS_MAX} are allowed in one call`);
}
