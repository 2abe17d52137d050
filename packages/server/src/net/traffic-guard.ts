/**
 * What clients can make a gRPC server hold beyond what services count themselves (R35): open
 * streams, parts of messages that never become whole, data for a stream that is not read, answers
 * that are not taken. HTTP/2's windows bound each stream, and nothing bounds their sum. A stream
 * beyond a bound ends with ENHANCE_YOUR_CALM, which gRPC clients see as RESOURCE_EXHAUSTED.
 */
import type { Buffer } from 'node:buffer';
import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import { serveLiveStreams } from './http2-streams.js';
import { http2ServersOf } from './http2-window.js';
import { MessageProgress } from './message-progress.js';

/** Bounds and times (R35); ms unless named. */
export interface TrafficLimits {
  /** Streams over all connections. */
  readonly streamsMax: number;
  /** Bytes held for one connection, in both directions. */
  readonly connectionBytesMax: number;
  /** The same over all connections. */
  readonly totalBytesMax: number;
  /** From a call's headers to the end of its request, and for one message of a stream. */
  readonly messageMsMax: number;
  /** A client that takes nothing of an answer for this long loses its stream. */
  readonly stallMsMax: number;
  /** A connection that had so many streams ended here is ended itself. */
  readonly refusalsPerConnectionMax: number;
}

const mib = 1024 * 1024;

export const defaultTrafficLimits: TrafficLimits = {
  streamsMax: 20_000,
  // Above what a Session stream may have in both directions.
  connectionBytesMax: 256 * mib,
  totalBytesMax: 1024 * mib,
  messageMsMax: 60_000,
  stallMsMax: 30_000,
  refusalsPerConnectionMax: 100,
};

export type TrafficRefusal = 'streams' | 'bytesInFlight' | 'slowSender' | 'slowReader';

interface TrafficOptions {
  readonly limits: TrafficLimits;
  /** Paths of methods whose request is a stream; others carry one message. */
  readonly streamingPaths: ReadonlySet<string>;
  /** Methods of which only the answer is a stream. */
  readonly watchPaths: readonly string[];
  readonly onRefused: (reason: TrafficRefusal) => void;
}

/** Bytes are counted as they come; what waits in Node's buffers is looked at this often. */
const sweepMs = 250;

interface Connection {
  readonly session: Http2Session;
  readonly streams: Set<Watched>;
  /** Received and not yet handed on, over its streams. */
  heldBytes: number;
  refusals: number;
}

/** One stream of a client. */
interface Watched {
  readonly stream: ServerHttp2Stream;
  readonly connection: Connection;
  /** undefined where the whole request is held until the call ends. */
  readonly progress: MessageProgress | undefined;
  heldBytes: number;
  /** Since when a message is incomplete. */
  sinceMs: number;
  /** Bytes the client has not taken, as seen last, and since when they did not become fewer. */
  untakenBytes: number;
  stalledSinceMs: number;
}

export class TrafficGuard {
  readonly #options: TrafficOptions;
  readonly #connections = new Map<Http2Session, Connection>();
  /** Runs while there are streams. */
  #timer: NodeJS.Timeout | undefined;
  #streamCount = 0;
  #heldBytes = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  /** Call it once, after the server is bound. False when this grpc-js hides its http2 servers. */
  watch(server: Server): boolean {
    const servers = http2ServersOf(server);
    const { streamingPaths, watchPaths } = this.#options;
    const untimedPaths = new Set([...streamingPaths, ...watchPaths]);
    for (const http2Server of servers) {
      serveLiveStreams(http2Server, untimedPaths);
      // After grpc-js's own listener, which by then has paused what it is going to read.
      http2Server.on('stream', (stream, headers) => this.#onStream(stream, headers[':path']));
    }
    return servers.length > 0;
  }

  #onStream(stream: ServerHttp2Stream, path: string | undefined): void {
    const { session } = stream;
    if (session === undefined || stream.destroyed || stream.closed) return;
    const nowMs = performance.now();
    const isStreaming = path !== undefined && this.#options.streamingPaths.has(path);
    const watched: Watched = {
      stream,
      connection: this.#connectionOf(session),
      progress: isStreaming ? new MessageProgress() : undefined,
      heldBytes: 0,
      sinceMs: nowMs,
      untakenBytes: 0,
      stalledSinceMs: nowMs,
    };
    this.#timer ??= setInterval(() => this.#sweep(performance.now()), sweepMs);
    this.#streamCount += 1;
    watched.connection.streams.add(watched);
    stream.once('close', () => this.#forget(watched));
    stream.on('data', (chunk: Buffer) => this.#onData(watched, chunk));
    if (this.#streamCount > this.#options.limits.streamsMax) this.#refuse(watched, 'streams');
  }

  #connectionOf(session: Http2Session): Connection {
    const known = this.#connections.get(session);
    if (known !== undefined) return known;
    const connection: Connection = { session, streams: new Set(), heldBytes: 0, refusals: 0 };
    this.#connections.set(session, connection);
    session.once('close', () => {
      for (const watched of [...connection.streams]) this.#forget(watched);
      this.#connections.delete(session);
    });
    return connection;
  }

  #forget(watched: Watched): void {
    const { connection } = watched;
    if (!connection.streams.delete(watched)) return;
    this.#streamCount -= 1;
    this.#hold(watched, 0);
  }

  #onData(watched: Watched, chunk: Buffer): void {
    const { progress, connection } = watched;
    if (!connection.streams.has(watched)) return;
    if (progress === undefined) {
      this.#hold(watched, watched.heldBytes + chunk.length);
    } else {
      const wasBetween = progress.bytes === 0;
      progress.take(chunk);
      // Another message than before: it has its own time.
      if (wasBetween || progress.bytes < chunk.length) watched.sinceMs = performance.now();
      this.#hold(watched, progress.bytes);
    }
    const { connectionBytesMax, totalBytesMax } = this.#options.limits;
    if (connection.heldBytes > connectionBytesMax || this.#heldBytes > totalBytesMax) {
      this.#refuse(watched, 'bytesInFlight');
    }
  }

