/**
 * Spans of calls, with the API package of OpenTelemetry only: without a tracer provider nothing is
 * made, and what is not sampled never leaves the process.
 */
import { formatTraceparent, parseTraceparent } from '@cashe/codec';
import {
  type Attributes,
  ProxyTracerProvider,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import type { CallTrace, CasheError } from './core/index.js';

const noProvider: TracerProvider = new ProxyTracerProvider().getDelegate();

/** The span of a call, a child of the active one; undefined when nobody would see it. */
export function startCallSpan(verb: string, opCount: number): CallSpan | undefined {
  const provider = trace.getTracerProvider();
  if (provider instanceof ProxyTracerProvider && provider.getDelegate() === noProvider) {
    return undefined;
  }
  const attributes: Attributes = { 'cashe.ops': opCount };
  // Asked for each time: a tracer that was kept would outlive its provider.
  const tracer = provider.getTracer('@cashe/client');
  const span = tracer.startSpan(`cashe.${verb}`, { kind: SpanKind.CLIENT, attributes });
  const { traceId, spanId, traceFlags } = span.spanContext();
  const sampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
  if (sampled) return new CallSpan(span, formatTraceparent({ traceId, spanId, sampled }));
  span.end();
  return undefined;
}

/** A sampled call. */
export class CallSpan implements CallTrace {
  readonly traceparent: string;
  readonly #span: Span;

  constructor(span: Span, traceparent: string) {
    this.#span = span;
    this.traceparent = traceparent;
  }

  joined(traceparent: string): void {
    const other = parseTraceparent(traceparent);
    if (other === undefined) return;
    const { traceId, spanId } = other;
    this.#span.addLink({ context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED } });
  }

  ended(error: CasheError | undefined): void {
    this.#span.setAttribute('cashe.code', error?.code ?? 'OK');
    if (error !== undefined) {
      this.#span.setAttribute('cashe.outcome', error.outcome);
      // The message may name a key.
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}
