/** A gRPC port with TLS as it is to be tested, and clients of every kind. */
import {
  type ChannelCredentials,
  Client,
  credentials,
  type handleUnaryCall,
  Metadata,
  Server,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { ClientAuth } from '../../src/config/options.js';
import { sessionOf, socketOf } from '../../src/net/http2-session.js';
import { type ConnectionLimits, defaultConnectionLimits } from '../../src/net/limits.js';
import { type Listener, listen } from '../../src/net/listener.js';
import { principalOfSocket } from '../../src/net/peer-identity.js';
import type { Rejection } from '../../src/net/rejections.js';
import type { TlsMaterial } from '../../src/net/tls-material.js';
import type { TestCa, TestPair } from '../support/certificates.js';

const same = (bytes: Buffer): Buffer => bytes;
const codec = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};
const path = '/test/Who';
const service = { who: { path, requestStream: false, responseStream: false, ...codec } };

interface PortOptions {
  readonly material?: TlsMaterial | undefined;
  readonly clientAuth?: ClientAuth;
  readonly limits?: Partial<ConnectionLimits>;
}

/** Serves one method, which answers with the principal of its connection. */
export class TestPort {
  readonly rejections: Rejection[] = [];
  /** Connections that were told that they are too old. */
  aged = 0;
  readonly #server = new Server({ 'grpc.enable_channelz': 0 });
  readonly #clients: Client[] = [];
  #listener: Listener | undefined;

  static async open({ material, clientAuth = 'none', limits }: PortOptions): Promise<TestPort> {
    const port = new TestPort();
    const who: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
      const session = sessionOf(call) ?? {};
      callback(null, Buffer.from(principalOfSocket(socketOf(session)) ?? 'anonymous'));
    };
    port.#server.addService(service, { who });
    port.#listener = await listen({
      server: port.#server,
      tls: material && { material, clientAuth },
      limits: { ...defaultConnectionLimits, ...limits },
      addresses: [{ host: '127.0.0.1', port: 0 }],
      windowBytes: 65_535,
      onRefused: () => undefined,
      onRejected: (rejection) => port.rejections.push(rejection),
      onAged: () => {
        port.aged += 1;
      },
    });
    return port;
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  get connectionCount(): number {
    return this.#listener?.connectionCount ?? 0;
  }

  /** Of rejections so far. */
  reasons(): string[] {
    return this.rejections.map(({ reason }) => reason);
  }

  /** A connection of its own. */
  client(creds: ChannelCredentials): Client {
    const client = new Client(`localhost:${this.port}`, creds, {
      'grpc.use_local_subchannel_pool': 1,
    });
    this.#clients.push(client);
    return client;
  }

  /** The principal, or the code and details of the error. */
  ask(creds: ChannelCredentials): Promise<string> {
    return who(this.client(creds));
  }

  close(): void {
    for (const client of this.#clients) client.close();
    this.#listener?.close();
    this.#server.forceShutdown();
    this.#listener?.destroy();
  }
}

export function who(client: Client): Promise<string> {
  const options = { deadline: Date.now() + 5_000 };
  return new Promise((resolve) => {
    const done = (error: ServiceError | null, answer?: Buffer): void => {
      if (error === null) resolve(String(answer));
      else resolve(`${status[error.code]} ${error.details}`);
    };
    client.makeUnaryRequest(path, same, same, Buffer.of(), new Metadata(), options, done);
  });
}

export const plain = (): ChannelCredentials => credentials.createInsecure();

/** Trusts the CA; shows the pair, if there is one. */
export function tls(ca: TestCa, pair?: TestPair): ChannelCredentials {
  const [key, cert] = pair === undefined ? [] : [Buffer.from(pair.key), Buffer.from(pair.cert)];
  return credentials.createSsl(Buffer.from(ca.cert), key, cert);
}
