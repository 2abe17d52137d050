/**
 * Ends the HTTP/2 connections of a server outside of Node's parser. Node ends one that closes as
 * soon as its last stream is gone, which can be while the parser is in the middle of what was read:
 * after a client's GOAWAY, with a request behind it. nghttp2 before 1.68.1 then reads on, and a
 * frame of a wrong length ends the process (CVE-2026-27135).
 */
import type { Http2Server, ServerHttp2Session } from 'node:http2';

/** For connections accepted from now on. */
export function endOutsideParser(server: Http2Server): void {
  server.on('session', deferDestroy);
}

function deferDestroy(session: ServerHttp2Session): void {
  const destroyNow = session.destroy.bind(session);
  let isDue = false;
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
