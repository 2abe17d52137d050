/** The connections of an HTTP port: how long they live, and what they get that is no request. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { errorCode } from '../net/errors.js';
import { errorBody } from './error-replies.js';
import { type Failure, publicFailure } from './failure.js';
import type { HttpLimits } from './limits.js';

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Connection {
  readonly openedMs: number;
  requestCount: number;
  /** Nothing more is read from it: the next answer is the last. */
  isEnding: boolean;
  newest: IncomingMessage | undefined;
  /** Requests without a whole answer, in their order: HTTP/1.1 may be pipelined. */
  readonly exchanges: Set<Exchange>;
}

export class Connections {
  readonly #limits: HttpLimits;
  /** By the socket that requests come on; with TLS not the accepted one. */
  readonly #connections = new WeakMap<object, Connection>();
  readonly #accepted = new Set<Socket>();
  #onEnded: (() => void) | undefined;
  #isStopping = false;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  attach(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#accepted.add(socket);
      socket.once('close', () => {
        this.#accepted.delete(socket);
        if (this.#accepted.size === 0) this.#onEnded?.();
      });
    });
    server.on('timeout', (socket: Socket) => this.#onStall(socket));
    server.on('connect', (_request: IncomingMessage, socket: Socket) => {
      const message = 'this is no proxy';
      // Node hands the socket over without a listener; who asked may be gone.
      socket.on('error', () => undefined);
      socket.end(rawAnswer({ code: 'UNIMPLEMENTED', outcome: 'notCommitted', message }));
    });
  }

  /** False when the connection has too many requests without an answer. */
  onRequest(request: IncomingMessage, response: ServerResponse): boolean {
    const connection = this.#of(request.socket);
    const exchange = { request, response };
    connection.requestCount += 1;
    connection.newest = request;
    connection.exchanges.add(exchange);
    response.once('close', () => connection.exchanges.delete(exchange));
    return connection.exchanges.size <= this.#limits.pipelinedMax;
  }

  /** Whether the answer is to say `Connection: close`; never while another one is owed after it. */
  isLastAnswer(request: IncomingMessage): boolean {
    const { requestCount, openedMs, isEnding, newest } = this.#of(request.socket);
    if (newest !== request) return false;
    const { requestsPerConnectionMax, connectionAgeMsMax } = this.#limits;
    return (
      this.#isStopping ||
      isEnding ||
      requestCount >= requestsPerConnectionMax ||
      performance.now() - openedMs >= connectionAgeMsMax
    );
  }

  stop(): void {
    this.#isStopping = true;
  }

  /** Resolves once no connection is left; what is there after `ms` is ended by force. */
  async ended(ms: number): Promise<void> {
    if (this.#accepted.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#onEnded = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    for (const socket of this.#accepted) socket.destroy();
  }

  /** What Node's parser refuses, and requests that take too long to arrive. */
  onClientError(error: Error, socket: Socket): void {
    const code = errorCode(error) ?? '';
    // What is no error of HTTP is one of TLS or of the connection: no answer would arrive.
    if (!/^(HPE|ERR_HTTP)_/.test(code) || !socket.writable) {
      socket.destroy();
      return;
    }
    const connection = this.#of(socket);
    const pending = [...connection.exchanges];
    const [first] = pending;
    if (first?.request.complete === true) {
      // It is the bytes after a whole request: that one still gets its answer.
      connection.isEnding = true;
      return;
    }
    const mayAnswer = pending.length <= 1 && first?.response.headersSent !== true;
    if (mayAnswer) socket.end(rawAnswer(clientFailure(code, error.message)));
    else socket.destroy();
  }

  /** Neither side moved for a long time: it is over, unless it is we who owe an answer. */
  #onStall(socket: Socket): void {
    const [oldest] = this.#of(socket).exchanges;
    const isOurs = oldest?.request.complete === true && !oldest.response.headersSent;
    if (!isOurs) socket.destroy();
  }

  #of(socket: Socket): Connection {
    let connection = this.#connections.get(socket);
    if (connection === undefined) {
      connection = {
        openedMs: performance.now(),
        requestCount: 0,
        isEnding: false,
        newest: undefined,
        exchanges: new Set(),
      };
      this.#connections.set(socket, connection);
    }
    return connection;
  }
}

function clientFailure(code: string, reason: string): Failure {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const message = 'the request took too long to arrive';
    return { code: 'REQUEST_TIMEOUT', outcome: 'notCommitted', message };
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message = 'the request line and header fields are too long';
    return { code: 'HEAD_TOO_LARGE', outcome: 'notCommitted', message };
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    const message = 'the chunk extensions are too long';
    return { code: 'TOO_LARGE', outcome: 'notCommitted', message };
  }
  const message = `this is not a request of HTTP/1.1: ${reason}`;
  return { code: 'INVALID_ARGUMENT', outcome: 'notCommitted', message };
}

/** There is no request that fastify could answer: the same form, by hand. */
function rawAnswer(failure: Failure): string {
  const { status, code, outcome } = publicFailure(failure);
  const body = JSON.stringify(errorBody(failure));
  return [
    `HTTP/1.1 ${status} ${code}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `cashe-outcome: ${outcome}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
