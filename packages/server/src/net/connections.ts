/**
 * The connections of a gRPC port, from the accepted socket to the grpc-js server: what they speak,
 * TLS where it is on, who is served, how long. grpc-js's own TLS cannot do these: new certificates
 * break nothing, who is refused is told why, and everything is bounded (R35).
 */
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { type ConnectionInjector, type Server, ServerCredentials, status } from '@grpc/grpc-js';
import { type FirstWords, peekFirstWords } from './first-bytes.js';
import { endOutsideParser } from './http2-end.js';
import { http2ServersOf, raiseReceiveWindow } from './http2-window.js';
import type { ConnectionLimits } from './limits.js';
import { answerInHttp1, RefusalServer } from './refusal-server.js';
import type { Rejection } from './rejections.js';
import { SessionGuard } from './session-guard.js';
import { type PortTls, remoteOf, TlsAcceptor } from './tls-acceptor.js';

export interface ConnectionOptions {
  readonly server: Server;
  /** undefined: the port speaks plain text. */
  readonly tls: PortTls | undefined;
  readonly limits: ConnectionLimits;
  /** HTTP/2 receive window of a stream (R32). */
  readonly windowBytes: number;
  /** A connection was not served. */
  readonly onRejected: (rejection: Rejection) => void;
  /** With TLS: a connection has its maximum age; long streams on it are to be ended. */
  readonly onAged?: (session: ServerHttp2Session) => void;
}

export class Connections {
  /** False when this grpc-js does not let the receive window be raised. */
  readonly hasLargeWindow: boolean;
  readonly #options: ConnectionOptions;
  readonly #injector: ConnectionInjector;
  readonly #acceptor: TlsAcceptor | undefined;
  readonly #refusals = new RefusalServer();
  readonly #guard: SessionGuard;
  /** Bounded by connectionsMax of each address. */
  readonly #sockets = new Set<Socket>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { server, tls, limits, windowBytes, onRejected, onAged } = options;
    // TLS is over when a connection gets there.
    this.#injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    this.hasLargeWindow = raiseReceiveWindow(server, windowBytes) > 0;
    this.#guard = new SessionGuard({
      limits,
      hasAge: tls !== undefined,
      onNoRequest: (session) => {
        const detail = `none within ${limits.firstRequestTimeoutMs} ms`;
        onRejected({ reason: 'noRequest', remote: remoteOf(session.socket), detail });
      },
      onAged: (session) => onAged?.(session),
    });
    for (const http2Server of http2ServersOf(server)) {
      endOutsideParser(http2Server);
      this.#guard.watch(http2Server);
    }
    if (tls === undefined) return;
    this.#acceptor = new TlsAcceptor(tls, limits, {
      onSecure: (socket) => this.#injector.injectConnection(socket),
      onRefused: (socket, refusal) => this.#refusals.refuse(socket, refusal),
      onRejected,
    });
  }

  get count(): number {
    return this.#sockets.size;
  }

  accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined); // The connection ends; whoever has it sees that.
    const { limits, tls, onRejected } = this.#options;
    const { handshakeTimeoutMs, firstRequestTimeoutMs } = limits;
    const timeoutMs = tls === undefined ? firstRequestTimeoutMs : handshakeTimeoutMs;
    peekFirstWords(socket, timeoutMs, (words) => {
      if (words !== undefined) {
        this.#route(socket, words);
        return;
      }
      if (socket.destroyed) return;
      const detail = `nothing came within ${timeoutMs} ms`;
      onRejected({ reason: 'noRequest', remote: remoteOf(socket), detail });
      socket.destroy();
    });
  }

  /** No handshake succeeds any more that did not begin yet. */
  close(): void {
    this.#acceptor?.stop();
  }

  /** Ends all connections now. */
  destroy(): void {
    this.#guard.close();
    this.#refusals.close();
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  #route(socket: Socket, words: FirstWords): void {
    const acceptor = this.#acceptor;
    if (acceptor === undefined) {
      // What is not TLS is for HTTP/2 to judge.
      if (words !== 'tls') this.#injector.injectConnection(socket);
      else this.#refuse(socket, 'tlsOnPlain', words);
    } else if (words === 'tls') {
      acceptor.accept(socket);
    } else {
      this.#refuse(socket, 'plainOnTls', words);
    }
  }

  #refuse(socket: Socket, reason: 'tlsOnPlain' | 'plainOnTls', words: FirstWords): void {
    const message = reason === 'plainOnTls' ? speaksTls : speaksPlainText;
    this.#options.onRejected({ reason, remote: remoteOf(socket), detail: message });
    if (words === 'http2') {
      this.#refusals.refuse(socket, { code: status.FAILED_PRECONDITION, message });
    } else {
      answerInHttp1(socket, message);
    }
  }
}

const speaksTls = 'this port speaks TLS: connect with TLS';
const speaksPlainText = 'this port does not speak TLS: connect without TLS';
