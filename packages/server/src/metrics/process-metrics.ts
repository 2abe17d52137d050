/**
 * The process, under the names every Prometheus client uses, and what stops its loop (R34). Own
 * collectors instead of prom-client's defaults: those can never be switched off again, and a
 * process may start and stop many nodes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import {
  constants,
  type IntervalHistogram,
  monitorEventLoopDelay,
  PerformanceObserver,
} from 'node:perf_hooks';
import type { Counter, Gauge } from 'prom-client';
import { countAll, type Instruments, type Sample, setAll } from './instruments.js';

/** The loop's delay is sampled this often. */
const loopResolutionMs = 20;
/** Quantiles are those of the last one to two windows, however often somebody scrapes. */
const loopWindowMs = 30_000;
const gcBuckets: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

const gcKinds: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak'],
]);

export class ProcessMetrics {
  readonly #loop: LoopDelay;
  readonly #gc: PerformanceObserver;
  readonly #loopDelay: Gauge;
  readonly #cpu: Counter;
  readonly #gauges: readonly (readonly [Gauge, () => number | undefined])[];

  constructor(instruments: Instruments) {
    const pauses = instruments.histogram('cashe_gc_pause_seconds', 'Garbage collections', {
      names: ['kind'],
      buckets: gcBuckets,
    });
    this.#gc = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        pauses.observe({ kind: gcKind(entry) }, entry.duration / 1000);
      }
    });
    this.#gc.observe({ entryTypes: ['gc'] });
    this.#loop = new LoopDelay();
    this.#loopDelay = instruments.gauge(
      'cashe_loop_delay_seconds',
      'How late the event loop was over the last 30 to 60 s: median, 99th percentile, maximum',
      ['stat'],
    );
    this.#cpu = instruments.counter(
      'process_cpu_seconds_total',
      'User and system CPU time of the process',
    );
    this.#gauges = processGauges(instruments);
  }

  refresh(): void {
    setAll(this.#loopDelay, this.#loop.current());
    const { user, system } = process.cpuUsage();
    countAll(this.#cpu, [{ value: (user + system) / 1e6 }]);
    for (const [gauge, read] of this.#gauges) {
      const value = read();
      if (value === undefined) gauge.remove();
      else gauge.set(value);
    }
  }

  close(): void {
    this.#gc.disconnect();
    this.#loop.close();
  }
}

function gcKind(entry: object): string {
  const detail: unknown = 'detail' in entry ? entry.detail : undefined;
  if (typeof detail !== 'object' || detail === null || !('kind' in detail)) return 'other';
  return (typeof detail.kind === 'number' && gcKinds.get(detail.kind)) || 'other';
}

/** Seconds that the loop was late. */
type Delays = ReadonlyMap<string, number>;

/** The worse of the window that runs and the one before it, whoever scrapes when. */
class LoopDelay {
  readonly #monitor: IntervalHistogram = monitorEventLoopDelay({ resolution: loopResolutionMs });
  readonly #timer: NodeJS.Timeout;
  #before: Delays = new Map();

  constructor() {
    this.#monitor.enable();
    this.#timer = setInterval(() => {
      this.#before = this.#now();
      this.#monitor.reset();
    }, loopWindowMs);
    this.#timer.unref();
  }

  current(): Sample[] {
    const now = this.#now();
    return [...now].map(([stat, value]) => ({
      labels: { stat },
      value: Math.max(value, this.#before.get(stat) ?? 0),
    }));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#monitor.disable();
  }

  #now(): Delays {
    if (this.#monitor.count === 0)
      return new Map([
        ['p50', 0],
        ['p99', 0],
        ['max', 0],
      ]);
    return new Map([
      ['p50', lateSeconds(this.#monitor.percentile(50))],
      ['p99', lateSeconds(this.#monitor.percentile(99))],
      ['max', lateSeconds(this.#monitor.max)],
    ]);
  }
}

/** The monitor counts its own resolution as part of the delay. */
function lateSeconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - loopResolutionMs / 1000);
}

type Reading = readonly [name: string, help: string, read: () => number | undefined];

function processGauges(instruments: Instruments): (readonly [Gauge, () => number | undefined])[] {
  const started = Math.round(Date.now() / 1000 - process.uptime());
  const filesMax = openFilesMax();
  const readings: readonly Reading[] = [
    ['process_start_time_seconds', 'Start of the process, Unix time', () => started],
    [
      'process_resident_memory_bytes',
      'Resident memory of the process',
      () => process.memoryUsage.rss(),
    ],
    ['process_open_fds', 'Open file descriptors', openFiles],
    ['process_max_fds', 'Most file descriptors that may be open', () => filesMax],
    ['nodejs_heap_size_used_bytes', 'Used V8 heap', () => process.memoryUsage().heapUsed],
    ['nodejs_heap_size_total_bytes', 'Committed V8 heap', () => process.memoryUsage().heapTotal],
    [
      'nodejs_external_memory_bytes',
      'Memory outside the heap',
      () => process.memoryUsage().external,
    ],
  ];
  return readings.map(([name, help, read]) => [instruments.gauge(name, help), read]);
}

/** Only where there is a /proc; elsewhere the series is absent. */
function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}

function openFilesMax(): number | undefined {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const max = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return max === undefined ? undefined : Number(max);
  } catch {
    return undefined;
  }
}
