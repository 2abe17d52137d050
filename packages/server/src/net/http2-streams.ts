/** What grpc-js is told of new streams, and what it is spared. */
import type { Http2Server } from 'node:http2';

/**
 * Listeners that are there now hear of a stream only while it can be answered. Node tells of a
 * stream a moment after it came: a client that opens a call and resets it, or breaks its
 * connection, in the same packet has ended the stream by then. grpc-js answers all the same, Node
 * throws, and nobody is there to catch it.
 *
 * Calls of `untimedPaths`, whose answer is a stream, come without their deadline: it is left to the
 * client, which ends the call by then. When grpc-js ends one in the middle of its answers, what is
 * written next breaks the stream without the client, or anybody, being told.
 */
export function serveLiveStreams(server: Http2Server, untimedPaths: ReadonlySet<string>): void {
  const listeners = server.listeners('stream');
  server.removeAllListeners('stream');
  server.on('stream', (stream, headers, ...rest) => {
    if (stream.destroyed || stream.closed) {
      stream.on('error', () => undefined); // It comes yet, and nobody else listens.
      return;
    }
    if (untimedPaths.has(headers[':path'] ?? '')) delete headers['grpc-timeout'];
    for (const listener of listeners) Reflect.apply(listener, server, [stream, headers, ...rest]);
  });
}
