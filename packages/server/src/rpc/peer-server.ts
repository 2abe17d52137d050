import { Server } from '@grpc/grpc-js';
import { type BindAddress, type Listener, listen } from '../net/listener.js';
import type { TransportOptions } from './options.js';
import { type RawRaftServer, rawRaftService } from './service.js';

/** The gRPC server of the peer port. It serves Found before the node belongs to a cluster. */
export class PeerServer {
  readonly #options: TransportOptions;
  readonly #server: Server;
  #listener: Listener | undefined;

  constructor(options: TransportOptions, service: RawRaftServer) {
    this.#options = options;
    const { limits } = options;
    this.#server = new Server({
      'grpc.enable_channelz': 0,
      'grpc.max_receive_message_length': limits.messageBytesMax,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': limits.callsPerConnectionMax,
      'grpc.keepalive_time_ms': limits.keepaliveMs,
      'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
      // Peers always have a stream open: only connections that never became one are idle.
      'grpc.max_connection_idle_ms': limits.connectionIdleMs,
    });
    this.#server.addService(rawRaftService, { ...service });
  }

  async bind(addresses: readonly BindAddress[]): Promise<number> {
    const { limits, logger, serverCredentials } = this.#options;
    const { connectionsMax, windowBytes } = limits;
    this.#listener = await listen({
      server: this.#server,
      credentials: serverCredentials,
      addresses,
      windowBytes,
      connectionsMax,
      onRefused: (address) => {
        logger.warn('a connection of a peer was refused', { address, connectionsMax });
      },
    });
    if (!this.#listener.hasLargeWindow) {
      logger.warn('peer connections keep a 64-KiB window: grpc-js is not as known');
    }
    return this.#listener.port;
  }

  /** Stops listening and ends connections, by force after the grace. */
  close(graceMs: number): Promise<void> {
    this.#listener?.close();
    return new Promise((resolve) => {
      const timer = this.#options.scheduler.after(graceMs, () => {
        this.#server.forceShutdown();
        this.#listener?.destroy();
      });
      this.#server.tryShutdown(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
