import type { ConnectionLimits } from './limits.js';

export type HandshakeLimits = Pick<
  ConnectionLimits,
  'handshakesInFlightMax' | 'handshakesPerSecondMax' | 'handshakesBurstMax'
>;

/** Bounds the TLS handshakes of a port: in number, and by a token bucket in time. */
export class HandshakeGate {
  readonly #limits: HandshakeLimits;
  #inFlight = 0;
  #tokens: number;
  #filledMs: number;

  constructor(limits: HandshakeLimits, nowMs: number) {
    this.#limits = limits;
    this.#tokens = limits.handshakesBurstMax;
    this.#filledMs = nowMs;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** False when the handshake must not begin; otherwise `leave` is called once, at its end. */
  enter(nowMs: number): boolean {
    const { handshakesInFlightMax, handshakesPerSecondMax, handshakesBurstMax } = this.#limits;
    const gained = ((nowMs - this.#filledMs) / 1000) * handshakesPerSecondMax;
    this.#tokens = Math.min(handshakesBurstMax, this.#tokens + gained);
    this.#filledMs = nowMs;
    if (this.#tokens < 1 || this.#inFlight >= handshakesInFlightMax) return false;
    this.#tokens -= 1;
    this.#inFlight += 1;
    return true;
  }

  leave(): void {
    this.#inFlight -= 1;
  }
}
