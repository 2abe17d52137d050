/**
 * Ends one stream of a grpc-js server at once, dropping what was written to it and not yet taken.
 * The public ways to end a stream wait for that, which for a client that does not read is for ever.
 * This is the only place that reaches for the http2 stream, and it checks what it finds.
 */
import { constants } from 'node:http2';

/**
 * gRPC clients see RESOURCE_EXHAUSTED (ENHANCE_YOUR_CALM). `call` is the call object that a
 * streaming handler was given. Returns false when this grpc-js hides the stream elsewhere: then
 * nothing happened.
 */
export function resetStream(call: object): boolean {
  const stream = propertyOf(propertyOf(call, 'call'), 'stream');
  if (!isHttp2Stream(stream)) return false;
  stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  return true;
}

interface Http2StreamPart {
  close(code: number): void;
}

function isHttp2Stream(value: unknown): value is Http2StreamPart {
  return typeof propertyOf(value, 'close') === 'function' && propertyOf(value, 'rstCode') === 0;
}

function propertyOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Reflect.get(value, name);
}
