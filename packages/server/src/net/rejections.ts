/** Connections that were not served: told to the log, but not as often as they come. */
import type { Logger } from '../host/ports.js';
import type { RefusalReporter } from '../metrics/reporters.js';

type RejectionReason =
  | 'handshakeLimit'
  | 'handshakeFailed'
  | 'plainOnTls'
  | 'tlsOnPlain'
  | 'certificate'
  | 'noRequest';

export interface Rejection {
  readonly reason: RejectionReason;
  /** Address of the client; empty when it had gone by then. */
  readonly remote: string;
  readonly detail: string;
}

/** Whoever floods the port must not flood the log too. */
const QUIET_MS = 10_000;

const texts: Readonly<Record<RejectionReason, string>> = {
  handshakeLimit: 'a connection was closed: too many TLS handshakes',
  handshakeFailed: 'a TLS handshake failed',
  plainOnTls: 'a client spoke plain text to this port, which speaks TLS',
  tlsOnPlain: 'a client spoke TLS to this port, which does not',
  certificate: 'a client was refused because of its certificate',
  noRequest: 'a connection was closed: it made no request in time',
};

/** How the metrics count them. */
const counted: Readonly<Record<RejectionReason, Parameters<RefusalReporter['refused']>[0]>> = {
  handshakeLimit: 'handshakes',
  handshakeFailed: 'handshakes',
  plainOnTls: 'malformed',
  tlsOnPlain: 'malformed',
  certificate: 'unauthenticated',
  noRequest: 'handshakeTimeout',
};

interface Told {
  readonly atMs: number;
  /** Since then, not told. */
  more: number;
}

export class RejectionLog {
  readonly #log: Logger;
  readonly #port: string;
  readonly #reporter: RefusalReporter | undefined;
  /** One entry for each reason at the most. */
  readonly #told = new Map<RejectionReason, Told>();

  constructor(log: Logger, port: string, reporter?: RefusalReporter) {
    this.#log = log;
    this.#port = port;
    this.#reporter = reporter;
  }

  note({ reason, remote, detail }: Rejection): void {
    this.#reporter?.refused(counted[reason]);
    const nowMs = performance.now();
    const before = this.#told.get(reason);
    if (before !== undefined && nowMs - before.atMs < QUIET_MS) {
      before.more += 1;
      return;
    }
    this.#told.set(reason, { atMs: nowMs, more: 0 });
    const more = before?.more ?? 0;
    const known = { ...(remote !== '' && { remote }), ...(more > 0 && { more }) };
    const fields = { port: this.#port, reason: detail, ...known };
    // Whoever only connects gets nothing and costs a place for seconds: nobody has to act on it.
    if (reason === 'noRequest') this.#log.info(texts[reason], fields);
    else this.#log.warn(texts[reason], fields);
  }
}
