/** A node's REST surface: its doors to the rest of the node, and its port. */
import { type ApiServer, type Authenticator, CallError, nodeClock, runOps } from '../api/index.js';
import { formatAddress } from '../config/address.js';
import { bindPlan, thisMachine } from '../config/listen.js';
import type { HttpOptions, ListenAddress } from '../config/options.js';
import type { Calls, Logger } from '../host/index.js';
import { addHealthRoutes } from '../metrics/routes.js';
import { principalOfSocket } from '../net/peer-identity.js';
import type { HttpTls } from '../rest/http-port.js';
import {
  createRestServer,
  defaultHttpLimits,
  defaultRestLimits,
  RestError,
  type RestPorts,
} from '../rest/index.js';
import type { Observation } from './observation.js';

export interface RestPort {
  /** HOST:PORT that was bound first. */
  readonly address: string;
  connectionCount(): number;
  /** No new calls; those in flight go on. */
  stopAccepting(): void;
  /** Once the calls in flight are over: their answers leave, then connections end. */
  close(): Promise<void>;
}

interface RestWiring {
  readonly http: HttpOptions;
  readonly listen: ListenAddress;
  /** TLS or --insecure is on: an empty host is every interface. */
  readonly open: boolean;
  readonly tls: HttpTls | undefined;
  readonly calls: Calls;
  readonly log: Logger;
  readonly api: ApiServer;
  readonly authenticator: Authenticator;
  readonly version: string;
  readonly observation: Observation;
  readonly addByAddress: RestPorts['addByAddress'];
}

export async function openRestPort(wiring: RestWiring): Promise<RestPort> {
  const { http, listen, open, tls, log, observation } = wiring;
  const { metrics } = observation;
  const port = await createRestServer({
    ports: portsOf(wiring),
    httpLimits: defaultHttpLimits,
    limits: { ...wiring.api.limits, ...defaultRestLimits },
    tls,
    compat: http.compat,
    // Health and metrics are here unless they have a port of their own.
    register: (app) => {
      if (metrics !== undefined && http.metrics === undefined) addHealthRoutes(app, metrics);
    },
  });
  const plan = bindPlan(listen, open, thisMachine());
  try {
    const bound = await port.bind(plan.addresses);
    const address = formatAddress(plan.addresses[0]?.host ?? '', bound);
    const { compat } = http;
    log.info('REST listening', { address, scope: plan.reason, tls: tls !== undefined, compat });
    return {
      address,
      connectionCount: () => port.connectionCount,
      stopAccepting: () => port.stopAccepting(),
      close: () => port.close(),
    };
  } catch (error) {
    await port.close();
    throw error;
  }
}

function portsOf(wiring: RestWiring): RestPorts {
  const { calls, log, api, authenticator, version, observation, addByAddress } = wiring;
  const { reporters, tracing } = observation;
  const certificateOf = certificates();
  return {
    calls,
    log,
    version,
    reporters,
    tracing,
    authenticate: ({ socket, authorization, from }) => {
      const certificate = certificateOf(socket);
      const found = authenticator.authenticate({ certificate, authorization, from });
      return found.ok ? found.principal : found.failure;
    },
    run: (ops, { principal, remainingMs, isStale, trace, onCancelled }) => {
      const deadlineMs = nodeClock.nowMs() + remainingMs;
      const core = translated(() => api.ownSessions.core(principal));
      return runOps(core, ops, { deadlineMs, isStale, trace, onCancelled });
    },
    admit: (end) => api.admit(end),
    addByAddress,
  };
}

/** Reading a certificate is slow and a connection has one for life: it is looked at once. */
function certificates(): (socket: object) => string | undefined {
  const known = new WeakMap<object, { readonly principal: string | undefined }>();
  return (socket) => {
    const before = known.get(socket);
    if (before !== undefined) return before.principal;
    const principal = principalOfSocket(socket);
    known.set(socket, { principal });
    return principal;
  };
}

/** The gRPC surface and this one have errors of their own; what they tell is the same. */
function translated<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof CallError ? new RestError(error.failure) : error;
  }
}
