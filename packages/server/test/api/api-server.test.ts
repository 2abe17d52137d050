// Binding, draining, closing, and what connections that are not gRPC do to a server.

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Code, Outcome } from '@cashe/codec';
import { HealthCheckResponse_ServingStatus as Serving } from '@cashe/proto';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type ApiServer, createApiServer } from '../../src/api/index.js';
import { AddressInUseError, BindError } from '../../src/net/errors.js';
import {
  ApiFixture,
  answer,
  authenticatorOf,
  failure,
  Messages,
  recordingLog,
  trailer,
  until,
} from '../support/api-fixture.js';
import { FakeCalls } from '../support/fake-calls.js';
import { SessionClient } from '../support/session-client.js';

let fixture: ApiFixture | undefined;

async function start(...[limits]: Parameters<typeof ApiFixture.start>): Promise<ApiFixture> {
  fixture = await ApiFixture.start(limits);
  return fixture;
}

afterEach(() => fixture?.close());

const value = Uint8Array.from(Buffer.from('v'));
const entry = { key: 'k', value, keepTtl: false };

function newServer(): ApiServer {
  const calls = new FakeCalls();
  const authenticator = authenticatorOf(calls);
  return createApiServer({ calls, log: recordingLog([]), authenticator });
}

describe('bind', () => {
  it('listens on several addresses with one port', async () => {
    const api = newServer();
    const hosts = ['127.0.0.1', '127.0.0.2'];
    const port = await api.bind(hosts.map((host) => ({ host, port: 0 })));
    for (const host of hosts) {
      const socket = connect(port, host);
      await once(socket, 'connect');
      socket.destroy();
    }
    api.forceClose();
  });

  it('names the address that is in use, and leaves nothing bound', async () => {
    const other: Server = createServer().listen(0, '127.0.0.2');
    await once(other, 'listening');
    const bound = other.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const api = newServer();
    const addresses = ['127.0.0.1', '127.0.0.2'].map((host) => ({ host, port }));
    const error = await api.bind(addresses).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AddressInUseError);
    expect(String(error)).toContain(`127.0.0.2:${port} is in use`);
    const socket = connect(port, '127.0.0.1');
    const [refused] = await once(socket, 'error').catch((reason: unknown) => [reason]);
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
    other.close();
    api.forceClose();
  });

  it('says why an address cannot be bound', async () => {
    const api = newServer();
    const binding = api.bind([{ host: '192.0.2.1', port: 0 }]);
    await expect(binding).rejects.toBeInstanceOf(BindError);
    await expect(binding).rejects.toThrow('192.0.2.1:0');
    api.forceClose();
  });
});

describe('drain', () => {
  it('lets calls in flight finish, refuses new connections and then closes', async () => {
    const { calls, server, port, kv } = bound(await start());
    const client = kv();
    calls.hold();
    const call = answer<{ revision: number }>((done) => client.set(entry, done));
    await calls.held();
    const drained = server.drain(10_000);
    const [error] = await once(connect(port, '127.0.0.1'), 'error').catch((e: unknown) => [e]);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    calls.release();
    expect((await call).revision).toBe(1);
    await drained;
    expect(calls.servingListeners.size).toBe(0);
  });

  it('answers what a Session stream has in flight, refuses what follows and ends it', async () => {
    const { calls, server } = await start();
    const client = new SessionClient(fixture as ApiFixture);
    await client.greet();
    calls.hold();
    client.write(1);
    await calls.held();
    const drained = server.drain(10_000);
    client.write(2);
    expect(await client.messages.next()).toMatchObject({
      transmission: 2,
      code: Code.UNAVAILABLE,
      outcome: Outcome.NOT_COMMITTED,
    });
    calls.release();
    expect(await client.messages.next()).toMatchObject({ transmission: 1, code: Code.OK });
    const error = await client.failure();
    expect(status[error.code]).toBe('UNAVAILABLE');
    expect(error.details).toContain('this node is stopping');
    await drained;
  });

  it('tells watchers of health NOT_SERVING and ends every watch', async () => {
    const { server, health, cluster } = bound(await start());
    const healthWatch = new Messages(health().watch({ service: 'cashe.v1.KV' }));
    const topologyWatch = new Messages(cluster().watchTopology({}));
    await Promise.all([healthWatch.next(), topologyWatch.next()]);
    const drained = server.drain(10_000);
    expect(await healthWatch.next()).toEqual({ status: Serving.NOT_SERVING });
    for (const watch of [healthWatch, topologyWatch]) {
      expect(status[(await watch.failure()).code]).toBe('UNAVAILABLE');
    }
    await drained;
  });

  it('ends at its deadline when a call does not', async () => {
    const { calls, server, kv, lines } = bound(await start());
    calls.hold();
    const client = kv();
    const lost = failure((done) => client.set(entry, done));
    await calls.held();
    await server.drain(50);
    const error = await lost;
    expect([status[error.code], trailer(error.metadata, 'cashe-outcome')]).toEqual([
      'UNAVAILABLE',
      'unknown',
    ]);
    expect(lines.some(({ message }) => message.includes('still in flight'))).toBe(true);
  });

  it('is done at once on a server that was never bound', async () => {
    const api = newServer();
    await api.drain(10_000);
  });
});

describe('forceClose', () => {
  it('ends calls and connections without waiting', async () => {
    const { calls, server, kv } = bound(await start());
    calls.hold();
    const client = kv();
    const lost = failure((done) => client.set(entry, done));
    await calls.held();
    server.forceClose();
    expect(status[(await lost).code]).toBe('UNAVAILABLE');
  });
});

describe('connections', () => {
  async function raw(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  it.each([
    ['HTTP/1.1', Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')],
    ['random bytes', Buffer.from('00ff11ee22dd33cc44bb55aa', 'hex')],
    [
      'a broken frame after the preface',
      Buffer.concat([
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        Buffer.from('ffffff04ffffffffff0102', 'hex'),
      ]),
    ],
  ])('with %s are closed, and the server goes on', async (_, bytes) => {
    const { port, kv } = bound(await start());
    const socket = await raw(port);
    socket.resume();
    socket.write(bytes);
    await once(socket, 'close');
    const client = kv();
    expect(await answer((done) => client.set(entry, done))).toEqual({ revision: 1 });
  });

  it('beyond the bound are refused, with one line in the log', async () => {
    const { port, lines } = await start({ connectionsMax: 1 });
    const first = await raw(port);
    for (let attempt = 0; attempt < 3; attempt++) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      await once(socket, 'close');
    }
    await until(() => lines.length > 0);
    expect(lines).toEqual([{ level: 'warn', message: 'a connection was refused' }]);
    first.destroy();
  });
});

/** The fixture's parts with their methods bound, for destructuring. */
function bound(api: ApiFixture) {
  const { calls, server, port, lines } = api;
  const [kv, health, cluster] = [() => api.kv(), () => api.health(), () => api.cluster()];
  return { calls, server, port, lines, kv, health, cluster };
}
