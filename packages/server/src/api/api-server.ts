/** The client port of a node: KV, Cluster, health and reflection over gRPC. */
import { type Core, coreDefaults, createCore } from '@cashe/client/core';
import { deriveLimits, VALUE_BYTES_MAX_LIMIT } from '@cashe/codec';
import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import type { Calls } from '../host/calls.js';
import type { Logger } from '../host/ports.js';
import { type BindAddress, type Listener, listen } from '../net/listener.js';
import { ClusterService } from './cluster-service.js';
import type { CallFailure } from './failure.js';
import { Health } from './health.js';
import { KvService } from './kv-service.js';
import { type ApiLimits, defaultApiLimits } from './limits.js';
import { localConnector } from './local-link.js';
import { nodeClock, nodeRandom, nodeScheduler } from './node-ports.js';
import { anonymous, type PrincipalOf } from './principal.js';
import { addReflection } from './reflection.js';
import { SessionService } from './session-service.js';
import type { SharedLoad } from './session-stream.js';
import { StreamGuard } from './stream-guard.js';
import { UnaryGate } from './unary-gate.js';
import { packageVersion } from './version.js';

interface ApiServerOptions {
  readonly calls: Calls;
  readonly log: Logger;
  /** Version of the software, for Status; that of this package if not given. */
  readonly version?: string;
  /** Without them the port speaks plain text. */
  readonly credentials?: ServerCredentials;
  readonly principalOf?: PrincipalOf;
  readonly limits?: Partial<ApiLimits>;
}

export interface ApiServer {
  /**
   * Listens on all addresses, with one port; returns it. Rejects with AddressInUseError or
   * BindError, and then listens nowhere. Call it once.
   */
  bind(addresses: readonly BindAddress[]): Promise<number>;
  /** Answers NOT_SERVING from now on and keeps serving: the node is about to stop. */
  announceStop(): void;
  /**
   * NOT_SERVING, no new connections or calls; what is in flight is answered, then everything is
   * closed, at the latest after `deadlineMs`.
   */
  drain(deadlineMs: number): Promise<void>;
  /** Closes everything now; calls in flight end without an answer. */
  forceClose(): void;
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  return new GrpcApiServer(options);
}

class GrpcApiServer implements ApiServer {
  readonly #log: Logger;
  readonly #limits: ApiLimits;
  readonly #credentials: ServerCredentials;
  readonly #server: Server;
  readonly #gate: UnaryGate;
  readonly #sessions: SessionService;
  readonly #kv: KvService;
  readonly #health: Health;
  readonly #guards: readonly StreamGuard[];
  #listener: Listener | undefined;
  #drained: Promise<void> | undefined;

