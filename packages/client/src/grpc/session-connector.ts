import type { SessionRequest, SessionResponse } from '@cashe/codec';
import type { WatchTopologyResponse } from '@cashe/proto';
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  type ClientReadableStream,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { CasheErrorCode } from '../core/error.js';
import type { Connector, Link, LinkFailure, LinkHandler } from '../core/ports.js';
import { channelOptions, credentialsFor, type TlsOptions } from './channel.js';
import { sessionMethod, watchTopologyMethod } from './definitions.js';

/** Pause before WatchTopology is asked for again on the same link; plus as much jitter. */
const topologyRetryMs = 1_000;

/** Session streams over grpc-js: one channel per link, thrown away with it. */
export class GrpcConnector implements Connector {
  readonly #credentials: ChannelCredentials;
  readonly #options: ClientOptions;

  constructor(tls: TlsOptions | undefined) {
    this.#credentials = credentialsFor(tls);
    this.#options = channelOptions(tls);
  }

  connect(endpoint: string, handler: LinkHandler): Link {
    try {
      return new GrpcLink(new Client(endpoint, this.#credentials, this.#options), handler);
    } catch (error) {
      // grpc-js throws for what it cannot read as an address; nodes announce addresses too.
      const message = `${endpoint} is no address: ${String(error)}`;
      setImmediate(() => handler.onClosed({ code: 'INVALID_ARGUMENT', message }));
      return deadLink;
    }
  }
}

const deadLink: Link = {
  writable: false,
  send: () => {},
  watchTopology: () => {},
  close: () => {},
};

class GrpcLink implements Link {
  readonly #client: Client;
  readonly #handler: LinkHandler;
  readonly #stream: ClientDuplexStream<SessionRequest, SessionResponse>;
  #topology: ClientReadableStream<WatchTopologyResponse> | undefined;
  #topologyTimer: NodeJS.Timeout | undefined;
  #isWritable = true;
  #isClosed = false;

  constructor(client: Client, handler: LinkHandler) {
    this.#client = client;
    this.#handler = handler;
    const { path, serialize, deserialize } = sessionMethod;
    this.#stream = client.makeBidiStreamRequest(path, serialize, deserialize);
    // A stream that nobody reads from yet would buffer without limit.
    this.#stream.on('data', (response: SessionResponse) => handler.onMessage(response));
    this.#stream.on('drain', () => {
      this.#isWritable = true;
      handler.onDrain();
    });
    this.#stream.on('error', (error: ServiceError) => this.#end(failureOf(error)));
    this.#stream.on('end', () => {
      // An error, if there is one, follows the end of the data in the same turn.
      setImmediate(() => this.#end({ code: 'UNAVAILABLE', message: 'the node ended the stream' }));
    });
  }

  get writable(): boolean {
    return this.#isWritable;
  }

  send(request: SessionRequest): void {
    if (this.#isClosed) return;
    // The amount buffered is bounded by the server's grant (R32), drain only smooths it.
    this.#isWritable = this.#stream.write(request);
  }

  watchTopology(): void {
    if (this.#isClosed) return;
    const { path, requestSerialize, responseDeserialize } = watchTopologyMethod;
    const call = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      {},
    );
    this.#topology = call;
    call.on('data', (topology: WatchTopologyResponse) => this.#handler.onTopology(topology));
    call.on('end', () => this.#retryTopology(call));
    // What ended it does not matter: the topology is a hint, and the session stream has its own.
    call.on('error', () => this.#retryTopology(call));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#topologyTimer);
    this.#topology?.cancel();
    this.#stream.cancel();
    this.#client.close();
  }

  #end(failure: LinkFailure): void {
    if (this.#isClosed) return;
    this.close();
    this.#handler.onClosed(failure);
  }

  #retryTopology(call: ClientReadableStream<WatchTopologyResponse>): void {
    if (this.#isClosed || this.#topology !== call) return;
    this.#topology = undefined;
    const delayMs = topologyRetryMs * (1 + Math.random());
    this.#topologyTimer = setTimeout(() => this.watchTopology(), delayMs);
  }
}

function failureOf(error: ServiceError): LinkFailure {
  return { code: codeOf(error), message: error.details === '' ? error.message : error.details };
}

function codeOf(error: ServiceError): CasheErrorCode {
  switch (error.code) {
    case status.FAILED_PRECONDITION:
      return error.details.includes('CLUSTER_MISMATCH') ? 'CLUSTER_MISMATCH' : 'UNAVAILABLE';
    case status.PERMISSION_DENIED:
    case status.UNAUTHENTICATED:
      return 'PERMISSION_DENIED';
    default:
      return 'UNAVAILABLE';
  }
}
