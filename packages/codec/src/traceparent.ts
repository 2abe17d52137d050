/** W3C Trace Context, version 00: `00-<32 hex trace id>-<16 hex span id>-<2 hex flags>`. */

/** Characters, and since all are ASCII bytes, of every valid one. */
export const TRACEPARENT_BYTES = 55;

export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const noTrace = '0'.repeat(32);
const noSpan = '0'.repeat(16);

/** Undefined when it is not one of version 00: what cannot be read is ignored (section 3.2). */
export function parseTraceparent(text: string): TraceContext | undefined {
  if (text.length !== TRACEPARENT_BYTES) return undefined;
  const [, traceId = noTrace, spanId = noSpan, flags = '00'] = pattern.exec(text) ?? [];
  if (traceId === noTrace || spanId === noSpan) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
