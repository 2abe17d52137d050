/** What is measured and traced of a node: made first, and given to every part that reports. */
import { packageVersion } from '../api/index.js';
import type { HttpOptions } from '../config/options.js';
import type { Cluster, ClusterPorts, NodeCalls } from '../host/index.js';
import type { HostObserver } from '../host/observer.js';
import type { HostTracer } from '../host/tracer.js';
import { Metrics } from '../metrics/metrics.js';
import type { Reporters } from '../metrics/reporters.js';
import type { NodeSources } from '../metrics/sources.js';
import type { PeerHandler, PeerTransport } from '../rpc/index.js';
import { tracedForwarded, tracedTransport } from '../tracing/forward-spans.js';
import { hostTracer } from '../tracing/host-spans.js';
import { AppendSpans, ReplicatedTraces } from '../tracing/replication-spans.js';
import { Tracing } from '../tracing/tracing.js';

interface ObservedParts extends Pick<ClusterPorts, 'transport'> {
  readonly tracer: HostTracer;
  readonly observer?: HostObserver;
}

export class Observation {
  /** undefined: no port serves them, and nothing is measured. */
  readonly metrics: Metrics | undefined;
  readonly tracing: Tracing;
  readonly #replicated = new ReplicatedTraces();
  readonly #appends: AppendSpans;

  constructor(nodeId: string, http: HttpOptions, sources: NodeSources) {
    const version = packageVersion();
    const isServed = http.rest !== undefined || http.metrics !== undefined;
    const build = { version, nodeVersion: process.version };
    this.metrics = isServed ? new Metrics(sources, build) : undefined;
    this.tracing = new Tracing(nodeId, version);
    this.#appends = new AppendSpans(this.tracing);
  }

  get reporters(): Reporters | undefined {
    return this.metrics?.reporters;
  }

  /** For the cluster: what leaves for other nodes, and what the host does, is seen. */
  clusterPorts(transport: PeerTransport): ObservedParts {
    const observer = this.metrics?.host;
    return {
      transport: tracedTransport(transport, {
        tracing: this.tracing,
        replicated: this.#replicated,
        appends: this.#appends,
      }),
      tracer: hostTracer(this.tracing, this.#replicated),
      ...(observer && { observer }),
    };
  }

  /** Hands the host what peers send. */
  received(host: Cluster['host']): PeerHandler['onMessage'] {
    return (group, message) => {
      this.#appends.received(group, message);
      host.receive(group, message);
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
