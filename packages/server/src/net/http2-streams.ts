/** What grpc-js is told of new streams, and what it is spared. */
import { constants, type Http2Server, type ServerHttp2Stream } from 'node:http2';

/** A broken stream may still end by itself, with its status, when all of it is written. */
const brokenMsMax = 1_000;

/**
 * Listeners that are there now hear of a stream only while it can be answered. Node tells of a
 * stream a moment after it came: a client that opens a call and resets it, or breaks its
 * connection, in the same packet has ended the stream by then. grpc-js answers all the same, Node
 * throws, and nobody is there to catch it.
 *
 * Calls of `untimedPaths`, whose answer is a stream, come without their deadline: it is left to the
 * client, which ends the call by then. When grpc-js ends one in the middle of its answers, what is
 * written next breaks the stream without the client, or anybody, being told. The same happens when
 * it ends a call for a message it cannot take while answers are written; a stream that broke is
 * therefore ended here, with what gRPC clients see as RESOURCE_EXHAUSTED.
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
    stream.once('error', () => endBroken(stream));
  });
}

/** Node leaves a stream half open for ever when it is written to after its end. */
function endBroken(stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.closed) return;
  const end = (): void => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  const timer = setTimeout(end, brokenMsMax);
  stream.once('close', () => clearTimeout(timer));
}
