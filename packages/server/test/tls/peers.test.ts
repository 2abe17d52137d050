// Goal: on the peer port both ends are nodes of the one CA, and the nodes they say they are, for
// every call there is. Method: real transports and clients with every wrong certificate.
import { encodeForwardRequest } from '@cashe/codec';
import {
  AppendEntriesRequest,
  IntroduceRequest,
  PeerHello,
  RequestVoteRequest,
  TimeoutNowRequest,
} from '@cashe/proto';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { checkedPieces } from '../../src/net/tls-pieces.js';
import { encodeFoundRequest } from '../../src/rpc/found.js';
import type { PeerMaterial } from '../../src/rpc/index.js';
import { callUnary, openStream, openUpload } from '../../src/rpc/service.js';
import { encodeChunk, snapshotHead } from '../../src/rpc/snapshot-codec.js';
import { heartbeat, othersOf, type TestNode, TestNodes, until } from '../rpc/support/nodes.js';
import { TestCa, type TestPair } from '../support/certificates.js';

const ca = new TestCa();
const foreignCa = new TestCa('another CA');
const nodes = new TestNodes();
const clients: Client[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await nodes.stopAll();
});

/** As a node has it; `id` is that of the certificate. */
function materialOf(id: string, from: TestCa = ca): PeerMaterial {
  const { cert, key } = from.node(id);
  const files = { certFile: 'cert', keyFile: 'key', caFile: 'ca' };
  const texts = { cert: Buffer.from(cert), key: Buffer.from(key), ca: Buffer.from(from.cert) };
  const current = checkedPieces(texts, files, id, Date.now());
  return { current, onChange: () => () => undefined };
}

const withTls = { tls: (id: string) => materialOf(id) };

/** A client that takes any node for the right one, and shows this certificate. */
function dial(node: TestNode, pair: TestPair | 'none' | 'plain'): Client {
  const [key, cert] = typeof pair === 'string' ? [] : [pair.key, pair.cert].map(Buffer.from);
  const any = { checkServerIdentity: () => undefined };
  const secure =
    pair === 'plain'
      ? credentials.createInsecure()
      : credentials.createSsl(Buffer.from(ca.cert), key, cert, any);
  const client = new Client(`localhost:${node.port}`, secure);
  clients.push(client);
  return client;
}

const hello: PeerHello = {
  protocolVersions: [1],
  ...{ clusterId: 'c1', nodeId: 'n7', nodeUid: 'uid-7', settingsHash: 0 },
  ...{ clientAddress: '', raftAddress: '', toNodeId: 'n1', formatVersionMax: 1 },
};

const head = { hello, group: 0, from: 7, to: 1, term: 1 };
const campaign = { preVote: false, lastLogIndex: 1, lastLogTerm: 1, leadershipTransfer: false };
const configuration = { voters: [1], votersOutgoing: [], learners: [], replicaIdMax: 7 };
const snapshot = { lastIncludedIndex: 1, lastIncludedTerm: 1, configuration };
const install = {
  ...({ kind: 'installSnapshotRequest', from: 7, to: 1, term: 1 } as const),
  ...{ clusterTime: 1, snapshot },
};

type Ended = (error: ServiceError | null) => void;

const calls: Readonly<Record<string, (client: Client, ended: Ended) => void>> = {
  appendEntries: (client, ended) => {
    const stream = openStream(client, 'appendEntries');
    stream.on('data', () => ended(null));
    stream.once('error', ended);
    stream.write(Buffer.from(AppendEntriesRequest.encode({ hello, messages: [] }).finish()));
  },
  forward: (client, ended) => {
    const stream = openStream(client, 'forward');
    stream.on('data', () => ended(null));
    stream.once('error', ended);
    const bytes = PeerHello.encode(hello).finish();
    stream.write(Buffer.from(encodeForwardRequest({ kind: 'hello', hello: bytes })));
  },
  requestVote: (client, ended) => {
    const bytes = Buffer.from(RequestVoteRequest.encode({ ...head, ...campaign }).finish());
    callUnary(client, 'requestVote', bytes, 5_000, ended);
  },
  timeoutNow: (client, ended) => {
    const bytes = Buffer.from(TimeoutNowRequest.encode(head).finish());
    callUnary(client, 'timeoutNow', bytes, 5_000, ended);
  },
  installSnapshot: (client, ended) => {
    const upload = openUpload(client, ended);
    upload.on('error', () => undefined);
    const first = snapshotHead(hello, 0, install, 0);
    upload.write(encodeChunk(first, 0, new Uint8Array(0), true));
    upload.end();
  },
  found: (client, ended) => {
    const asks = { nodeId: 'n7', nodeUid: 'uid-7', foundersHash: '', genesis: undefined };
    callUnary(client, 'found', encodeFoundRequest(asks), 5_000, ended);
  },
};
const names = Object.keys(calls);

