/** A TCP server that keeps what it got, and clients that do. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { waitUntil } from '@cashe/bench';

const host = '127.0.0.1';
const withinMs = 5_000;

export class End {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  hasEnded = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    socket.on('error', () => undefined); // Whoever cuts a connection breaks it for both ends.
    socket.once('close', () => {
      this.hasEnded = true;
    });
    socket.once('end', () => {
      this.hasEnded = true;
    });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString();
  }

  async receives(text: string): Promise<void> {
    await waitUntil(`"${text}" arrives`, withinMs, async () => {
      if (this.text === text) return true;
      throw new Error(`there is "${this.text}"`);
    });
  }

  async ends(): Promise<void> {
    await waitUntil('the connection ends', withinMs, async () => this.hasEnded || undefined);
  }
}

export class LineServer {
  readonly ends: End[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.ends.push(new End(socket)));
  }

  static async listen(port: number): Promise<LineServer> {
    const server = createServer({ allowHalfOpen: true });
    await once(server.listen({ host, port }), 'listening');
    return new LineServer(server);
  }

  /** The end of that connection, in order of their coming. */
  end(number: number): Promise<End> {
    return waitUntil('a connection', withinMs, async () => this.ends[number]);
  }

  async close(): Promise<void> {
    for (const { socket } of this.ends) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Rejects when it is refused. */
export async function dial(port: number): Promise<End> {
  const socket = connect({ host, port, allowHalfOpen: true });
  const end = new End(socket);
  await once(socket, 'connect');
  return end;
}