  constructor(options: ApiServerOptions) {
    const { calls, log, version = packageVersion(), principalOf = anonymous } = options;
    this.#log = log;
    this.#limits = { ...defaultApiLimits, ...options.limits };
    this.#credentials = options.credentials ?? ServerCredentials.createInsecure();
    const limits = this.#limits;
    const load: SharedLoad = { bytes: 0 };
    this.#server = new Server(serverOptions(limits));
    this.#gate = new UnaryGate({ callsMax: limits.unaryCallsMax, principalOf, log });
    const scheduler = nodeScheduler;
    this.#sessions = new SessionService({ calls, limits, load, scheduler, principalOf });
    this.#kv = new KvService({
      calls,
      limits,
      gate: this.#gate,
      sessions: this.#sessions,
      clock: nodeClock,
      createCore: () => nodeCore(calls, limits, load),
    });
    this.#health = new Health(calls);
    const guard = (name: string): StreamGuard => new StreamGuard(name, limits.watchStreamsMax);
    const [topology, health, reflection] = [
      guard('topology'),
      guard('health'),
      guard('reflection'),
    ];
    this.#guards = [topology, health, reflection];
    this.#kv.addToServer(this.#server);
    const cluster = { calls, limits, gate: this.#gate, watches: topology, version };
    new ClusterService(cluster).addToServer(this.#server);
    this.#health.addToServer(this.#server, health);
    addReflection(this.#server, reflection);
  }

  async bind(addresses: readonly BindAddress[]): Promise<number> {
    const { connectionsMax, windowBytes } = this.#limits;
    this.#listener = await listen({
      server: this.#server,
      credentials: this.#credentials,
      addresses,
      windowBytes,
      connectionsMax,
      onRefused: (address) => {
        this.#log.warn('a connection was refused', { address, connectionsMax });
      },
    });
    if (!this.#listener.hasLargeWindow) {
      this.#log.warn('the HTTP/2 receive window could not be raised: uploads will be slow');
    }
    return this.#listener.port;
  }

  announceStop(): void {
    this.#health.stop();
  }

  drain(deadlineMs: number): Promise<void> {
    this.#drained ??= this.#drain(deadlineMs);
    return this.#drained;
  }

  forceClose(): void {
    this.#health.stop();
    this.#listener?.close();
    this.#server.forceShutdown();
    this.#listener?.destroy();
    // What the node's own session still has to say is bounded by the core's own time limit.
    this.#kv.close().catch((error: unknown) => this.#log.error('closing failed', { error }));
  }

  async #drain(deadlineMs: number): Promise<void> {
    this.#health.stop();
    this.#listener?.close();
    for (const guard of this.#guards) guard.endAll(stopping);
    this.#sessions.drain();
    const { promise: deadline, cancel } = timeout(deadlineMs);
    const connections = new Promise<'closed'>((resolve) => {
      // Tells clients to connect elsewhere; ends when the calls they have here are over.
      this.#server.tryShutdown(() => resolve('closed'));
    });
    const calls = new Promise<void>((resolve) => this.#gate.onIdle(resolve));
    const session = calls.then(() => this.#kv.close());
    const end = await Promise.race([Promise.all([connections, session]), deadline]);
    cancel();
    if (end !== 'deadline') return;
    this.#log.warn('calls were still in flight at the end of the drain time', { deadlineMs });
    this.#gate.failAll(stopped);
    // The answers leave the process with this turn's writes.
    await new Promise((resolve) => setImmediate(resolve));
    this.forceClose();
  }
}

const stopping: CallFailure = {
  code: 'UNAVAILABLE',
  outcome: 'notCommitted',
  message: 'this node is stopping; use another one',
};

const stopped: CallFailure = {
  code: 'UNAVAILABLE',
  outcome: 'unknown',
  message: 'this node stopped before the answer was there',
};

/** The receive limit is the largest any setting allows: the settings may not be known yet. */
function serverOptions(limits: ApiLimits): ServerOptions {
  return {
    'grpc.max_receive_message_length': deriveLimits(VALUE_BYTES_MAX_LIMIT).messageBytesMax,
    'grpc.max_concurrent_streams': limits.callsPerConnectionMax,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.max_connection_idle_ms': limits.connectionIdleMs,
    // Costs memory per connection that was seen to leak, and nobody here reads it.
    'grpc.enable_channelz': 0,
  };
}

/** The session of this node, for calls that have none of their own (R30). */
function nodeCore(calls: Calls, limits: ApiLimits, load: SharedLoad): Core {
  const connector = localConnector({
    calls,
    principal: 'anonymous',
    limits,
    load,
    scheduler: nodeScheduler,
  });
  const ports = { clock: nodeClock, scheduler: nodeScheduler, random: nodeRandom, connector };
  return createCore(ports, {
    ...coreDefaults,
    endpoints: ['this node'],
    clientName: 'unary calls',
    linksMax: 1,
    // The host answers every batch by its deadline: this link is never silently dead.
    silenceMs: limits.batchDeadlineMsMax * 2,
    silenceMaxMs: limits.batchDeadlineMsMax * 2,
  });
}

interface Timeout {
  readonly promise: Promise<'deadline'>;
  cancel(): void;
}

function timeout(ms: number): Timeout {
  let cancel = (): void => undefined;
  const promise = new Promise<'deadline'>((resolve) => {
    const timer = setTimeout(() => resolve('deadline'), ms);
    cancel = () => clearTimeout(timer);
  });
  return { promise, cancel };
}
