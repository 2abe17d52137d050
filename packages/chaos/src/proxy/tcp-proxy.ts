/** A TCP proxy on a port of loopback; what it does to the bytes is up to its two wires. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Pipe } from './pipe.js';
import type { Wire } from './wire.js';

interface TcpProxyOptions {
  readonly port: number;
  readonly targetPort: number;
  /** From whoever dials to the target. */
  readonly there: Wire;
  /** From the target to whoever dialled. */
  readonly back: Wire;
}

const host = '127.0.0.1';
const connectionsMax = 1_024;

interface Connection {
  readonly sockets: readonly [Socket, Socket];
  readonly pipes: readonly [Pipe, Pipe];
}

export class TcpProxy {
  readonly #options: TcpProxyOptions;
  readonly #connections: Set<Connection> = new Set();
  #server: Server | undefined;

  constructor(options: TcpProxyOptions) {
    this.#options = options;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Resolves when the port is open. */
  async open(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port: this.#options.port }, resolve);
    });
  }

  /** Ends all connections; who dials is refused until `open`. */
  async refuse(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.dropAll();
    await closed;
  }

  /** Ends all connections; new ones are taken. */
  dropAll(): void {
    for (const { sockets, pipes } of [...this.#connections]) {
      for (const pipe of pipes) pipe.close();
      for (const socket of sockets) socket.destroy();
    }
  }

  #accept(near: Socket): void {
    if (this.#connections.size >= connectionsMax) {
      near.destroy();
      return;
    }
    const { targetPort, there, back } = this.#options;
    const far = connect({ host, port: targetPort, allowHalfOpen: true });
    const pipes = [new Pipe(near, far, there), new Pipe(far, near, back)] as const;
    const connection = { sockets: [near, far], pipes } as const;
    this.#connections.add(connection);
    let open = connection.sockets.length;
    for (const socket of connection.sockets) {
      socket.setNoDelay(true);
      socket.once('close', () => {
        open -= 1;
        if (open === 0) this.#connections.delete(connection);
      });
    }
  }
}
