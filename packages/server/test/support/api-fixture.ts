import { ClusterClient, HealthClient, KVClient } from '@cashe/proto';
import {
  type Client,
  type ClientReadableStream,
  credentials,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { Authenticator } from '../../src/api/authenticate.js';
import { type ApiLimits, type ApiServer, createApiServer } from '../../src/api/index.js';
import { noAudit } from '../../src/host/index.js';
import type { Logger } from '../../src/host/ports.js';
import { FakeCalls } from './fake-calls.js';

export interface LogLine {
  readonly level: string;
  readonly message: string;
}

export function recordingLog(lines: LogLine[]): Logger {
  const at = (level: string) => (message: string) => void lines.push({ level, message });
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

/** Who a caller is by the policy that the calls tell of. */
export function authenticatorOf(calls: FakeCalls): Authenticator {
  return new Authenticator({ policy: () => calls.access(), audit: noAudit });
}

/** A server over fake calls on a free port, with clients; `close` ends all of it. */
export class ApiFixture {
  readonly calls: FakeCalls;
  readonly server: ApiServer;
  readonly lines: LogLine[] = [];
  port = 0;
  readonly #clients: Client[] = [];

  private constructor(limits: Partial<ApiLimits>) {
    this.calls = new FakeCalls();
    const log = recordingLog(this.lines);
    const { calls } = this;
    const authenticator = authenticatorOf(calls);
    this.server = createApiServer({ calls, log, authenticator, version: '1.2.3', limits });
  }

  static async start(limits: Partial<ApiLimits> = {}): Promise<ApiFixture> {
    const fixture = new ApiFixture(limits);
    fixture.port = await fixture.server.bind([{ host: '127.0.0.1', port: 0 }]);
    return fixture;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  track<T extends Client>(client: T): T {
    this.#clients.push(client);
    return client;
  }

  kv(): KVClient {
    return this.track(new KVClient(this.address, credentials.createInsecure()));
  }

  cluster(): ClusterClient {
    return this.track(new ClusterClient(this.address, credentials.createInsecure()));
  }

  health(): HealthClient {
    return this.track(new HealthClient(this.address, credentials.createInsecure()));
  }

  close(): void {
    for (const client of this.#clients) client.close();
    this.calls.release();
    this.server.forceClose();
  }
}

type Callback<Response> = (error: ServiceError | null, response: Response) => void;

/** A unary call as a promise. */
export function answer<Response>(run: (callback: Callback<Response>) => void): Promise<Response> {
  return new Promise((resolve, reject) => {
    run((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

/** The error of a unary call that is to fail. */
export function failure<Response>(
  run: (callback: Callback<Response>) => void,
): Promise<ServiceError> {
  return new Promise((resolve, reject) => {
    run((error) => (error === null ? reject(new Error('the call succeeded')) : resolve(error)));
  });
}

export function trailer(metadata: Metadata, name: string): string {
  return String(metadata.get(name)[0] ?? '');
}

/** What a stream brings, one by one. */
export class Messages<T> {
  readonly #waiting: ((message: T) => void)[] = [];
  readonly #arrived: T[] = [];
  readonly #failed: Promise<ServiceError>;

  constructor(stream: Pick<ClientReadableStream<T>, 'on'>) {
    this.#failed = new Promise((resolve) => stream.on('error', resolve));
    stream.on('data', (message: T) => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#arrived.push(message);
      else next(message);
    });
  }

  next(): Promise<T> {
    const message = this.#arrived.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      this.#failed.then(reject, reject);
    });
  }

  /** The error that ends the stream. */
  failure(): Promise<ServiceError> {
    return this.#failed;
  }

  get arrivedCount(): number {
    return this.#arrived.length;
  }
}

/** Lets the event loop turn until the server has noticed something; gives up after 15 s. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 15_000;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error('it did not happen within 15 s');
    await new Promise(setImmediate);
  }
}