function endOf(name: string, client: Client): Promise<string> {
  return new Promise((resolve) => {
    calls[name]?.(client, (error) =>
      resolve(error === null ? 'OK' : `${status[error.code]} ${error.details}`),
    );
  });
}

describe('the peer port with TLS (R40)', () => {
  it.each(names)('%s: only of a node, and of the node it says it is', async (name) => {
    const node = await nodes.start(1, withTls);
    const client = await endOf(name, dial(node, ca.client('app')));
    expect(client).toBe(
      'PERMISSION_DENIED this port is for nodes, and the certificate is of client/app',
    );
    const other = await endOf(name, dial(node, ca.node('n9')));
    expect(other).toBe(
      'PERMISSION_DENIED IDENTITY_MISMATCH: node n7 has the certificate of node/n9',
    );
    expect(node.handler.messages).toEqual([]);
    const right = endOf(name, dial(node, ca.node('n7')));
    // A vote is answered by the replica, of which there is none; its request has arrived.
    if (name === 'requestVote') await until(() => node.handler.messages.length > 0, 'the request');
    else expect(await right).not.toMatch(/PERMISSION_DENIED|UNAUTHENTICATED/);
  });

  it.each<[string, () => TestPair | 'none' | 'plain', RegExp]>([
    ['an admin', () => ca.admin('root'), /^PERMISSION_DENIED .* of admin\/root/],
    ['nobody', () => ca.issue(['urn:x']), /^PERMISSION_DENIED .* of nobody/],
    ['another CA', () => foreignCa.node('n7'), /^UNAUTHENTICATED .*does not verify/],
    ['the past', () => ca.expired('n7'), /^UNAUTHENTICATED .*CERT_HAS_EXPIRED/],
    ['no certificate', () => 'none', /^UNAUTHENTICATED .*none was sent/],
    ['plain text', () => 'plain', /^FAILED_PRECONDITION this port speaks TLS/],
  ])('refuses who comes with %s', async (_who, pair, answer) => {
    const node = await nodes.start(1, withTls);
    expect(await endOf('appendEntries', dial(node, pair()))).toMatch(answer);
  });

  it('tells who waits to be added only to nodes', async () => {
    const node = await nodes.start(1, withTls);
    const bytes = Buffer.from(IntroduceRequest.encode(IntroduceRequest.fromPartial({})).finish());
    const ended = new Promise<ServiceError | null>((resolve) => {
      callUnary(dial(node, ca.client('app')), 'introduce', bytes, 5_000, resolve);
    });
    expect((await ended)?.code).toBe(status.PERMISSION_DENIED);
  });
});

describe('nodes with TLS', () => {
  it('reach each other', async () => {
    const [one, two] = await nodes.startConnected(2, withTls);
    one?.transport.send(0, heartbeat(1, 2, 5));
    two?.transport.send(0, heartbeat(2, 1, 6));
    one?.transport.flush();
    two?.transport.flush();
    await until(() => one?.handler.kinds()[0] === 'heartbeatRequest', 'the message to one');
    await until(() => two?.handler.kinds()[0] === 'heartbeatRequest', 'the message to two');
  });

  it.each<[string, (id: string) => PeerMaterial, string]>([
    ['another node', () => materialOf('n3'), 'of node/n3, not of node/n2'],
    ['another CA', (id) => materialOf(id, foreignCa), 'certificate'],
    ['no TLS', () => undefined, 'wrong version number'],
  ])('do not take %s for the peer they dial', async (_what, tls, reason) => {
    const one = await nodes.start(1, withTls);
    const two = await nodes.start(2, { tls });
    one.transport.setPeers(othersOf(one, [one, two]));
    const told = (): boolean =>
      one.logger.lines.some((line) => line.includes('not reached') && line.includes(reason));
    await until(told, 'the reason');
    expect(one.handler.connected).toEqual([]);
  });

  it('do not take the word of a founder with the certificate of another', async () => {
    const one = await nodes.start(1, { ...withTls, attach: false });
    const two = await nodes.start(2, { ...withTls, attach: false });
    const found = { nodeUid: 'u', foundersHash: 'h', genesis: undefined };
    const answer = { ...found, nodeId: 'n3', blank: true, joining: false };
    two.transport.serveFounders({ onFound: () => answer });
    const asked = one.transport.askFounder(
      `127.0.0.1:${two.port}`,
      { ...found, nodeId: 'n1' },
      5_000,
    );
    await expect(asked).rejects.toThrow('answered as node n3, with the certificate of n2');
  });
});
