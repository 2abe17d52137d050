/** What an HTTP/2 connection of a grpc-js server may not do for ever: make no request, and live. */
import { constants, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { ConnectionLimits } from './limits.js';

interface SessionGuardOptions {
  readonly limits: Pick<
    ConnectionLimits,
    'firstRequestTimeoutMs' | 'connectionAgeMs' | 'connectionAgeGraceMs'
  >;
  /** Whether connections have a maximum age. */
  readonly hasAge: boolean;
  readonly onNoRequest: (session: ServerHttp2Session) => void;
  /** The connection ends now: what would stay open on it is to be ended by its owner. */
  readonly onAged: (session: ServerHttp2Session) => void;
}

/** Between the announcement and the end: what crosses it is still served (RFC 9113, 6.8). */
const CROSSING_MS = 1_000;
const LAST_STREAM_MAX = 2 ** 31 - 1;

export class SessionGuard {
  readonly #options: SessionGuardOptions;
  readonly #timers = new Map<ServerHttp2Session, NodeJS.Timeout>();
  readonly #firsts = new Map<ServerHttp2Session, NodeJS.Timeout>();

  constructor(options: SessionGuardOptions) {
    this.#options = options;
  }

  watch(server: Http2Server): void {
    server.on('session', (session) => this.#onSession(session));
  }

  /** Sessions that still live are left alone from now on. */
  close(): void {
    for (const timers of [this.#timers, this.#firsts]) {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    }
  }

  #onSession(session: ServerHttp2Session): void {
    const { limits, hasAge, onNoRequest } = this.#options;
    const first = setTimeout(() => {
      // Destroyed and not yet closed: it has no socket any more.
      if (session.destroyed) return;
      onNoRequest(session);
      session.destroy();
    }, limits.firstRequestTimeoutMs);
    this.#firsts.set(session, first);
    session.once('stream', () => this.#stop(this.#firsts, session));
    session.once('close', () => {
      this.#stop(this.#firsts, session);
      this.#stop(this.#timers, session);
    });
    if (!hasAge) return;
    const ageMs = limits.connectionAgeMs * (0.9 + 0.2 * Math.random());
    this.#after(session, ageMs, () => this.#end(session));
  }

  /** Announced first, then closed for new requests, then cut. */
  #end(session: ServerHttp2Session): void {
    const { limits, onAged } = this.#options;
    if (session.destroyed) return;
    session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM_MAX, Buffer.from('max_age'));
    onAged(session);
    const crossingMs = Math.min(CROSSING_MS, limits.connectionAgeGraceMs);
    this.#after(session, crossingMs, () => {
      session.close();
      if (session.destroyed) return;
      this.#after(session, limits.connectionAgeGraceMs - crossingMs, () => session.destroy());
    });
  }

  #after(session: ServerHttp2Session, ms: number, run: () => void): void {
    this.#timers.set(session, setTimeout(run, ms));
  }

  #stop(timers: Map<ServerHttp2Session, NodeJS.Timeout>, session: ServerHttp2Session): void {
    clearTimeout(timers.get(session));
    timers.delete(session);
  }
}
