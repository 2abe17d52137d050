/**
 * The HTTP/2 receive window of a grpc-js server (R32). grpc-js leaves Node's 64 KiB, which caps a
 * connection at 64 KiB per round trip, and has no server option for it; the http2 servers behind
 * it are private. This is the only place that reaches for them, and it checks what it finds.
 */
import type { Http2Server, Http2Session } from 'node:http2';
import type { Server } from '@grpc/grpc-js';

/**
 * Raises the window of every stream to `windowBytes` and that of every connection to twice as
 * much, for connections accepted from now on. Call it once, after the server is bound or has a
 * connection injector. Returns the number of http2 servers raised: 0 means that this grpc-js hides
 * them elsewhere and the server runs with small windows.
 */
export function raiseReceiveWindow(server: Server, windowBytes: number): number {
  const servers = http2ServersOf(server);
  for (const http2Server of servers) {
    http2Server.updateSettings({ initialWindowSize: windowBytes });
    http2Server.on('session', (session: Http2Session) => {
      // Several streams share the connection; one that is full must not stop the others.
      if (!session.destroyed) session.setLocalWindowSize(windowBytes * 2);
    });
  }
  return servers.length;
}

/** None when this grpc-js hides them elsewhere. */
export function http2ServersOf(server: Server): readonly Http2Server[] {
  const servers: unknown = server['http2Servers'];
  return servers instanceof Map ? [...servers.keys()].filter(isHttp2Server) : [];
}

function isHttp2Server(value: unknown): value is Http2Server {
  return (
    typeof value === 'object' &&
    value !== null &&
    'updateSettings' in value &&
    typeof value.updateSettings === 'function' &&
    'on' in value &&
    typeof value.on === 'function'
  );
}
