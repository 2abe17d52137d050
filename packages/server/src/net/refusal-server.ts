/**
 * Says why to clients that are not served: any gRPC client reads a status, so connections that
 * speak HTTP/2 get one for whatever they ask, from a server that can do nothing else.
 */
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { status } from '@grpc/grpc-js';
import { endOutsideParser } from './http2-end.js';

export interface Refusal {
  readonly code: status.UNAUTHENTICATED | status.PERMISSION_DENIED | status.FAILED_PRECONDITION;
  readonly message: string;
}

/** What a refused connection has for asking and for reading the answer. */
const LINGER_MS = 2_000;
const STREAMS_MAX = 8;
const HEADER_BYTES_MAX = 16 * 1024;

export class RefusalServer {
  readonly #server: Http2Server;
  readonly #timers = new Map<Duplex, NodeJS.Timeout>();

  constructor() {
    this.#server = createServer({
      // Nobody is to send a body: there is no window for one.
      settings: { maxConcurrentStreams: STREAMS_MAX, initialWindowSize: 0 },
      maxSessionMemory: 1,
      maxSendHeaderBlockLength: HEADER_BYTES_MAX,
    });
    this.#server.setTimeout(0);
    endOutsideParser(this.#server);
  }

  /** The connection is this server's from now on. */
  refuse(socket: Duplex, refusal: Refusal): void {
    socket.on('error', () => undefined); // Whatever it is, the connection ends.
    socket.once('close', () => {
      clearTimeout(this.#timers.get(socket));
      this.#timers.delete(socket);
    });
    this.#timers.set(
      socket,
      setTimeout(() => socket.destroy(), LINGER_MS),
    );
    const onSession = (session: ServerHttp2Session): void => answerAll(session, refusal);
    this.#server.once('session', onSession);
    // Makes the session at once, unless the client chose another protocol: then it is told so.
    this.#server.emit('connection', socket);
    this.#server.off('session', onSession);
  }

  close(): void {
    for (const socket of [...this.#timers.keys()]) socket.destroy();
  }
}

function answerAll(session: ServerHttp2Session, { code, message }: Refusal): void {
  session.on('error', () => undefined); // The client's doing; the connection ends anyway.
  session.on('stream', (stream) => {
    stream.on('error', () => undefined);
    // Opened and reset in one packet: an answer would throw.
    if (stream.destroyed || stream.closed) return;
    const head = { ':status': 200, 'content-type': 'application/grpc' };
    const trailers = {
      'grpc-status': String(code),
      'grpc-message': encodeURI(message),
      'cashe-outcome': 'not_committed',
    };
    stream.respond({ ...head, ...trailers }, { endStream: true });
    session.close();
  });
}

/** For those who speak HTTP/1, or TLS to a port that does not: every TLS library knows this. */
export function answerInHttp1(socket: Duplex, message: string): void {
  socket.on('error', () => undefined);
  const body = `${message}\n`;
  const head = [
    'HTTP/1.1 400 Bad Request',
    'content-type: text/plain; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // What the client still sends would keep the connection open.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}
