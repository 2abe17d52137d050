// Goal: health and reflection, whose handlers are libraries', take what is malformed, endless or
// unknown as our own services do: a typed refusal, and nothing of it is kept.
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import {
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Serving,
} from '@cashe/proto';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { failure, Messages, until } from '../support/api-fixture.js';
import { grpcMessage } from './support/attacker.js';
import { heldBytes } from './support/memory.js';
import { AttackedPort } from './support/port.js';

const mib = 1024 * 1024;
/** A field of a wire type that does not exist. */
const noMessage = Buffer.from([0x0f]);
const reflection = ['v1', 'v1alpha'].map(
  (version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
);
const health = ['Check', 'List', 'Watch'].map((method) => `/grpc.health.v1.Health/${method}`);

let port: AttackedPort;
let session: ClientHttp2Session;
beforeEach(async () => {
  port = await AttackedPort.start();
  session = connect(`http://${port.fixture.address}`);
});
afterEach(() => {
  session.destroy();
  port.close();
});

function request(path: string, message: Buffer): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
  });
  stream.end(grpcMessage(message));
  stream.resume();
  return stream;
}

describe('a request that cannot be decoded', () => {
  it.each([...health, ...reflection])('of %s is INVALID_ARGUMENT', async (path) => {
    const [headers] = await once(request(path, noMessage), 'response');
    expect(headers['grpc-status']).toBe(String(status.INVALID_ARGUMENT));
    expect(headers['cashe-outcome']).toBe('not_committed');
  });

  it('after others on a stream of reflection ends that stream', async () => {
    const list = grpcMessage(Buffer.from([0x3a, 0]));
    const stream = session.request({
      ':method': 'POST',
      ':path': reflection[0] ?? '',
      'content-type': 'application/grpc',
    });
    stream.write(list);
    await once(stream, 'data');
    stream.write(grpcMessage(noMessage));
    const [trailers] = await once(stream, 'trailers');
    expect(trailers['grpc-status']).toBe(String(status.INVALID_ARGUMENT));
  });
});

describe('a service nobody has', () => {
  const name = (index: number): string => `${index}`.padEnd(256 * 1024, 'x');

  it('is NOT_FOUND, and its name is not sent back', async () => {
    const client = port.fixture.health();
    const error = await failure<HealthCheckResponse>((done) =>
      client.check({ service: name(0) }, done),
    );
    expect(error.code).toBe(status.NOT_FOUND);
    expect(error.details.length).toBeLessThan(200);
  });

  it('can be watched, and nothing of it stays', async () => {
    const client = port.fixture.health();
    const watchOnce = async (index: number): Promise<void> => {
      const watch = client.watch({ service: name(index) });
      expect(await new Messages(watch).next()).toEqual({ status: Serving.SERVICE_UNKNOWN });
      watch.cancel();
    };
    const before = heldBytes();
    for (let index = 0; index < 200; index += 1) await watchOnce(index);
    // 50 MiB of names went by; the last of them may be on their way.
    await until(() => heldBytes() - before < 16 * mib);
  }, 30_000);
});
