/**
 * What grpc-js does not let one set on its server. It keeps Node's HTTP/2 servers in a private
 * field; this is the only place that looks at it, and a test tells when a release moves it.
 */
import type { Http2Server, ServerHttp2Session } from 'node:http2';
import type { Server } from '@grpc/grpc-js';

interface Http2Settings {
  /** Receive window of a stream and of a connection; 64 KiB unless set (R32). */
  readonly windowBytes: number;
  readonly connectionsMax: number;
}

/**
 * Applies the settings to the server's listeners that do not have them yet; call it after each
 * bind. Returns how many listeners have them now: 0 means that grpc-js changed.
 */
export function applyHttp2Settings(
  server: Server,
  settings: Http2Settings,
  applied: WeakSet<object>,
): number {
  const listeners: unknown = Reflect.get(server, 'http2Servers');
  if (!(listeners instanceof Map)) return 0;
  let count = 0;
  for (const listener of listeners.keys()) {
    if (!isHttp2Server(listener)) continue;
    count++;
    if (applied.has(listener)) continue;
    applied.add(listener);
    listener.maxConnections = settings.connectionsMax;
    listener.updateSettings({ initialWindowSize: settings.windowBytes });
    listener.on('session', (session: ServerHttp2Session) => {
      session.setLocalWindowSize(settings.windowBytes);
    });
  }
  return count;
}

function isHttp2Server(listener: unknown): listener is Http2Server {
  return (
    typeof listener === 'object' &&
    listener !== null &&
    'updateSettings' in listener &&
    typeof listener.updateSettings === 'function'
  );
}
