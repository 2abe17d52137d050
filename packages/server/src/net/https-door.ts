/**
 * What an HTTPS server of Node.js does not do for its port: bound the handshakes, and tell a client
 * that speaks plain text what is wrong.
 */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { peekFirstWords } from './first-bytes.js';
import { Handshakes } from './handshakes.js';
import { type ConnectionLimits, defaultConnectionLimits } from './limits.js';
import { answerInHttp1 } from './refusal-server.js';
import type { Rejection } from './rejections.js';
import { failureText, remoteOf } from './tls-acceptor.js';

interface HttpsDoorOptions {
  /** An `https.Server`. */
  readonly server: EventEmitter;
  readonly limits?: ConnectionLimits;
  readonly onRejected: (rejection: Rejection) => void;
}

export class HttpsDoor {
  readonly #options: HttpsDoorOptions;
  readonly #limits: ConnectionLimits;
  readonly #handshakes: Handshakes;
  /** Those that said nothing yet; bounded by the port's connectionsMax. */
  readonly #silent = new Set<Socket>();

  constructor(options: HttpsDoorOptions) {
    this.#options = options;
    this.#limits = options.limits ?? defaultConnectionLimits;
    this.#handshakes = new Handshakes(this.#limits);
    const { server, onRejected } = options;
    server.on('secureConnection', (socket: TLSSocket) => this.#handshakes.end(socket));
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      const detail = failureText(error);
      onRejected({ reason: 'handshakeFailed', remote: remoteOf(socket), detail });
    });
  }

  /** An accepted connection; it gets to the server if it is to. */
  accept(socket: Socket): void {
    socket.on('error', () => undefined); // The connection ends; whoever has it sees that.
    const { server, onRejected } = this.#options;
    const { handshakeTimeoutMs } = this.#limits;
    this.#silent.add(socket);
    peekFirstWords(socket, handshakeTimeoutMs, (words) => {
      this.#silent.delete(socket);
      const remote = remoteOf(socket);
      if (words === undefined) {
        if (socket.destroyed) return;
        const detail = `nothing came within ${handshakeTimeoutMs} ms`;
        onRejected({ reason: 'noRequest', remote, detail });
        socket.destroy();
      } else if (words !== 'tls') {
        onRejected({ reason: 'plainOnTls', remote, detail: speaksTls });
        answerInHttp1(socket, speaksTls);
      } else if (this.#handshakes.begin(socket)) {
        server.emit('connection', socket);
      } else {
        const detail = `${this.#handshakes.count} are under way`;
        onRejected({ reason: 'handshakeLimit', remote, detail });
        socket.destroy();
      }
    });
  }

  /** Ends the connections that the server does not have yet. */
  close(): void {
    for (const socket of [...this.#silent]) socket.destroy();
  }
}

const speaksTls = 'this port speaks TLS: use https';
