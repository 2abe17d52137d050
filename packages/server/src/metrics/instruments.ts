/** Makes metrics in one registry: never the global one, since several nodes may share a process. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

interface HistogramShape {
  readonly names?: readonly string[];
  readonly buckets: readonly number[];
}

/** From 100 µs to 30 s: what calls, syncs and snapshots take. */
export const secondsBuckets: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30,
];
/** Powers of two up to the most ops a batch may have. */
export const countBuckets: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
/** Powers of four from one block boundary up to the largest block. */
export const bytesBuckets: readonly number[] = [
  4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304,
];

/** What there is to know of a metric before it has a value. */
export interface MetricDescription {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly labels: readonly string[];
}

export class Instruments {
  readonly #registers: Registry[];
  readonly #made: MetricDescription[] = [];

  constructor(registry: Registry) {
    this.#registers = [registry];
  }

  /** Everything that was made. */
  get all(): readonly MetricDescription[] {
    return this.#made;
  }

  gauge(name: string, help: string, labels: readonly string[] = []): Gauge {
    this.#made.push({ name, type: 'gauge', labels });
    return new Gauge({ name, help, labelNames: [...labels], registers: this.#registers });
  }

  counter(name: string, help: string, labels: readonly string[] = []): Counter {
    this.#made.push({ name, type: 'counter', labels });
    return new Counter({ name, help, labelNames: [...labels], registers: this.#registers });
  }

  histogram(name: string, help: string, { names = [], buckets }: HistogramShape): Histogram {
    this.#made.push({ name, type: 'histogram', labels: names });
    const labelNames = [...names];
    const registers = this.#registers;
    return new Histogram({ name, help, labelNames, buckets: [...buckets], registers });
  }
}

type Labels = Readonly<Record<string, string>>;

/** One value of a metric whose truth is kept elsewhere and copied at every scrape. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** Replaces all values of a gauge, so that what is gone is not reported any more. */
export function setAll(gauge: Gauge, samples: readonly Sample[]): void {
  gauge.reset();
  for (const { labels = {}, value } of samples) gauge.set(labels, value);
}

/** The same for a counter that is counted elsewhere. */
export function countAll(counter: Counter, samples: readonly Sample[]): void {
  counter.reset();
  for (const { labels, value } of samples) {
    if (labels === undefined) counter.inc(value);
    else counter.inc(labels, value);
  }
}
