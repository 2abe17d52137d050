import type { SessionRequest, SessionResponse } from '@cashe/codec';
import type { WatchTopologyResponse } from '@cashe/proto';
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { CasheError, type CasheErrorCode } from '../core/error.js';
import type { Connector, Link, LinkFailure, LinkHandler } from '../core/ports.js';
import { channelOptions, credentialsFor } from './channel.js';
import { sessionMethod, watchTopologyMethod } from './definitions.js';
import { explained } from './explain.js';
import { LateLink } from './late-link.js';
import type { TlsFrame, TlsSource } from './tls-source.js';
import { type CallMetadata, callMetadata, type TokenSource } from './token.js';

/** Pause before WatchTopology is asked for again on the same link; plus as much jitter. */
const topologyRetryMs = 1_000;

/** Session streams over grpc-js: one channel per link, thrown away with it. */
export class GrpcConnector implements Connector {
  readonly #tls: TlsSource | undefined;
  readonly #metadata: CallMetadata;

  constructor(tls: TlsSource | undefined, token: TokenSource | undefined) {
    this.#tls = tls;
    this.#metadata = callMetadata(token);
  }

  connect(endpoint: string, handler: LinkHandler): Link {
    const metadata = this.#metadata;
    if (metadata instanceof Metadata && this.#tls === undefined) {
      return this.#open(endpoint, handler, metadata, undefined);
    }
    const late = metadata instanceof Metadata ? metadata : metadata().catch(noToken);
    const opened = Promise.all([late, this.#tls?.frame()]).then(([read, frame]) =>
      this.#open(endpoint, handler, read, frame),
    );
    return new LateLink(opened, handler, failureBefore);
  }

  #open(
    endpoint: string,
    handler: LinkHandler,
    metadata: Metadata,
    tls: TlsFrame | undefined,
  ): Link {
    try {
      const options = channelOptions(endpoint, tls);
      const client = new Client(endpoint, credentialsFor(endpoint, tls), options);
      const explain = (details: string): string => explained(details, endpoint, tls !== undefined);
      return new GrpcLink(client, handler, metadata, explain);
    } catch (error) {
      // grpc-js throws for what it cannot read as an address; nodes announce addresses too.
      const message = `${endpoint} is no address: ${String(error)}`;
      setImmediate(() => handler.onClosed({ code: 'INVALID_ARGUMENT', message }));
      return deadLink;
    }
  }
}

function noToken(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  const message = `the token could not be read: ${reason}`;
  throw new CasheError('UNAUTHENTICATED', message, { outcome: 'notCommitted', cause: error });
}

/** Why there is not even an attempt to connect. */
function failureBefore(error: unknown): LinkFailure {
  if (error instanceof CasheError) return { code: error.code, message: error.message };
  return { code: 'UNAVAILABLE', message: String(error) };
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
  readonly #metadata: Metadata;
  readonly #stream: ClientDuplexStream<SessionRequest, SessionResponse>;
  #topology: ClientReadableStream<WatchTopologyResponse> | undefined;
  #topologyTimer: NodeJS.Timeout | undefined;
  #isWritable = true;
  #isClosed = false;

  constructor(
    client: Client,
    handler: LinkHandler,
    metadata: Metadata,
    explain: (details: string) => string,
  ) {
    this.#client = client;
    this.#handler = handler;
    this.#metadata = metadata;
    const { path, serialize, deserialize } = sessionMethod;
    this.#stream = client.makeBidiStreamRequest(path, serialize, deserialize, metadata);
    // A stream that nobody reads from yet would buffer without limit.
    this.#stream.on('data', (response: SessionResponse) => handler.onMessage(response));
    this.#stream.on('drain', () => {
      this.#isWritable = true;
      handler.onDrain();
    });
    this.#stream.on('error', (error: ServiceError) => this.#end(failureOf(error, explain)));
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
      this.#metadata,
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

function failureOf(error: ServiceError, explain: (details: string) => string): LinkFailure {
  const details = error.details === '' ? error.message : error.details;
  return { code: codeOf(error), message: explain(details) };
}

function codeOf(error: ServiceError): CasheErrorCode {
  switch (error.code) {
    case status.FAILED_PRECONDITION:
      return error.details.includes('CLUSTER_MISMATCH') ? 'CLUSTER_MISMATCH' : 'UNAVAILABLE';
    case status.PERMISSION_DENIED:
      return 'PERMISSION_DENIED';
    case status.UNAUTHENTICATED:
      return 'UNAUTHENTICATED';
    default:
      return 'UNAVAILABLE';
  }
}
