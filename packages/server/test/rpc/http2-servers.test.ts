/** Goal: notice when a release of grpc-js moves what http2-servers.ts relies on. */
import { type ClientHttp2Session, connect } from 'node:http2';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { applyHttp2Settings } from '../../src/rpc/http2-servers.js';
import { TestNodes, until } from './support/nodes.js';

const nodes = new TestNodes();
const sessions: ClientHttp2Session[] = [];
afterEach(async () => {
  for (const session of sessions) session.destroy();
  await nodes.stopAll();
});

describe('the peer port', () => {
  it('announces the large window for streams and for the connection', async () => {
    const node = await nodes.start(1, { limits: { windowBytes: 3_000_000 } });
    const session = connect(`http://127.0.0.1:${node.port}`);
    sessions.push(session);
    await until(() => session.remoteSettings?.initialWindowSize === 3_000_000, 'the stream window');
    await until(() => session.state.remoteWindowSize === 3_000_000, 'the connection window');
    expect(node.logger.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });
});

describe('settings of the HTTP/2 servers inside grpc-js', () => {
  const settings = { windowBytes: 1_000_000, connectionsMax: 5 };

  it('are applied once to each listener, and counted', async () => {
    const server = new Server();
    const applied = new WeakSet<object>();
    expect(applyHttp2Settings(server, settings, applied)).toBe(0);
    await new Promise<void>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    expect(applyHttp2Settings(server, settings, applied)).toBe(1);
    expect(applyHttp2Settings(server, settings, applied)).toBe(1);
    const listeners: unknown = Reflect.get(server, 'http2Servers');
    if (!(listeners instanceof Map)) throw new Error('grpc-js changed');
    for (const listener of listeners.keys()) {
      expect(listener.maxConnections).toBe(5);
      expect(listener.listenerCount('session')).toBe(2); // grpc-js's own and ours
    }
    server.forceShutdown();
  });
});
