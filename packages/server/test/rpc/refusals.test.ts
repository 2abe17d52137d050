import { connect } from 'node:net';
import { AppendEntriesRequest } from '@cashe/proto';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AddressInUseError } from '../../src/net/errors.js';
import { openStream } from '../../src/rpc/service.js';
import { heartbeat, type TestNode, TestNodes, until } from './support/nodes.js';

const nodes = new TestNodes();
afterEach(() => nodes.stopAll());

/** Sends frames on a stream of its own and returns how the stream ended. */
async function endOfStream(port: number, frames: readonly Buffer[]): Promise<ServiceError> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const stream = openStream(client, 'appendEntries');
  stream.on('data', () => undefined);
  const ended = new Promise<ServiceError>((resolve) => stream.once('error', resolve));
  for (const frame of frames) stream.write(frame);
  const error = await ended;
  client.close();
  return error;
}

function helloFrame(to: TestNode, change: object = {}): Buffer {
  const hello = {
    protocolVersions: [1],
    ...{ clusterId: 'c1', nodeId: 'n7', nodeUid: 'uid-7', settingsHash: 0 },
    ...{ clientAddress: '', raftAddress: '', toNodeId: to.identity.nodeId, formatVersionMax: 1 },
    ...change,
  };
  return Buffer.from(AppendEntriesRequest.encode({ hello, messages: [] }).finish());
}

describe('a stream is refused when its hello', () => {
  it('is of another cluster, and the host hears that it is counted as a member there', async () => {
    const node = await nodes.start(1);
    const error = await endOfStream(node.port, [helloFrame(node, { clusterId: 'c2' })]);
    expect(error.code).toBe(status.FAILED_PRECONDITION);
    expect(error.details).toContain('CLUSTER_MISMATCH');
    expect(node.handler.foreignClusters).toEqual(['c2']);
  });

  it('is for another node, naming both', async () => {
    const node = await nodes.start(1);
    const error = await endOfStream(node.port, [helloFrame(node, { toNodeId: 'n5' })]);
    expect(error.code).toBe(status.FAILED_PRECONDITION);
    expect(error.details).toMatch(/n5.*n1/);
    expect(node.handler.foreignClusters).toEqual([]);
  });

  it('offers no protocol version this node speaks', async () => {
    const node = await nodes.start(1);
    const error = await endOfStream(node.port, [helloFrame(node, { protocolVersions: [9] })]);
    expect(error.details).toContain('VERSION_MISMATCH');
  });

  it('is missing', async () => {
    const node = await nodes.start(1);
    const empty = Buffer.from(
      AppendEntriesRequest.encode({ hello: undefined, messages: [] }).finish(),
    );
    const error = await endOfStream(node.port, [empty]);
    expect(error.code).toBe(status.INVALID_ARGUMENT);
  });

  it('comes before the node belongs to a cluster', async () => {
    const node = await nodes.start(1, { attach: false });
    const error = await endOfStream(node.port, [helloFrame(node)]);
    expect(error.code).toBe(status.UNAVAILABLE);
  });

  it('does not come in time', async () => {
    const node = await nodes.start(1, { limits: { helloTimeoutMs: 5 } });
    const error = await endOfStream(node.port, []);
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
  });
});

describe('bytes that are no frame', () => {
  it('end the stream with INVALID_ARGUMENT and nothing else', async () => {
    const node = await nodes.start(1);
    for (const bytes of [Buffer.from([0xff]), Buffer.from([0x12, 0x02, 0x08, 0x01])]) {
      const error = await endOfStream(node.port, [helloFrame(node), bytes]);
      expect(error.code).toBe(status.INVALID_ARGUMENT);
      expect(error.details).toContain('malformed');
    }
    expect(node.handler.messages).toEqual([]);
  });

  it('on the bare port leave the node as it was', async () => {
    const [one, two] = await nodes.startConnected(2);
    const texts = [
      'GET / HTTP/1.1\r\n\r\n',
      '\x16\x03\x01\x02',
      `PRI * HTTP/2.0\r\n${'x'.repeat(999)}`,
    ];
    await Promise.all(
      texts.map(
        (text) =>
          new Promise<void>((resolve) => {
            const socket = connect({ host: '127.0.0.1', port: two!.port });
            socket.on('error', () => undefined);
            socket.on('close', () => resolve());
            socket.on('data', () => undefined);
            socket.end(text);
          }),
      ),
    );
    one!.transport.send(0, heartbeat(1, 2, 1));
    one!.transport.flush();
    await until(() => two!.handler.messages.length === 1, 'a message after the garbage');
  });
});

describe('a link to the wrong node (R8)', () => {
  it('does not open when the data directory is another one', async () => {
    const one = await nodes.start(1);
    const two = await nodes.start(2);
    one.transport.setPeers([{ ...two.identity, nodeUid: 'uid-other' }]);
    await until(() => one.logger.lines.some((line) => line.includes('NODE_MISMATCH')), 'the log');
    expect(one.handler.connected).toEqual([]);
  });

  it('does not open to a node of another cluster', async () => {
    const one = await nodes.start(1);
    const two = await nodes.start(2, { clusterId: 'c2' });
    one.transport.setPeers([two.identity]);
    await until(
      () => one.logger.lines.some((line) => line.includes('CLUSTER_MISMATCH')),
      'the log',
    );
    await until(() => two.handler.foreignClusters.length > 0, 'the report');
    expect(one.handler.connected).toEqual([]);
  });
});

describe('a link to a node that belongs to no cluster yet', () => {
  it('opens as soon as that node says hello, however long the pause was to be', async () => {
    const pauses = { reconnectDelayMsMin: 3_600_000, reconnectDelayMsMax: 3_600_000 };
    const one = await nodes.start(1, { limits: pauses });
    const two = await nodes.start(2, { attach: false });
    one.transport.setPeers([two.identity]);
    await until(() => one.logger.lines.some((line) => line.includes('no cluster yet')), 'the log');
    two.transport.attach({ clusterId: 'c1', settingsHash: 7, handler: two.handler });
    two.transport.setPeers([one.identity]);
    await until(() => one.handler.connected.length === 1, 'the connection');
  });
});

describe('a link to nobody', () => {
  it('tells why in plain words, without the address a second time', async () => {
    const one = await nodes.start(1);
    const two = await nodes.start(2);
    await two.transport.stop(0);
    one.transport.setPeers([two.identity]);
    await until(() => one.logger.lines.length > 0, 'the log');
    const { nodeId, raftAddress: address } = two.identity;
    const fields = { nodeId, address, reason: 'connection refused' };
    expect(one.logger.lines).toEqual([`info peer not reached ${JSON.stringify(fields)}`]);
  });
});

describe('a stream that is opened again', () => {
  it('replaces the older one of the same node', async () => {
    const node = await nodes.start(1);
    const first = endOfStream(node.port, [helloFrame(node)]);
    await until(() => node.handler.hellos.length === 1, 'the first hello');
    const second = endOfStream(node.port, [helloFrame(node)]);
    expect((await first).code).toBe(status.ABORTED);
    await node.transport.stop(0);
    expect((await second).code).toBe(status.UNAVAILABLE);
  });
});

describe('an address in use', () => {
  it('is named by a typed error', async () => {
    const node = await nodes.start(1);
    const again = nodes.start(2, { port: node.port });
    await expect(again).rejects.toThrow(AddressInUseError);
    await expect(again).rejects.toThrow(`127.0.0.1:${node.port}`);
  });
});
