/** What is measured and traced of a node: made first, and given to every part that reports. */
import { packageVersion } from '../api/index.js';
import type { HttpOptions } from '../config/options.js';
import type { ClusterPorts, NodeCalls } from '../host/index.js';
import type { HostObserver } from '../host/observer.js';
import type { HostTracer } from '../host/tracer.js';
import { Metrics } from '../metrics/metrics.js';
import type { Reporters } from '../metrics/reporters.js';
import type { NodeSources } from '../metrics/sources.js';
import type { PeerHandler, PeerTransport } from '../rpc/index.js';
import { tracedForwarded, tracedTransport } from '../tracing/forward-spans.js';
import { hostTracer } from '../tracing/host-spans.js';
import { Tracing } from '../tracing/tracing.js';

interface ObservedParts extends Pick<ClusterPorts, 'transport'> {
  readonly tracer: HostTracer;
  readonly observer?: HostObserver;
}

export class Observation {
  /** undefined: no port serves them, and nothing is measured. */
  readonly metrics: Metrics | undefined;
  readonly tracing: Tracing;

  constructor(nodeId: string, http: HttpOptions, sources: NodeSources) {
    const version = packageVersion();
    const isServed = http.rest !== undefined || http.metrics !== undefined;
    const build = { version, nodeVersion: process.version };
    this.metrics = isServed ? new Metrics(sources, build) : undefined;
    this.tracing = new Tracing(nodeId, version);
  }

  get reporters(): Reporters | undefined {
    return this.metrics?.reporters;
  }

  /** For the cluster: what leaves for other nodes, and what the host does, is seen. */
  clusterPorts(transport: PeerTransport): ObservedParts {
    const observer = this.metrics?.host;
    return {
      transport: tracedTransport(transport, this.tracing),
      tracer: hostTracer(this.tracing),
      ...(observer && { observer }),
    };
  }

  /** Serves what other nodes forward. */
  forwarded(calls: NodeCalls): PeerHandler['onForwarded'] {
    return (call, answer) =>
      tracedForwarded(this.tracing, call, answer, (traced, done) => calls.forwarded(traced, done));
  }

  close(): void {
    this.metrics?.close();
  }
}