  #hold(watched: Watched, bytes: number): void {
    const change = bytes - watched.heldBytes;
    watched.heldBytes = bytes;
    watched.connection.heldBytes += change;
    this.#heldBytes += change;
  }

  #sweep(nowMs: number): void {
    if (this.#streamCount === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    const { connectionBytesMax, totalBytesMax } = this.#options.limits;
    let totalBytes = 0;
    for (const connection of this.#connections.values()) {
      for (const watched of [...connection.streams]) this.#checkTimes(watched, nowMs);
      totalBytes += this.#shrink(connection, connectionBytesMax);
    }
    if (totalBytes <= totalBytesMax) return;
    const largestFirst = [...this.#connections.values()]
      .map((connection) => ({ connection, bytes: bytesOfConnection(connection) }))
      .toSorted((a, b) => b.bytes - a.bytes);
    for (const { connection, bytes } of largestFirst) {
      if (totalBytes <= totalBytesMax) return;
      const left = this.#shrink(connection, Math.max(0, bytes - (totalBytes - totalBytesMax)));
      totalBytes -= bytes - left;
    }
  }

  /** Ends the connection's largest streams until the others are within; returns what is left. */
  #shrink(connection: Connection, bytesMax: number): number {
    let bytes = bytesOfConnection(connection);
    if (bytes <= bytesMax) return bytes;
    const largestFirst = [...connection.streams]
      .map((watched) => ({ watched, bytes: bytesOfStream(watched) }))
      .toSorted((a, b) => b.bytes - a.bytes);
    for (const one of largestFirst) {
      if (bytes <= bytesMax) break;
      bytes -= one.bytes;
      this.#refuse(one.watched, 'bytesInFlight');
    }
    return bytes;
  }

  #checkTimes(watched: Watched, nowMs: number): void {
    const { messageMsMax, stallMsMax } = this.#options.limits;
    const { stream, progress } = watched;
    const isIncomplete = progress === undefined ? !stream.readableEnded : progress.bytes > 0;
    // A paused stream is not slow: it is this node that does not read it.
    const isRead = stream.readableLength === 0;
    if (isIncomplete && isRead && nowMs - watched.sinceMs > messageMsMax) {
      this.#refuse(watched, 'slowSender');
      return;
    }
    const untakenBytes = stream.writableLength;
    if (untakenBytes === 0 || untakenBytes < watched.untakenBytes) watched.stalledSinceMs = nowMs;
    watched.untakenBytes = untakenBytes;
    if (nowMs - watched.stalledSinceMs > stallMsMax) this.#refuse(watched, 'slowReader');
  }

  #refuse(watched: Watched, reason: TrafficRefusal): void {
    const { stream, connection } = watched;
    this.#options.onRefused(reason);
    this.#forget(watched);
    stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    connection.refusals += 1;
    if (connection.refusals < this.#options.limits.refusalsPerConnectionMax) return;
    connection.session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

function bytesOfConnection(connection: Connection): number {
  let bytes = 0;
  for (const watched of connection.streams) bytes += bytesOfStream(watched);
  return bytes;
}

/** Handed on by nobody yet: in our count, and in Node's buffers of both directions. */
function bytesOfStream({ stream, heldBytes }: Watched): number {
  return heldBytes + stream.readableLength + stream.writableLength;
}
