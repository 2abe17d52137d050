const KIB = 1024;
const MIB = 1024 * KIB;

/** Bounds and times of an HTTP port (R35); ms unless named. */
export interface HttpLimits {
  /** Connections per port; more are refused. */
  readonly connectionsMax: number;
  /** Requests one connection may make; its last answer says `Connection: close`. */
  readonly requestsPerConnectionMax: number;
  /** So that a connection does not outlive the certificate it was opened with by much. */
  readonly connectionAgeMsMax: number;
  /** From the first byte of a connection or the end of a request to a whole head. */
  readonly headTimeoutMs: number;
  /** From the first byte of a request to its last; then 408. */
  readonly requestTimeoutMs: number;
  /** A connection without a request is closed after this. */
  readonly keepAliveMs: number;
  /** A connection that neither sends nor takes anything is closed after this. */
  readonly stallMs: number;
  /** Request line and header fields together; more is 431. */
  readonly headBytesMax: number;
  readonly headersMax: number;
  /** Requests of one connection without an answer: HTTP/1.1 may be pipelined. */
  readonly pipelinedMax: number;
  /** Bodies that are being received, over all connections; more is RESOURCE_EXHAUSTED. */
  readonly uploadBytesMax: number;
  /** Answers that clients have not taken, over all connections; more is RESOURCE_EXHAUSTED. */
  readonly outputBytesMax: number;
  /** How long the answers of a port that stops may take to leave. */
  readonly flushMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  connectionsMax: 10_000,
  requestsPerConnectionMax: 100_000,
  connectionAgeMsMax: 3_600_000,
  headTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveMs: 72_000,
  stallMs: 120_000,
  headBytesMax: 16 * KIB,
  headersMax: 100,
  pipelinedMax: 64,
  uploadBytesMax: 256 * MIB,
  outputBytesMax: 256 * MIB,
  flushMs: 500,
};

/** What REST calls may be; deadlines as those of unary gRPC calls. */
export interface RestLimits {
  readonly callDeadlineMs: number;
  readonly callDeadlineMsMax: number;
  readonly adminDeadlineMs: number;
  readonly adminDeadlineMsMax: number;
  readonly deadlineMarginMs: number;
  /** Body of a batch and of every other JSON request: parsing is one step of the loop (R34). */
  readonly jsonBytesMax: number;
  /** Values of one batch answer; what does not fit is refused op by op. */
  readonly answerBytesMax: number;
}

/** The part that is the same on the gRPC port comes from there. */
export const defaultRestLimits: Pick<RestLimits, 'jsonBytesMax' | 'answerBytesMax'> = {
  jsonBytesMax: 2 * MIB,
  answerBytesMax: 2 * MIB,
};
