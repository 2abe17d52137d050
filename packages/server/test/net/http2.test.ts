// The two places that reach into grpc-js: a new version that hides these things fails here.
import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { Server } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { resetStream } from '../../src/net/http2-reset.js';
import { raiseReceiveWindow } from '../../src/net/http2-window.js';
import { defaultConnectionLimits } from '../../src/net/limits.js';
import { type Listener, listen } from '../../src/net/listener.js';

const windowBytes = 3 * 1024 * 1024;
let listener: Listener | undefined;
let server: Server | undefined;

afterEach(() => {
  listener?.close();
  listener?.destroy();
  server?.forceShutdown();
});

async function start(): Promise<Server> {
  server = new Server({ 'grpc.enable_channelz': 0 });
  listener = await listen({
    server,
    tls: undefined,
    limits: defaultConnectionLimits,
    addresses: [{ host: '127.0.0.1', port: 0 }],
    windowBytes,
    onRefused: () => undefined,
    onRejected: () => undefined,
  });
  return server;
}

describe('the receive window', () => {
  it('is raised for streams, and twice as much for connections', async () => {
    await start();
    expect(listener?.hasLargeWindow).toBe(true);
    const session = connect(`http://127.0.0.1:${listener?.port}`);
    const [settings] = await once(session, 'remoteSettings');
    expect(settings.initialWindowSize).toBe(windowBytes);
    // The connection's window comes in a frame of its own, which an answered ping follows.
    await new Promise<void>((resolve) => session.ping(() => resolve()));
    expect(session.state.remoteWindowSize).toBe(windowBytes * 2);
    session.destroy();
  });

  it('is reported as not raised when grpc-js is not as known', () => {
    const other = { http2Servers: new Set() };
    expect(raiseReceiveWindow(other as never, windowBytes)).toBe(0);
  });
});

describe('resetting a stream', () => {
  it('ends it at once with ENHANCE_YOUR_CALM, which gRPC calls RESOURCE_EXHAUSTED', async () => {
    const grpc = await start();
    const same = (bytes: Buffer): Buffer => bytes;
    const codec = { requestSerialize: same, requestDeserialize: same };
    const method = { path: '/x/Stream', requestStream: true, responseStream: true, ...codec };
    const definition = {
      stream: { ...method, responseSerialize: same, responseDeserialize: same },
    };
    const reset = new Promise<boolean>((resolve) => {
      grpc.addService(definition, {
        stream: (call: { write(bytes: Buffer): boolean }) => {
          for (let index = 0; index < 100; index++) call.write(Buffer.alloc(64 * 1024));
          resolve(resetStream(call));
        },
      });
    });
    const session = connect(`http://127.0.0.1:${listener?.port}`);
    const headers = { 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ':method': 'POST', ':path': '/x/Stream', ...headers });
    stream.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => stream.on('close', resolve));
    expect(await reset).toBe(true);
    stream.resume();
    await closed;
    expect(stream.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    session.destroy();
  });

  it('is reported as impossible when grpc-js is not as known', () => {
    expect(resetStream({ call: { stream: undefined } })).toBe(false);
    expect(resetStream({})).toBe(false);
  });
});
