/**
 * The TLS side of a port: handshakes with the certificate in use now, and the decision whether a
 * client's certificate is good enough. It is made after the handshake, not by it, so that who is
 * refused can be told why.
 */
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { status } from '@grpc/grpc-js';
import type { ClientAuth } from '../config/options.js';
import { errorText } from './errors.js';
import { Handshakes } from './handshakes.js';
import type { ConnectionLimits } from './limits.js';
import { type CertificateIdentity, identityOfSocket } from './peer-identity.js';
import type { Refusal } from './refusal-server.js';
import type { Rejection } from './rejections.js';
import type { TlsMaterial } from './tls-material.js';

export interface PortTls {
  readonly material: Pick<TlsMaterial, 'current' | 'onChange'>;
  readonly clientAuth: ClientAuth;
  /** Why who has this certificate is not served here; undefined: it is. */
  readonly refusalOf?: (identity: CertificateIdentity | undefined) => string | undefined;
}

interface TlsEvents {
  onSecure(socket: TLSSocket): void;
  /** The handshake succeeded; the client is to be told why that is not enough. */
  onRefused(socket: TLSSocket, refusal: Refusal): void;
  onRejected(rejection: Rejection): void;
}

export class TlsAcceptor {
  readonly #tls: PortTls;
  readonly #events: TlsEvents;
  readonly #server: Server;
  readonly #handshakes: Handshakes;
  readonly #unsubscribe: () => void;

  constructor(tls: PortTls, limits: ConnectionLimits, events: TlsEvents) {
    this.#tls = tls;
    this.#events = events;
    this.#handshakes = new Handshakes(limits);
    this.#server = createServer({
      ...tls.material.current.options,
      ALPNProtocols: ['h2'],
      requestCert: tls.clientAuth !== 'none',
      rejectUnauthorized: false,
      handshakeTimeout: limits.handshakeTimeoutMs,
    });
    this.#unsubscribe = tls.material.onChange(({ options }) => {
      this.#server.setSecureContext(options);
    });
    this.#server.on('secureConnection', (socket: TLSSocket) => this.#onSecure(socket));
    this.#server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      const detail = failureText(error);
      events.onRejected({ reason: 'handshakeFailed', remote: remoteOf(socket), detail });
      // Node leaves one that takes too long open.
      socket.destroy();
    });
  }

  /** A connection whose first bytes are those of a TLS handshake. */
  accept(socket: Socket): void {
    if (this.#handshakes.begin(socket)) {
      this.#server.emit('connection', socket);
      return;
    }
    const detail = `${this.#handshakes.count} are under way`;
    this.#events.onRejected({ reason: 'handshakeLimit', remote: remoteOf(socket), detail });
    socket.destroy();
  }

  /** New certificates are not followed any more. */
  stop(): void {
    this.#unsubscribe();
  }

  #onSecure(socket: TLSSocket): void {
    this.#handshakes.end(socket);
    // Without a listener an error would be nobody's; the HTTP/2 session sees the end itself.
    socket.on('error', () => undefined);
    const refusal = this.#refusalOf(socket);
    if (refusal === undefined) {
      this.#events.onSecure(socket);
      return;
    }
    const { message } = refusal;
    this.#events.onRejected({ reason: 'certificate', remote: remoteOf(socket), detail: message });
    this.#events.onRefused(socket, refusal);
  }

  #refusalOf(socket: TLSSocket): Refusal | undefined {
    const { clientAuth, refusalOf } = this.#tls;
    if (clientAuth === 'none') return undefined;
    if (!socket.authorized) {
      // Without a certificate the object is empty.
      const hasCertificate = socket.getPeerCertificate()?.raw !== undefined;
      if (!hasCertificate && clientAuth === 'request') return undefined;
      const message = hasCertificate
        ? `the certificate of the client does not verify: ${socket.authorizationError}`
        : 'this port requires a client certificate, and none was sent';
      return { code: status.UNAUTHENTICATED, message };
    }
    const message = refusalOf?.(identityOfSocket(socket));
    return message === undefined ? undefined : { code: status.PERMISSION_DENIED, message };
  }
}

export function remoteOf(socket: Socket): string {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined) return '';
  const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  return `${host}:${remotePort}`;
}

/** OpenSSL's texts are `thread:error:code:library:function:reason:file:line:`. */
export function failureText(error: Error): string {
  const parts = errorText(error).trim().split(':');
  return parts[1] === 'error' ? (parts[5] ?? errorText(error)) : errorText(error);
}
