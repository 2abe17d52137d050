/** The port of a node's metrics and health checks, when they have one of their own. */
import { formatAddress } from '../config/address.js';
import { bindPlan, thisMachine } from '../config/listen.js';
import type { ListenAddress } from '../config/options.js';
import type { Logger } from '../host/index.js';
import type { Metrics } from '../metrics/metrics.js';
import { addHealthRoutes } from '../metrics/routes.js';
import { HttpPort } from '../rest/http-port.js';
import { defaultHttpLimits } from '../rest/limits.js';

/** Scrapers and probes; more are refused. */
const connectionsMax = 256;

export interface MetricsPort {
  /** HOST:PORT that was bound first. */
  readonly address: string;
  connectionCount(): number;
  close(): Promise<void>;
}

interface MetricsPortOptions {
  readonly listen: ListenAddress;
  /** TLS or --insecure is on: an empty host is every interface. */
  readonly open: boolean;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly material: TlsPort;
}

type TlsPort = NonNullable<Parameters<typeof HttpPort.create>[0]['tls']>['material'] | undefined;

/** With TLS it never asks for a certificate: probes have none (R40 is about keys, not health). */
export async function openMetricsPort(options: MetricsPortOptions): Promise<MetricsPort> {
  const { listen, open, log, metrics, material } = options;
  const port = await HttpPort.create({
    log,
    limits: { ...defaultHttpLimits, connectionsMax },
    tls: material && { material, clientAuth: 'none' },
    reporters: metrics.reporters,
    register: (app) => addHealthRoutes(app, metrics),
  });
  const plan = bindPlan(listen, open, thisMachine());
  try {
    const bound = await port.bind(plan.addresses);
    const address = formatAddress(plan.addresses[0]?.host ?? '', bound);
    log.info('metrics listening', { address, scope: plan.reason, tls: material !== undefined });
    return {
      address,
      connectionCount: () => port.connectionCount,
      close: () => port.close(),
    };
  } catch (error) {
    await port.close();
    throw error;
  }
}
