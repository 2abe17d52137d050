/**
 * One HTTP port: fastify over a server of ours, because the sockets come from `net/listener.ts`
 * (several addresses, one port, bounded), certificates change while it runs, and a node that stops
 * decides itself when its connections end. What it serves is registered by who makes it.
 */
import { createServer, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as NetServer, Socket } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import type { ClientAuth } from '../config/options.js';
import type { Logger } from '../host/ports.js';
import type { RefusalReporter } from '../metrics/reporters.js';
import { HttpsDoor } from '../net/https-door.js';
import { type BindAddress, bindAll } from '../net/listener.js';
import { RejectionLog } from '../net/rejections.js';
import type { TlsMaterial } from '../net/tls-material.js';
import { ByteBudget } from './byte-budget.js';
import { Connections } from './connections.js';
import { addErrorReplies, badPath } from './error-replies.js';
import { refused } from './failure.js';
import type { HttpLimits } from './limits.js';
import { parseQuery } from './query.js';

export interface HttpTls {
  readonly material: Pick<TlsMaterial, 'current' | 'onChange'>;
  readonly clientAuth: ClientAuth;
}

interface HttpPortOptions {
  readonly log: Logger;
  readonly limits: HttpLimits;
  /** undefined: plain HTTP. */
  readonly tls: HttpTls | undefined;
  readonly reporters?: RefusalReporter | undefined;
  /** Adds the routes. */
  register(app: FastifyInstance): void;
}

/** TLS 1.2 and newer only. */
const tlsVersionMin = 'TLSv1.2';
/** Smaller answers are not counted: as many as there may be requests are no danger. */
const countedBytesMin = 4_096;
/** How often Node looks for requests that take too long. */
const timeoutCheckMs = 500;

export class HttpPort {
  readonly #options: HttpPortOptions;
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #app: FastifyInstance;
  readonly #output: ByteBudget;
  readonly #unsubscribe: () => void;
  readonly #door: HttpsDoor | undefined;
  #sockets: readonly NetServer[] = [];
  /** Accepted and not closed, also those that said nothing yet. */
  #openCount = 0;

