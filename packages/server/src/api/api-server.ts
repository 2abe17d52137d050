/** The client port of a node: KV, Cluster, health and reflection over gRPC. */
import { deriveLimits, VALUE_BYTES_MAX_LIMIT } from '@cashe/codec';
import { ClusterService as clusterDefinition, HealthService } from '@cashe/proto';
import { Server, type ServerOptions } from '@grpc/grpc-js';
import type { Calls } from '../host/calls.js';
import type { Logger } from '../host/ports.js';
import type { Reporters } from '../metrics/reporters.js';
import { type BindAddress, type Listener, listen } from '../net/listener.js';
import { quietly } from '../net/quietly.js';
import { RejectionLog } from '../net/rejections.js';
import type { PortTls } from '../net/tls-acceptor.js';
import { TrafficGuard, type TrafficRefusal } from '../net/traffic-guard.js';
import type { Tracing } from '../tracing/tracing.js';
import type { Authenticator } from './authenticate.js';
import { ClusterService } from './cluster-service.js';
import type { CallFailure } from './failure.js';
import { Health } from './health.js';
import { KvService } from './kv-service.js';
import { type ApiLimits, defaultApiLimits } from './limits.js';
import { type LogLevelControl, NodeConfiguration, noLogLevel } from './node-configuration.js';
import { nodeClock, nodeScheduler } from './node-ports.js';
import { createOwnSessions, type OwnSessions } from './own-sessions.js';
import { callPrincipals } from './principal.js';
import { addReflection, reflectionPaths } from './reflection.js';
import { SessionService, sessionMethod } from './session-service.js';
import type { SharedLoad } from './session-stream.js';
import { StreamGuard } from './stream-guard.js';
import { UnaryGate } from './unary-gate.js';
import { packageVersion } from './version.js';

interface ApiServerOptions {
  readonly calls: Calls;
  readonly log: Logger;
  /** Version of the software, for Status; that of this package if not given. */
  readonly version?: string;
  /** Without it the port speaks plain text. */
  readonly tls?: PortTls | undefined;
  readonly authenticator: Authenticator;
  readonly limits?: Partial<ApiLimits>;
  /** Without it the level cannot be changed by ConfigureNode. */
  readonly logLevel?: LogLevelControl;
  readonly reporters?: Reporters | undefined;
  readonly tracing?: Tracing | undefined;
}

/** What the client port carries now. */
interface ApiLoad {
  readonly connections: number;
  readonly unaryCalls: number;
  /** Bytes of ops in flight over all streams. */
  readonly opsBytes: number;
  readonly streams: readonly { readonly kind: string; readonly count: number }[];
}

export interface ApiServer {
  /**
   * Where calls without a session run, for the other surfaces of this node too; closed by `drain`
   * and `forceClose`, so those surfaces end theirs before.
   */
  readonly ownSessions: OwnSessions;
  /** The bounds of calls without a session, which those of the other surfaces share. */
  readonly limits: ApiLimits;
  /**
   * Counts a call of another surface among the unary ones, also for `drain`; undefined: there are
   * too many. Returns how to count it out; `end` asks for its answer at once.
   */
  admit(end: (failure: CallFailure) => void): (() => void) | undefined;
  /**
   * Listens on all addresses, with one port; returns it. Rejects with AddressInUseError or
   * BindError, and then listens nowhere. Call it once.
   */
  bind(addresses: readonly BindAddress[]): Promise<number>;
  load(): ApiLoad;
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
  readonly ownSessions: OwnSessions;
  readonly limits: ApiLimits;
  readonly #log: Logger;
  readonly #tls: PortTls | undefined;
  readonly #server: Server;
  readonly #gate: UnaryGate;
  readonly #sessions: SessionService;
  readonly #health: Health;
  readonly #guards: readonly StreamGuard[];
  readonly #unsubscribe: () => void;
  readonly #load: SharedLoad = { bytes: 0 };
  readonly #reporters: Reporters | undefined;
  #listener: Listener | undefined;
  #drained: Promise<void> | undefined;

