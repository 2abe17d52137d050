// Goal: a trace context is passed on only as W3C Trace Context says, bounded, and beside the ops.
import {
  decodeSessionRequest,
  encodeSessionRequest,
  formatTraceparent,
  parseTraceparent,
  TRACEPARENT_BYTES,
  type WriteBatch,
} from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const valid = `00-${traceId}-${spanId}-01`;
const batch: WriteBatch = {
  kind: 'write',
  transmission: 1,
  group: 0,
  session: 7,
  sequence: 3,
  firstOutstanding: 2,
  remainingMs: 5000,
  ops: new Uint8Array([1, 2, 3]),
};

describe('parseTraceparent', () => {
  it('reads what formatTraceparent writes', () => {
    expect(valid).toHaveLength(TRACEPARENT_BYTES);
    expect(parseTraceparent(valid)).toEqual({ traceId, spanId, sampled: true });
    const unsampled = { traceId, spanId, sampled: false };
    expect(parseTraceparent(formatTraceparent(unsampled))).toEqual(unsampled);
  });

  it('knows that only the lowest flag says sampled', () => {
    expect(parseTraceparent(`00-${traceId}-${spanId}-03`)?.sampled).toBe(true);
    expect(parseTraceparent(`00-${traceId}-${spanId}-02`)?.sampled).toBe(false);
  });

  it.each([
    '',
    valid.toUpperCase(),
    `01-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId}-${spanId}-0g`,
    `${valid}-`,
    valid.replace(/-/g, '_'),
  ])('ignores %j', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });
});

describe('the trace context of a batch', () => {
  it('travels beside the ops, and costs nothing when there is none', () => {
    const bytes = encodeSessionRequest({ ...batch, traceparent: valid });
    expect(decodeSessionRequest(bytes)).toEqual({ ...batch, traceparent: valid });
    const bare = encodeSessionRequest(batch);
    expect(bytes.length - bare.length).toBe(2 + TRACEPARENT_BYTES);
    expect(decodeSessionRequest(bare)).toEqual(batch);
  });

  it('is refused when it is longer than any can be', () => {
    const bytes = encodeSessionRequest({ ...batch, traceparent: `${valid}0` });
    expect(() => decodeSessionRequest(bytes)).toThrow('traceparent is too long');
  });
});
