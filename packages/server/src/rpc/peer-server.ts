import { Server } from '@grpc/grpc-js';
import { type BindAddress, type Listener, listen } from '../net/listener.js';
import { quietly } from '../net/quietly.js';
import { RejectionLog } from '../net/rejections.js';
import { TrafficGuard, type TrafficRefusal } from '../net/traffic-guard.js';
import type { TransportOptions } from './options.js';
import { peerPortTls } from './peer-tls.js';
import { type RawRaftServer, rawRaftService } from './service.js';

/** Above what jitter makes of the age at which a node renews a connection itself. */
const PEER_AGE_FACTOR = 1.5;

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
    const { limits, logger, tls } = this.#options;
    const { connectionsMax, windowBytes } = limits;
    const rejections = new RejectionLog(logger, 'raft');
    this.#listener = await listen({
      server: this.#server,
      tls: peerPortTls(tls),
      // Peers renew their connections in time; this ends those of who does not.
      limits: { ...limits, connectionAgeMs: limits.connectionAgeMs * PEER_AGE_FACTOR },
      addresses,
      windowBytes,
      onRejected: (rejection) => rejections.note(rejection),
      onRefused: (address) => {
        logger.warn('a connection of a peer was refused', { address, connectionsMax });
      },
    });
    this.#guardTraffic();
    if (!this.#listener.hasLargeWindow) {
      logger.warn('peer connections keep a 64-KiB window: grpc-js is not as known');
    }
    return this.#listener.port;
  }

  #guardTraffic(): void {
    const { limits, logger } = this.#options;
    const streaming = Object.values(rawRaftService).filter(({ requestStream }) => requestStream);
    const onRefused = quietly((reason: TrafficRefusal) => {
      logger.warn('a stream of a peer was ended', { reason });
    });
    const guard = new TrafficGuard({
      limits: limits.traffic,
      streamingPaths: new Set(streaming.map(({ path }) => path)),
      watchPaths: [],
      onRefused,
    });
    if (!guard.watch(this.#server)) {
      logger.warn('what peers may make this node hold is not bounded: grpc-js is not as known');
    }
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
