/** Bounds of a gRPC port's connections (R35); ms unless named. What is beyond them is closed. */
export interface ConnectionLimits {
  /** Connections per listen address. */
  readonly connectionsMax: number;
  /** TLS handshakes under way on the port; each costs memory and time of the loop. */
  readonly handshakesInFlightMax: number;
  /** TLS handshakes begun per second, in the long run ... */
  readonly handshakesPerSecondMax: number;
  /** ... and at once, after a quiet time. */
  readonly handshakesBurstMax: number;
  /** From the connection to the end of its TLS handshake. */
  readonly handshakeTimeoutMs: number;
  /** From there, or without TLS from the connection, to the first request. */
  readonly firstRequestTimeoutMs: number;
  /** With TLS: a connection ends at this age, give or take a tenth. */
  readonly connectionAgeMs: number;
  /** What a connection that ends has for its calls; then it is cut. */
  readonly connectionAgeGraceMs: number;
}

/** A handshake takes 1.3 ms of the loop: a quarter of it at the most. */
export const defaultConnectionLimits: ConnectionLimits = {
  connectionsMax: 10_000,
  handshakesInFlightMax: 512,
  handshakesPerSecondMax: 200,
  handshakesBurstMax: 1_000,
  handshakeTimeoutMs: 5_000,
  firstRequestTimeoutMs: 10_000,
  connectionAgeMs: 3_600_000,
  connectionAgeGraceMs: 30_000,
};
