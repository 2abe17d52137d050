import { randomBytes } from 'node:crypto';
import {
  type ClientHello,
  decodeSessionResponse,
  encodeSessionRequest,
  OpsEncoder,
  type SessionRequest,
  type SessionResponse,
} from '@cashe/codec';
import { KVService } from '@cashe/proto';
import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { type ApiFixture, Messages } from './api-fixture.js';

export const clientHello: ClientHello = {
  kind: 'hello',
  protocolVersions: [1],
  clusterId: '',
  clientName: 'test',
};

/** A client of the Session method that sends whatever a test wants, also what is malformed. */
export class SessionClient {
  readonly stream: ClientDuplexStream<Buffer, SessionResponse>;
  readonly messages: Messages<SessionResponse>;

  constructor(
    fixture: Pick<ApiFixture, 'address' | 'track'>,
    options: { readonly isReading?: boolean; readonly metadata?: Metadata } = {},
  ) {
    const client = new Client(fixture.address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
    this.stream = fixture.track(client).makeBidiStreamRequest(
      KVService.session.path,
      (bytes: Buffer) => bytes,
      (bytes) => decodeSessionResponse(bytes),
      options.metadata ?? new Metadata(),
    );
    this.messages = new Messages(this.stream);
    if (options.isReading === false) this.stream.pause();
  }

  send(request: SessionRequest): void {
    this.stream.write(Buffer.from(encodeSessionRequest(request)));
  }

  /** Says hello and takes the answer and the leader that follows it. */
  async greet(): Promise<Extract<SessionResponse, { kind: 'hello' }>> {
    this.send(clientHello);
    const hello = await this.messages.next();
    const leader = await this.messages.next();
    if (hello.kind !== 'hello' || leader.kind !== 'leader') throw new Error('no greeting');
    return hello;
  }

  write(transmission: number, ops: Uint8Array = setOps('k', new Uint8Array(8))): void {
    this.send({
      kind: 'write',
      transmission,
      group: 0,
      session: 1,
      sequence: transmission,
      firstOutstanding: 1,
      remainingMs: 5000,
      ops,
    });
  }

  read(transmission: number, ops: Uint8Array): void {
    this.send({
      kind: 'read',
      transmission,
      group: 0,
      session: 0,
      afterSequence: 0,
      consistency: 1,
      remainingMs: 5000,
      ops,
    });
  }

  failure(): Promise<ServiceError> {
    return this.messages.failure();
  }
}

export function setOps(key: string, value: Uint8Array): Uint8Array {
  const encoder = new OpsEncoder();
  encoder.add({ kind: 'set', key, value, ttlMs: 0, keepTtl: false });
  return encoder.finish(randomBytes(8));
}

export function getOps(...keys: readonly string[]): Uint8Array {
  const encoder = new OpsEncoder();
  const rest = { value: new Uint8Array(0), ttlMs: 0, keepTtl: false };
  for (const key of keys) encoder.add({ kind: 'get', key, ...rest });
  return encoder.finish(undefined);
}