  constructor(options: ApiServerOptions) {
    const { calls, log, version = packageVersion(), authenticator } = options;
    this.#log = log;
    const configuration = new NodeConfiguration(
      { ...defaultApiLimits, ...options.limits },
      options.logLevel ?? noLogLevel,
    );
    this.limits = configuration.limits;
    this.#tls = options.tls;
    const limits = this.limits;
    const load = this.#load;
    const principalOf = callPrincipals(authenticator);
    const { reporters, tracing } = options;
    this.#reporters = reporters;
    this.#server = new Server(serverOptions(limits));
    const reporting = { reporter: reporters?.calls('unary'), refusals: reporters, tracing };
    const callsMax = (): number => limits.unaryCallsMax;
    this.#gate = new UnaryGate({ callsMax, principalOf, log, ...reporting });
    const scheduler = nodeScheduler;
    this.#sessions = new SessionService({
      ...{ calls, limits, load, scheduler, principalOf, reporters, tracing },
    });
    this.ownSessions = createOwnSessions({ calls, limits, load, refusals: reporters });
    const kv = new KvService({
      limits,
      gate: this.#gate,
      sessions: this.#sessions,
      ownSessions: this.ownSessions,
      clock: nodeClock,
    });
    this.#health = new Health(calls);
    const guard = (name: string): StreamGuard =>
      new StreamGuard(name, () => limits.watchStreamsMax, reporters);
    const [topology, health, reflection] = [
      guard('topology'),
      guard('health'),
      guard('reflection'),
    ];
    this.#guards = [topology, health, reflection];
    kv.addToServer(this.#server);
    const cluster = { calls, limits, gate: this.#gate, watches: topology, configuration, version };
    new ClusterService({ ...cluster, principalOf, authenticator }).addToServer(this.#server);
    this.#health.addToServer(this.#server, health);
    addReflection(this.#server, reflection);
    // A changed policy is told as a changed topology is.
    this.#unsubscribe = calls.onTopology(() => this.#sessions.endRevoked(authenticator));
  }

  async bind(addresses: readonly BindAddress[]): Promise<number> {
    const { limits } = this;
    const { connectionsMax, windowBytes } = limits;
    const rejections = new RejectionLog(this.#log, 'client', this.#reporters);
    this.#listener = await listen({
      server: this.#server,
      tls: this.#tls,
      limits,
      addresses,
      windowBytes,
      onRejected: (rejection) => rejections.note(rejection),
      onAged: (connection) => this.#retire(connection),
      onRefused: (address) => {
        this.#reporters?.refused('connections');
        this.#log.warn('a connection was refused', { address, connectionsMax });
      },
    });
    this.#guardTraffic();
    if (!this.#listener.hasLargeWindow) {
      this.#log.warn('the HTTP/2 receive window could not be raised: uploads will be slow');
    }
    return this.#listener.port;
  }

  #retire(connection: object): void {
    this.#sessions.retire(connection);
    for (const guard of this.#guards) guard.endOn(connection, aged);
  }

  #guardTraffic(): void {
    const tell = quietly((reason: TrafficRefusal) => {
      this.#log.warn('a stream was ended', { reason });
    });
    const guard = new TrafficGuard({
      limits: this.limits.traffic,
      streamingPaths: new Set([sessionMethod.path, ...reflectionPaths]),
      watchPaths: [clusterDefinition.watchTopology.path, HealthService.watch.path],
      onRefused: (reason) => {
        this.#reporters?.refused(reason);
        tell(reason);
      },
    });
    if (!guard.watch(this.#server)) {
      this.#log.warn(
        'what clients may make this node hold is not bounded: grpc-js is not as known',
      );
    }
  }

  load(): ApiLoad {
    const guarded = this.#guards.map(({ name, count }) => ({ kind: name, count }));
    return {
      connections: this.#listener?.connectionCount ?? 0,
      unaryCalls: this.#gate.openCount,
      opsBytes: this.#load.bytes,
      streams: [{ kind: 'session', count: this.#sessions.count }, ...guarded],
    };
  }

  announceStop(): void {
    this.#health.stop();
  }

  admit(end: (failure: CallFailure) => void): (() => void) | undefined {
    return this.#gate.admit(end);
  }

  drain(deadlineMs: number): Promise<void> {
    this.#drained ??= this.#drain(deadlineMs);
    return this.#drained;
  }

  forceClose(): void {
    this.#health.stop();
    this.#unsubscribe();
    this.#listener?.close();
    this.#server.forceShutdown();
    this.#listener?.destroy();
    // What the node's own sessions still have to say is bounded by their cores' own time limit.
    this.ownSessions
      .close()
      .catch((error: unknown) => this.#log.error('closing failed', { error }));
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
    const session = calls.then(() => this.ownSessions.close());
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

const aged: CallFailure = {
  code: 'UNAVAILABLE',
  outcome: 'notCommitted',
  message: 'this connection has reached its maximum age: connect again',
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
