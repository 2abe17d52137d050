/** Calls, batches and refusals, as the surfaces report them. */
import type { Counter, Histogram } from 'prom-client';
import { countBuckets, type Instruments, secondsBuckets } from './instruments.js';
import type { CallReporter, RefusalReason, Reporters, Surface } from './reporters.js';

/** Values of one label; more than the public verbs and codes there are. */
const labelValuesMax = 64;
const other = 'other';

export class CallMetrics implements Reporters {
  readonly #durations: Histogram;
  readonly #failures: Counter;
  readonly #refused: Counter;
  readonly #batchOps: Histogram;
  readonly #bySurface: ReadonlyMap<Surface, SurfaceCalls>;

  constructor(instruments: Instruments) {
    this.#durations = instruments.histogram(
      'cashe_call_duration_seconds',
      'Time from receiving a call or batch to its answer',
      { names: ['surface', 'verb', 'outcome'], buckets: secondsBuckets },
    );
    this.#failures = instruments.counter(
      'cashe_call_failures_total',
      'Calls and batches that were not answered OK, by stable code',
      ['surface', 'verb', 'code'],
    );
    this.#refused = instruments.counter(
      'cashe_refused_total',
      'What was refused before it became a call, by reason',
      ['reason'],
    );
    this.#batchOps = instruments.histogram(
      'cashe_batch_ops',
      'Ops per batch accepted by the replica that serves it',
      { names: ['kind'], buckets: countBuckets },
    );
    const surfaces: readonly Surface[] = ['session', 'unary', 'rest'];
    this.#bySurface = new Map(
      surfaces.map((surface) => [
        surface,
        new SurfaceCalls(surface, this.#durations, this.#failures),
      ]),
    );
  }

  calls(surface: Surface): CallReporter {
    return this.#bySurface.get(surface) as SurfaceCalls;
  }

  refused(reason: RefusalReason): void {
    this.#refused.inc({ reason });
  }

  batch(kind: 'write' | 'read', opCount: number): void {
    this.#batchOps.observe({ kind }, opCount);
  }
}

/** Keeps the bound series of each verb: one look-up and one observe per call. */
class SurfaceCalls implements CallReporter {
  readonly #surface: Surface;
  readonly #durations: Histogram;
  readonly #failures: Counter;
  readonly #verbs = new Map<string, Verb>();
  readonly #codes = new Set<string>();

  constructor(surface: Surface, durations: Histogram, failures: Counter) {
    this.#surface = surface;
    this.#durations = durations;
    this.#failures = failures;
  }

  answered(verb: string, code: string, ms: number): void {
    const calls = this.#verbs.get(verb) ?? this.#addVerb(verb);
    if (code === 'OK') {
      calls.ok.observe(ms / 1000);
      return;
    }
    calls.error.observe(ms / 1000);
    this.#failures.inc({ surface: this.#surface, verb: calls.name, code: this.#boundedCode(code) });
  }

  #addVerb(verb: string): Verb {
    if (this.#verbs.size > labelValuesMax && verb !== other) {
      return this.#verbs.get(other) ?? this.#addVerb(other);
    }
    const labels = { surface: this.#surface, verb };
    const calls: Verb = {
      name: verb,
      ok: this.#durations.labels({ ...labels, outcome: 'ok' }),
      error: this.#durations.labels({ ...labels, outcome: 'error' }),
    };
    this.#verbs.set(verb, calls);
    return calls;
  }

  #boundedCode(code: string): string {
    if (this.#codes.has(code)) return code;
    if (this.#codes.size >= labelValuesMax) return other;
    this.#codes.add(code);
    return code;
  }
}

interface Verb {
  readonly name: string;
  readonly ok: { observe(seconds: number): void };
  readonly error: { observe(seconds: number): void };
}
