import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';

/** What every call object offers; grpc-js has the type and does not export it. */
export type ServerSurfaceCall = Pick<
  ServerUnaryCall<unknown, unknown>,
  'getPeer' | 'getPath' | 'getAuthContext' | 'metadata'
>;

/** A call on which the server sends a stream. */
export type StreamingCall =
  | ServerWritableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;
