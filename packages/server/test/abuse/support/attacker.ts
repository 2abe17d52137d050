/** A client that speaks HTTP/2 frame by frame, reads only when told to, and keeps to no rule. */
import { connect, type Socket } from 'node:net';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  continuation: 9,
} as const;

export const endStream = 0x1;
const ack = 0x1;
export const endHeaders = 0x4;

/** HTTP/2's name for what gRPC calls RESOURCE_EXHAUSTED. */
export const enhanceYourCalm = 11;

export function frame(type: number, flags: number, stream: number, body: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, id]), uint32(value)]);
}

/** Literal header fields without indexing (RFC 7541 section 6.2.2). */
export function headerBlock(pairs: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    pairs.flatMap(([name, value]) => [
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]),
  );
}

export function callHeaders(path: string): Buffer {
  return headerBlock([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ]);
}

/** gRPC's frame around a message; the length may lie. */
export function grpcMessage(message: Buffer, length: number = message.length): Buffer {
  return Buffer.concat([Buffer.from([0]), uint32(length), message]);
}

export interface ReceivedFrame {
  readonly type: number;
  readonly stream: number;
  readonly body: Buffer;
}

export class Attacker {
  readonly frames: ReceivedFrame[] = [];
  /** Frames of a stream that were kept: not their content. */
  receivedBytes = 0;
  isClosed = false;
  readonly #socket: Socket;
  #pending: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('error', () => undefined); // 'close' follows.
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** `first` leaves in one piece with the preface. */
  static connect(
    port: number,
    settings: Buffer = Buffer.alloc(0),
    first: Buffer = Buffer.alloc(0),
  ): Promise<Attacker> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port }, () => {
        const attacker = new Attacker(socket);
        attacker.send(preface, frame(frameType.settings, 0, 0, settings), first);
        resolve(attacker);
      });
      socket.once('error', reject);
    });
  }

  /** Reads nothing until `listen`: what the server sends stays where it is. */
  deafen(): void {
    this.#socket.pause();
  }

  listen(): void {
    this.#socket.resume();
  }

  send(...frames: readonly Buffer[]): void {
    if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(frames));
  }

  /** The same until the system takes it; false when the server ended the connection meanwhile. */
  async flood(chunk: Buffer, times: number): Promise<boolean> {
    for (let sent = 0; sent < times && !this.isClosed; sent += 1) {
      if (this.#socket.destroyed) break;
      if (!this.#socket.write(chunk)) await this.#drained();
    }
    return !this.isClosed;
  }

  /** Opens a call; its request goes on. */
  open(stream: number, path: string): void {
    this.send(frame(frameType.headers, endHeaders, stream, callHeaders(path)));
  }

  data(stream: number, body: Buffer, flags = 0): void {
    this.send(frame(frameType.data, flags, stream, body));
  }

  /** Streams the server reset, with the code. */
  resets(): ReadonlyMap<number, number> {
    const found = this.frames.filter(({ type }) => type === frameType.reset);
    return new Map(found.map(({ stream, body }) => [stream, body.readUInt32BE(0)]));
  }

  /** Says that nothing more comes; resolves once the server read all of it. */
  halfClosed(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
      // After a broken connection the server reads no more: what it said is the end.
      this.#socket.once('data', () => setImmediate(resolve));
      this.#socket.end();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** A deaf client learns of the end only by writing: no answer is a bound, too. */
  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      const timer = setTimeout(() => {
        // The server reads no more: that bounds what it holds as well as an end does.
        this.#socket.destroy();
        done();
      }, stuckMs);
      this.#socket.once('drain', done);
      this.#socket.once('close', done);
    });
  }

  #onData(bytes: Buffer): void {
    this.receivedBytes += bytes.length;
    let rest = Buffer.concat([this.#pending, bytes]);
    while (rest.length >= 9) {
      const end = 9 + rest.readUIntBE(0, 3);
      if (rest.length < end) break;
      const body = Buffer.from(rest.subarray(9, end));
      const stream = rest.readUInt32BE(5) & 0x7fff_ffff;
      const type = rest.readUInt8(3);
      this.frames.push({ type, stream, body });
      // The server's larger windows count once they are acknowledged.
      if (type === frameType.settings && body.length > 0) {
        this.send(frame(frameType.settings, ack, 0, Buffer.alloc(0)));
      }
      rest = rest.subarray(end);
    }
    this.#pending = rest;
  }
}

const stuckMs = 500;
