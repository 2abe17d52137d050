/**
 * Node tells of a new stream a moment after it came. A client that opens a call and resets it, or
 * breaks its connection, in the same packet has ended the stream by then, and grpc-js answers all
 * the same: Node throws, and nobody is there to catch it.
 */
import type { Http2Server } from 'node:http2';

/** Listeners that are there now hear of a stream only while it can be answered. */
export function serveLiveStreams(server: Http2Server): void {
  const listeners = server.listeners('stream');
  server.removeAllListeners('stream');
  server.on('stream', (stream, ...rest) => {
    if (stream.destroyed || stream.closed) return;
    for (const listener of listeners) Reflect.apply(listener, server, [stream, ...rest]);
  });
}
