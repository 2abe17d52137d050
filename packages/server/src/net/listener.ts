/**
 * Binds a grpc-js server. The sockets are ours and handed to it one by one: `bindAsync` hides why
 * an address was refused, prints to the console and bounds nothing (R35).
 */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { type ConnectionOptions, Connections } from './connections.js';
import { AddressInUseError, BindError, errorCode } from './errors.js';
import { quietly } from './quietly.js';

export interface BindAddress {
  /** An IP address or host name; no brackets around IPv6. */
  readonly host: string;
  /** 0 lets the system choose; the addresses after the first take the port the first one got. */
  readonly port: number;
}

interface BindOptions {
  readonly addresses: readonly BindAddress[];
  /** Per address; more are refused. */
  readonly connectionsMax: number;
  /**
   * Connections were refused: there are connectionsMax, or the process has no descriptors left.
   * Called at most once in 10 s for each address.
   */
  readonly onRefused: (address: string) => void;
}

interface ListenOptions extends ConnectionOptions, Omit<BindOptions, 'connectionsMax'> {}

export interface Listener {
  /** The port of all addresses. */
  readonly port: number;
  /** False when this grpc-js does not let the receive window be raised. */
  readonly hasLargeWindow: boolean;
  /** Open connections. */
  readonly connectionCount: number;
  /** Stops accepting connections; those there are stay. */
  close(): void;
  /**
   * Ends all connections now. The server's own forceShutdown knows only the connections of servers
   * with channelz.
   */
  destroy(): void;
}

const freePortAttemptsMax = 8;

/** Rejects with AddressInUseError or BindError, and then nothing stays bound. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const connections = new Connections(options);
  const { addresses, limits, onRefused } = options;
  const { connectionsMax } = limits;
  const bound = await bindAll({ addresses, connectionsMax, onRefused }, (socket) =>
    connections.accept(socket),
  );
  return {
    port: bound.port,
    hasLargeWindow: connections.hasLargeWindow,
    get connectionCount() {
      return connections.count;
    },
    close: () => {
      closeAll(bound.sockets);
      connections.close();
    },
    destroy: () => connections.destroy(),
  };
}

interface Bound {
  readonly port: number;
  readonly sockets: readonly NetServer[];
}

/** Every accepted connection goes to `accept`. Rejects as `listen` does. */
export async function bindAll(
  options: BindOptions,
  accept: (socket: Socket) => void,
): Promise<Bound> {
  for (let attempt = 1; ; attempt++) {
    const sockets: NetServer[] = [];
    let port = options.addresses[0]?.port ?? 0;
    const isChosen = port === 0;
    try {
      for (const address of options.addresses) {
        const socket = await bindOne(options, { host: address.host, port }, accept);
        sockets.push(socket);
        port = portOf(socket);
      }
      return { port, sockets };
    } catch (error) {
      closeAll(sockets);
      // The port the system chose for the first address may be taken on the next one.
      const mayRetry = isChosen && sockets.length > 0 && attempt < freePortAttemptsMax;
      if (!(mayRetry && error instanceof AddressInUseError)) throw error;
    }
  }
}

function bindOne(
  options: BindOptions,
  { host, port }: BindAddress,
  accept: (socket: Socket) => void,
): Promise<NetServer> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    const socket = createServer({ noDelay: true }, accept);
    socket.maxConnections = options.connectionsMax;
    const onRefused = quietly(() => options.onRefused(address));
    socket.on('drop', onRefused);
    const onError = (error: Error): void => {
      const inUse = errorCode(error) === 'EADDRINUSE';
      reject(inUse ? new AddressInUseError(address, error) : new BindError(address, error));
    };
    socket.once('error', onError);
    socket.listen({ host, port, exclusive: true }, () => {
      socket.off('error', onError);
      // Out of descriptors, for one: accepting fails, the process and its connections go on.
      socket.on('error', onRefused);
      resolve(socket);
    });
  });
}

function portOf(socket: NetServer): number {
  const address = socket.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function closeAll(sockets: readonly NetServer[]): void {
  for (const socket of sockets) socket.close();
}
