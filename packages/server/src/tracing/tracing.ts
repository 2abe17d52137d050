/**
 * Spans of a node, with the API package of OpenTelemetry only. A node never starts a trace: it
 * continues one that a caller sampled, when a tracer provider is registered in this process.
 */
import { formatTraceparent, parseTraceparent } from '@cashe/codec';
import {
  type Attributes,
  type Context,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';

const noProvider: TracerProvider = new ProxyTracerProvider().getDelegate();

/** The attribute that is one of few values: which node this is. */
const nodeAttribute = 'cashe.node';

export class Tracing {
  readonly #nodeId: string;
  readonly #version: string;

  constructor(nodeId: string, version: string) {
    this.#nodeId = nodeId;
    this.#version = version;
  }

  /** A call that came in; undefined: not sampled, or nobody would see it. */
  received(name: string, traceparent: unknown, attributes: Attributes): NodeSpan | undefined {
    return this.#start(name, SpanKind.SERVER, traceparent, attributes);
  }

  /** A call that is sent to another node. */
  sent(name: string, traceparent: unknown, attributes: Attributes): NodeSpan | undefined {
    return this.#start(name, SpanKind.CLIENT, traceparent, attributes);
  }

  /** What this node does itself. */
  done(name: string, traceparent: unknown, attributes: Attributes): NodeSpan | undefined {
    return this.#start(name, SpanKind.INTERNAL, traceparent, attributes);
  }

  #start(
    name: string,
    kind: SpanKind,
    traceparent: unknown,
    attributes: Attributes,
  ): NodeSpan | undefined {
    if (typeof traceparent !== 'string') return undefined;
    const provider = trace.getTracerProvider();
    if (isNothing(provider)) return undefined;
    const parent = contextOf(traceparent);
    if (parent === undefined) return undefined;
    const named = { ...attributes, [nodeAttribute]: this.#nodeId };
    // Asked for each time: a tracer that was kept would outlive its provider.
    const tracer = provider.getTracer('@cashe/server', this.#version);
    const span = tracer.startSpan(`cashe.${name}`, { kind, attributes: named }, parent);
    if (isSampled(span)) return new NodeSpan(span);
    span.end();
    return undefined;
  }
}

/** A sampled span; it is ended exactly once. */
export class NodeSpan {
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
  }

  /** What a child of it is started with, here or on another node. */
  get traceparent(): string {
    const { traceId, spanId } = this.#span.spanContext();
    return formatTraceparent({ traceId, spanId, sampled: true });
  }

  /** Calls in one batch with a call of another trace: each is told of the other. */
  joined(traceparent: string): void {
    const other = parseTraceparent(traceparent);
    if (other === undefined) return;
    const { traceId, spanId } = other;
    this.#span.addLink({ context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED } });
  }

  event(name: string, attributes: Attributes): void {
    this.#span.addEvent(name, attributes);
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  /** `code` is the stable code; whatever is not OK is an error. */
  end(code = 'OK'): void {
    if (code !== 'OK') {
      this.#span.setAttribute('cashe.code', code);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}

/** Without a registered provider the API answers with one that does nothing. */
function isNothing(provider: TracerProvider): boolean {
  return provider instanceof ProxyTracerProvider && provider.getDelegate() === noProvider;
}

function isSampled(span: Span): boolean {
  return (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
}

function contextOf(traceparent: string): Context | undefined {
  const parent = parseTraceparent(traceparent);
  if (parent?.sampled !== true) return undefined;
  const { traceId, spanId } = parent;
  const traceFlags = TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
