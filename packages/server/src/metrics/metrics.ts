/** All metrics of one node, in a registry of its own: several nodes may share a process. */
import { Registry } from 'prom-client';
import type { HostObserver } from '../host/observer.js';
import { CallMetrics } from './call-metrics.js';
import { Exposition } from './exposition.js';
import { GroupMetrics } from './group-metrics.js';
import { type Check, livenessChecks, readinessChecks } from './health.js';
import { HostMetrics } from './host-metrics.js';
import { Instruments, type MetricDescription } from './instruments.js';
import { type BuildInfo, NodeMetrics } from './node-metrics.js';
import { ProcessMetrics } from './process-metrics.js';
import type { Reporters } from './reporters.js';
import type { NodeSources } from './sources.js';

export class Metrics {
  /** What the public surfaces report to. */
  readonly reporters: Reporters;
  /** What the host reports to. */
  readonly host: HostObserver;
  readonly #instruments: Instruments;
  readonly #sources: NodeSources;
  readonly #groups: GroupMetrics;
  readonly #node: NodeMetrics;
  readonly #process: ProcessMetrics;
  readonly #exposition: Exposition;

  constructor(sources: NodeSources, build: BuildInfo) {
    const registry = new Registry();
    const instruments = new Instruments(registry);
    const calls = new CallMetrics(instruments);
    this.#instruments = instruments;
    this.#sources = sources;
    this.reporters = calls;
    this.host = new HostMetrics(instruments, calls);
    this.#groups = new GroupMetrics(instruments);
    this.#node = new NodeMetrics(instruments, build);
    this.#process = new ProcessMetrics(instruments);
    this.#exposition = new Exposition(
      registry,
      () => this.#refresh(),
      () => performance.now(),
    );
  }

  /** Every metric there is, also before it has a value. */
  get descriptions(): readonly MetricDescription[] {
    return this.#instruments.all;
  }

  /** The text format of Prometheus. */
  text(): Promise<string> {
    return this.#exposition.text();
  }

  liveness(): readonly Check[] {
    return livenessChecks(this.#sources);
  }

  readiness(): readonly Check[] {
    return readinessChecks(this.#sources, Date.now());
  }

  /** Ends what watches the process. */
  close(): void {
    this.#process.close();
  }

  #refresh(): void {
    this.#groups.refresh(this.#sources.view(), this.#sources.condition());
    this.#node.refresh(this.#sources, this.readiness());
    this.#process.refresh();
  }
}
