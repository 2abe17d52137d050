/**
 * Ends the HTTP/2 connections of a server outside of Node's parser. Node closes one that a client
 * says goodbye to (GOAWAY) in the middle of what was read. A request behind it in the same packet
 * is then refused inside the parser, which frees the stream that nghttp2 still uses, and may
 * destroy the session there: nghttp2 before 1.68.1 reads on, and a frame of a wrong length aborts
 * the process (CVE-2026-27135). Closed a moment later, none of that comes about.
 */
import type { Http2Server, ServerHttp2Session } from 'node:http2';

/** For connections accepted from now on. */
export function endOutsideParser(server: Http2Server): void {
  server.on('session', deferEnds);
}

function deferEnds(session: ServerHttp2Session): void {
  const closeNow = session.close.bind(session);
  const destroyNow = session.destroy.bind(session);
  let isDue = false;
  session.close = (callback) => {
    if (session.closed) return;
    // Now, and also of one that is destroyed: Node would forget the callback, and grpc-js, which
    // waits for it when it shuts down, would wait for ever.
    if (callback !== undefined) session.once('close', callback);
    if (!session.destroyed) setImmediate(() => closeNow());
  };
  session.destroy = (error, code) => {
    // An error ends it at once: nothing may be read any more, and the parser heeds that.
    if (error instanceof Error) {
      destroyNow(error, code);
      return;
    }
    if (isDue) return;
    isDue = true;
    setImmediate(() => destroyNow(error, code));
  };
}
