/** The TLS handshakes of a port that are under way, bounded, and counted until they end. */
import type { Socket } from 'node:net';
import { HandshakeGate, type HandshakeLimits } from './handshake-gate.js';

export class Handshakes {
  readonly #gate: HandshakeGate;
  /** Bounded by the gate. */
  readonly #underWay = new Set<string>();

  constructor(limits: HandshakeLimits) {
    this.#gate = new HandshakeGate(limits, performance.now());
  }

  /** Handshakes under way. */
  get count(): number {
    return this.#gate.inFlight;
  }

  /** False when the connection must not begin one: there are too many. */
  begin(socket: Socket): boolean {
    if (!this.#gate.enter(performance.now())) return false;
    const key = endsOf(socket);
    this.#underWay.add(key);
    socket.once('close', () => this.#leave(key));
    return true;
  }

  /** It succeeded; `socket` is the TLS socket over the one that began. */
  end(socket: Socket): void {
    this.#leave(endsOf(socket));
  }

  /** Once per connection: at the end of its handshake or its own. */
  #leave(key: string): void {
    if (this.#underWay.delete(key)) this.#gate.leave();
  }
}

/** What tells connections of a port apart, the same for a socket and the TLS socket over it. */
function endsOf(socket: Socket): string {
  return `${socket.remoteAddress}/${socket.remotePort}/${socket.localAddress}`;
}
