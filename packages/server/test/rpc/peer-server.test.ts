// Goal: the peer port's window, and that it closes in time whoever is still connected.
import { type ClientHttp2Session, connect } from 'node:http2';
import { afterEach, describe, expect, it } from '@jest/globals';
import { TestNodes, until } from './support/nodes.js';

const nodes = new TestNodes();
const sessions: ClientHttp2Session[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await nodes.stopAll();
});

function session(port: number): ClientHttp2Session {
  const opened = connect(`http://127.0.0.1:${port}`);
  opened.on('error', () => undefined);
  sessions.push(opened);
  return opened;
}

describe('the peer port', () => {
  it('announces the large window, twice as large for the connection', async () => {
    const node = await nodes.start(1, { limits: { windowBytes: 3_000_000 } });
    const opened = session(node.port);
    await until(() => opened.remoteSettings?.initialWindowSize === 3_000_000, 'the stream window');
    await until(() => opened.state.remoteWindowSize === 6_000_000, 'the connection window');
    expect(node.logger.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  it('closes after the grace although a connection keeps a stream open', async () => {
    // Otherwise a missed ping would end it after a while.
    const node = await nodes.start(1, { limits: { keepaliveMs: 3_600_000 } });
    const opened = session(node.port);
    const closed = new Promise<void>((resolve) => opened.once('close', resolve));
    const headers = { 'content-type': 'application/grpc', te: 'trailers' };
    // A call whose request never ends, so that the server cannot answer it.
    const path = '/cashe.raft.v1.Raft/Found';
    const stream = opened.request({ ':method': 'POST', ':path': path, ...headers });
    stream.on('error', () => undefined);
    await until(() => opened.remoteSettings?.initialWindowSize !== undefined, 'the connection');
    // What was sent before the ping is there when it is answered.
    await new Promise<void>((resolve) => opened.ping(() => resolve()));
    await node.transport.stop(20);
    await closed;
  });

  it('refuses connections beyond the bound and logs it once', async () => {
    const node = await nodes.start(1, { limits: { connectionsMax: 1 } });
    const first = session(node.port);
    await until(() => first.remoteSettings?.initialWindowSize !== undefined, 'the first');
    const second = session(node.port);
    const third = session(node.port);
    await until(() => second.destroyed && third.destroyed, 'the others to be refused');
    const refused = node.logger.lines.filter((line) => line.includes('refused'));
    expect(refused).toHaveLength(1);
  });
});