  private constructor(options: HttpPortOptions) {
    this.#options = options;
    this.#connections = new Connections(options.limits);
    this.#output = new ByteBudget(options.limits.outputBytesMax);
    const { server, unsubscribe } = createHttpServer(options);
    this.#server = server;
    this.#unsubscribe = unsubscribe;
    this.#connections.attach(server);
    if (options.tls !== undefined) {
      const rejections = new RejectionLog(options.log, 'http', options.reporters);
      this.#door = new HttpsDoor({ server, onRejected: (one) => rejections.note(one) });
    }
    this.#app = createApp(this.#server, this.#connections);
    this.#addHooks();
    addErrorReplies(this.#app, options.log);
  }

  static async create(options: HttpPortOptions): Promise<HttpPort> {
    const port = new HttpPort(options);
    options.register(port.#app);
    await port.#app.ready();
    return port;
  }

  /**
   * Listens on all addresses, with one port; returns it. Rejects with AddressInUseError or
   * BindError, and then listens nowhere. Call it once.
   */
  async bind(addresses: readonly BindAddress[]): Promise<number> {
    const { limits, log, reporters } = this.#options;
    const { connectionsMax } = limits;
    const onRefused = (address: string): void => {
      reporters?.refused('connections');
      log.warn('a connection was refused', { address, connectionsMax });
    };
    const bound = await bindAll({ addresses, connectionsMax, onRefused }, (socket) => {
      this.#openCount += 1;
      socket.once('close', () => {
        this.#openCount -= 1;
      });
      if (this.#door === undefined) this.#server.emit('connection', socket);
      else this.#door.accept(socket);
    });
    this.#sockets = bound.sockets;
    // The sockets are not the server's own; this starts its watch over requests that take too long.
    this.#server.emit('listening');
    return bound.port;
  }

  get connectionCount(): number {
    return this.#openCount;
  }

  #addHooks(): void {
    const connections = this.#connections;
    this.#app.addHook('onRequest', (request, reply, done) => {
      const mayServe = connections.onRequest(request.raw, reply.raw);
      if (!mayServe) {
        const message = 'too many requests of this connection have no answer yet';
        done(refused('RESOURCE_EXHAUSTED', message));
      } else if (request.raw.httpVersion === '1.1' && request.headers.host === undefined) {
        done(refused('INVALID_ARGUMENT', 'the Host header is missing'));
      } else if (connections.isStopping) {
        done(refused('UNAVAILABLE', 'this node is stopping; use another one'));
      } else {
        done();
      }
    });
    this.#app.addHook('onSend', (request, reply, payload, done) => {
      if (connections.isLastAnswer(request.raw)) reply.header('connection', 'close');
      if (this.#mayHold(payload, reply.raw)) done();
      else {
        const message = 'clients have not taken too many answers yet; wait, or use another node';
        done(refused('RESOURCE_EXHAUSTED', message));
      }
    });
  }

  /** Counts the answer until it has left; what is small, errors above all, always may. */
  #mayHold(payload: unknown, response: ServerResponse): boolean {
    const bytes = Buffer.isBuffer(payload) || typeof payload === 'string' ? payload.length : 0;
    if (bytes < countedBytesMin || response.closed) return true;
    if (!this.#output.take(bytes)) return false;
    response.once('close', () => this.#output.give(bytes));
    return true;
  }

  /** No new connections; requests that come on those there are get 503, the others go on. */
  stopAccepting(): void {
    for (const socket of this.#sockets) socket.close();
    this.#door?.close();
    this.#connections.stop();
    this.#server.closeIdleConnections();
  }

  /** Ends all connections: once their answers have left, at the latest after `flushMs`. */
  async close(): Promise<void> {
    this.stopAccepting();
    this.#unsubscribe();
    await this.#connections.ended(this.#options.limits.flushMs);
    // Stops the watch; it never listened itself, so this does not end with an error for anybody.
    this.#server.close(() => undefined);
    await this.#app.close();
  }
}

function createHttpServer(options: HttpPortOptions): {
  readonly server: Server;
  readonly unsubscribe: () => void;
} {
  const { limits, tls } = options;
  const shared: ServerOptions = {
    maxHeaderSize: limits.headBytesMax,
    headersTimeout: limits.headTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: timeoutCheckMs,
    // Refused by us, in the form of all other errors.
    requireHostHeader: false,
  };
  if (tls === undefined) return { server: bounded(createServer(shared), limits), unsubscribe };
  const { material, clientAuth } = tls;
  const server = createTlsServer({
    ...shared,
    ...material.current.options,
    minVersion: tlsVersionMin,
    handshakeTimeout: limits.headTimeoutMs,
    requestCert: clientAuth !== 'none',
    rejectUnauthorized: clientAuth === 'require',
  });
  const stop = material.onChange((pieces) => {
    server.setSecureContext({ ...pieces.options, minVersion: tlsVersionMin });
  });
  return { server: bounded(server, limits), unsubscribe: stop };
}

function unsubscribe(): void {
  // Plain HTTP has nothing that changes.
}

function bounded<T extends Server>(server: T, limits: HttpLimits): T {
  server.maxHeadersCount = limits.headersMax;
  server.setTimeout(limits.stallMs);
  // RFC 9110, section 10.1.1: an expectation that is not known may be ignored.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  return server;
}

function createApp(server: Server, connections: Connections): FastifyInstance {
  const app: FastifyInstance = fastify({
    serverFactory: (handler) => server.on('request', handler),
    logger: false,
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => connections.onClientError(error, socket as Socket),
    frameworkErrors: badPath,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: false } },
    routerOptions: {
      // A path is bounded by the head; keys by their own limit.
      maxParamLength: Number.MAX_SAFE_INTEGER,
      querystringParser: parseQuery,
    },
  });
  // Answers are plain objects of ours: nothing is to be dropped or converted on the way.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  return app;
}
