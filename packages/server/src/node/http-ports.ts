/** The HTTP ports of a node: REST, and health and metrics where they have a port of their own. */
import { type ApiServer, type Authenticator, packageVersion } from '../api/index.js';
import type { NodeOptions } from '../config/options.js';
import type { Calls, Logger } from '../host/index.js';
import type { TlsMaterial } from '../net/tls-material.js';
import type { PeerTransport } from '../rpc/index.js';
import { addByAddress } from './adding.js';
import { type MetricsPort, openMetricsPort } from './metrics-wiring.js';
import type { Observation } from './observation.js';
import { realClock, realScheduler } from './real-ports.js';
import { openRestPort, type RestPort } from './rest-wiring.js';

interface HttpPortsOptions {
  readonly options: Pick<NodeOptions, 'http' | 'insecure' | 'peerRoutes'>;
  readonly log: Logger;
  readonly calls: Calls;
  readonly api: ApiServer;
  readonly authenticator: Authenticator;
  readonly transport: Pick<PeerTransport, 'introduce' | 'admitAt'>;
  readonly observation: Observation;
  /** undefined: no TLS. */
  readonly material: TlsMaterial | undefined;
  /** Encoded GenesisRecord; undefined until the node belongs to a cluster. */
  readonly genesisRecord: () => Uint8Array | undefined;
  /** The node is being stopped. */
  readonly signal: AbortSignal;
}

export class HttpPorts {
  readonly #rest: RestPort | undefined;
  readonly #metrics: MetricsPort | undefined;

  private constructor(rest: RestPort | undefined, metrics: MetricsPort | undefined) {
    this.#rest = rest;
    this.#metrics = metrics;
  }

  /** Binds what the options ask for; when one cannot be bound, none is. */
  static async open(options: HttpPortsOptions): Promise<HttpPorts> {
    const metrics = await openMetrics(options);
    try {
      return new HttpPorts(await openRest(options), metrics);
    } catch (error) {
      await metrics?.close();
      throw error;
    }
  }

  get restAddress(): string | undefined {
    return this.#rest?.address;
  }

  get metricsAddress(): string | undefined {
    return this.#metrics?.address;
  }

  /** Of the ports there are. */
  connections(): readonly { readonly port: string; readonly count: number }[] {
    const ports = [
      { port: 'rest', count: this.#rest?.connectionCount() },
      { port: 'metrics', count: this.#metrics?.connectionCount() },
    ];
    return ports.flatMap(({ port, count }) => (count === undefined ? [] : [{ port, count }]));
  }

  /** REST takes no new calls; health goes on telling that the node drains. */
  stopAccepting(): void {
    this.#rest?.stopAccepting();
  }

  /** Once no call is in flight any more. */
  async close(): Promise<void> {
    await Promise.all([this.#rest?.close(), this.#metrics?.close()]);
  }
}

async function openMetrics(ports: HttpPortsOptions): Promise<MetricsPort | undefined> {
  const { options, log, material } = ports;
  const { metrics } = ports.observation;
  const listen = options.http.metrics;
  if (listen === undefined || metrics === undefined) return undefined;
  const open = options.insecure || material !== undefined;
  return await openMetricsPort({ listen, open, log, metrics, material });
}

async function openRest(ports: HttpPortsOptions): Promise<RestPort | undefined> {
  const { options, material, transport, genesisRecord, signal } = ports;
  const { http, insecure, peerRoutes } = options;
  const { log, calls, api, authenticator, observation } = ports;
  if (http.rest === undefined) return undefined;
  const adding = {
    calls,
    genesisRecord,
    signal,
    scheduler: realScheduler,
    random: Math.random,
    nowMs: () => realClock.nowMs(),
    introduce: transport.introduce.bind(transport),
    admit: transport.admitAt.bind(transport),
  };
  return await openRestPort({
    ...{ http, log, calls, api, authenticator, observation },
    listen: http.rest,
    open: insecure || material !== undefined,
    tls: material && { material, clientAuth: http.clientAuth },
    version: packageVersion(),
    addByAddress: ({ nodeId, raftAddress }, principal, remainingMs) => {
      const address = peerRoutes.get(nodeId) ?? raftAddress;
      return addByAddress(adding, { nodeId, raftAddress: address }, principal, remainingMs);
    },
  });
}
