import { once } from 'node:events';
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { createServer, type Server } from 'node:net';
import { Client, credentials, status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { endingWithChannel } from '../../src/net/ending-credentials.js';

const same = (bytes: Buffer): Buffer => bytes;

/** A channel to the port; where nobody listens it tries again after `backoffMs`. */
function clientOf(port: number, backoffMs: number): Client {
  return new Client(`ipv4:127.0.0.1:${port}`, endingWithChannel(credentials.createInsecure()), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.initial_reconnect_backoff_ms': backoffMs,
    'grpc.max_reconnect_backoff_ms': backoffMs,
  });
}

const call = (client: Client): Promise<status | undefined> =>
  new Promise((resolve) => {
    const done = (error: { readonly code: status } | null): void => resolve(error?.code);
    client.makeUnaryRequest('/x.X/X', same, same, Buffer.alloc(0), done);
  });

async function portOf(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

describe('a channel', () => {
  // A second channel that stays open and tries again later than the first would tells the time.
  it('whose connection failed connects to nobody once it is closed', async () => {
    const reserved = createServer();
    const port = await portOf(reserved, 0);
    await new Promise((resolve) => reserved.close(resolve));
    const closed = clientOf(port, 100);
    const open = clientOf(port, 400);
    const failed = await Promise.all([call(closed), call(open)]);
    expect(failed).toEqual([status.UNAVAILABLE, status.UNAVAILABLE]);
    closed.close();
    const sessions: ServerHttp2Session[] = [];
    const server = createHttp2Server().on('session', (session) => sessions.push(session));
    try {
      await portOf(server, port);
      await new Promise<void>((resolve, reject) => {
        open.waitForReady(Date.now() + 10_000, (late) => (late ? reject(late) : resolve()));
      });
      expect(sessions).toHaveLength(1);
    } finally {
      open.close();
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
