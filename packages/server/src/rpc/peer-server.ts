import { Server } from '@grpc/grpc-js';
import { AddressInUseError, BindError } from './errors.js';
import { applyHttp2Settings } from './http2-servers.js';
import type { TransportOptions } from './options.js';
import { type RawRaftServer, rawRaftService } from './service.js';

/** The gRPC server of the peer port. It serves Found before the node belongs to a cluster. */
export class PeerServer {
  readonly #options: TransportOptions;
  readonly #server: Server;
  readonly #tuned = new WeakSet<object>();

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

  /** Listens on every address; the ports are in the same order. Throws an error naming one. */
  async bind(addresses: readonly string[]): Promise<readonly number[]> {
    const ports: number[] = [];
    for (const address of addresses) ports.push(await this.#bindOne(address));
    const { connectionsMax, windowBytes } = this.#options.limits;
    const settings = { connectionsMax, windowBytes };
    if (applyHttp2Settings(this.#server, settings, this.#tuned) === 0 && addresses.length > 0) {
      this.#options.logger.warn('peer connections keep a 64-KiB window: grpc-js is not as known');
    }
    return ports;
  }

  /** Stops listening and ends connections, by force after the grace. */
  close(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.scheduler.after(graceMs, () => this.#server.forceShutdown());
      this.#server.tryShutdown(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #bindOne(address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, this.#options.serverCredentials, (error, port) => {
        if (error === null) resolve(port);
        // grpc-js keeps only the text of the errno.
        else if (error.message.includes('EADDRINUSE')) {
          reject(new AddressInUseError(address, error));
        } else {
          reject(new BindError(address, error));
        }
      });
    });
  }
}
