/**
 * The Session method over grpc-js. Frames use the hot codec: the op bytes of a batch are a view
 * on the received message and are never encoded again.
 */
import type { Buffer } from 'node:buffer';
import type { Scheduler } from '@cashe/client/core';
import {
  decodeSessionRequest,
  deriveLimits,
  type SessionRequest,
  VALUE_BYTES_MAX_DEFAULT,
} from '@cashe/codec';
import { KVService } from '@cashe/proto';
import type { MethodDefinition, ServerDuplexStream } from '@grpc/grpc-js';
import type { Calls } from '../host/calls.js';
import type { Reporters } from '../metrics/reporters.js';
import { sessionOf } from '../net/http2-session.js';
import type { Tracing } from '../tracing/tracing.js';
import type { Authenticated, Authenticator } from './authenticate.js';
import { BatchObserver } from './batch-observer.js';
import { toStatus } from './failure.js';
import type { ApiLimits } from './limits.js';
import type { PrincipalOf } from './principal.js';
import { type Received, receive } from './received.js';
import { GrpcSessionSink } from './session-sink.js';
import { SessionStream, type SharedLoad } from './session-stream.js';

export type SessionCall = ServerDuplexStream<Received<SessionRequest>, Buffer>;

/** Received as a tagged frame, sent as bytes: the stream encodes, to count what it sends. */
export const sessionMethod: MethodDefinition<Received<SessionRequest>, Buffer> = {
  path: KVService.session.path,
  requestStream: true,
  responseStream: true,
  requestSerialize: servesOnly,
  requestDeserialize: (bytes) => receive(bytes, decodeSessionRequest),
  responseSerialize: (bytes) => bytes,
  responseDeserialize: servesOnly,
};

function servesOnly(): never {
  throw new Error('this definition serves; it is not for calling');
}

interface SessionServiceOptions {
  readonly calls: Calls;
  readonly limits: ApiLimits;
  readonly load: SharedLoad;
  readonly scheduler: Scheduler;
  readonly principalOf: PrincipalOf;
  readonly reporters?: Reporters | undefined;
  readonly tracing?: Tracing | undefined;
}

/** Where a stream comes from: on what connection, and who opened it. */
interface Origin {
  readonly connection: object | undefined;
  readonly caller: Authenticated;
}

export class SessionService {
  readonly #options: SessionServiceOptions;
  readonly #streams = new Map<SessionStream, Origin>();
  readonly #observer: BatchObserver | undefined;
  #isDraining = false;

  constructor(options: SessionServiceOptions) {
    this.#options = options;
    const { reporters, tracing } = options;
    const reporter = reporters?.calls('session');
    const observed = reporter !== undefined || tracing !== undefined;
    this.#observer = observed ? new BatchObserver(reporter, tracing) : undefined;
  }

  /** Open streams. */
  get count(): number {
    return this.#streams.size;
  }

  handle(call: SessionCall): void {
    const { calls, limits, load, scheduler, principalOf, reporters } = this.#options;
    if (this.#streams.size >= limits.sessionStreamsMax) {
      const message = `this node serves ${limits.sessionStreamsMax} Session streams at a time`;
      reporters?.refused('streams');
      call.emit(
        'error',
        toStatus({ code: 'RESOURCE_EXHAUSTED', outcome: 'notCommitted', message }),
      );
      return;
    }
    const caller = principalOf(call);
    if (!caller.ok) {
      reporters?.refused('unauthenticated');
      call.emit('error', toStatus(caller.failure));
      return;
    }
    const sink = new GrpcSessionSink({
      call,
      scheduler,
      pauseBytes: limits.outputPauseBytes,
      stallMs: limits.outputStallMs,
      messageBytesMax: () => messageBytesMax(calls),
      onDrained: () => stream.drained(),
      onStalled: () => {
        reporters?.refused('slowReader');
        stream.closed();
      },
    });
    const stream: SessionStream = new SessionStream({
      calls,
      principal: caller.principal,
      limits,
      load,
      scheduler,
      sink,
      observer: this.#observer,
      refusals: reporters,
      onClosed: () => this.#streams.delete(stream),
    });
    this.#streams.set(stream, { connection: sessionOf(call), caller });
    call.on('data', (frame: Received<SessionRequest>) => {
      if (frame.ok) stream.receive(frame.value);
      else {
        reporters?.refused('malformed');
        stream.fail('INVALID_ARGUMENT', frame.problem);
      }
    });
    call.on('end', () => stream.halfClosed());
    call.on('cancelled', () => {
      stream.closed();
      sink.closed();
    });
    if (this.#isDraining) stream.drain();
  }

  /** Ends the streams of a connection that has become too old, once they are answered. */
  retire(connection: object): void {
    for (const [stream, origin] of [...this.#streams]) {
      if (origin.connection === connection) stream.retire();
    }
  }

  /** The policy changed: ends the streams whose credentials count no longer. */
  endRevoked(authenticator: Authenticator): void {
    for (const [stream, { caller }] of [...this.#streams]) {
      const failure = authenticator.revocation(caller);
      if (failure !== undefined) stream.revoke(failure.message);
    }
  }

  /** Streams refuse new batches and end once what they carry is answered. */
  drain(): void {
    this.#isDraining = true;
    for (const stream of [...this.#streams.keys()]) stream.drain();
  }
}

function messageBytesMax(calls: Calls): number {
  const valueBytesMax = calls.hello()?.limits.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT;
  return deriveLimits(valueBytesMax).messageBytesMax;
}
