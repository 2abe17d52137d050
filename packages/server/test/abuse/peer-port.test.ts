// Goal: the peer port bounds what strangers make it hold and say, whoever they claim to be.
import { AppendEntriesRequest, RequestVoteRequest } from '@cashe/proto';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { defaultTrafficLimits } from '../../src/net/traffic-guard.js';
import { callUnary, openStream } from '../../src/rpc/service.js';
import { type TestNode, TestNodes, until } from '../rpc/support/nodes.js';
import { Attacker, enhanceYourCalm, grpcMessage } from './support/attacker.js';

const nodes = new TestNodes();
const attackers: Attacker[] = [];
const clients: Client[] = [];
afterEach(async () => {
  for (const attacker of attackers.splice(0)) attacker.close();
  for (const client of clients.splice(0)) client.close();
  await nodes.stopAll();
});

async function attack(node: TestNode): Promise<Attacker> {
  const attacker = await Attacker.connect(node.port);
  attackers.push(attacker);
  return attacker;
}

const refusedCount = (attacker: Attacker): number =>
  [...attacker.resets().values()].filter((code) => code === enhanceYourCalm).length;

function helloOf(change: object): object {
  return {
    protocolVersions: [1],
    ...{ clusterId: 'c1', nodeId: 'n7', nodeUid: 'uid-7', settingsHash: 0 },
    ...{ clientAddress: '', raftAddress: '', toNodeId: 'n1', formatVersionMax: 1 },
    ...change,
  };
}

function clientOf(node: TestNode): Client {
  const client = new Client(`127.0.0.1:${node.port}`, credentials.createInsecure());
  clients.push(client);
  return client;
}

function refusalOf(client: Client, change: object): Promise<ServiceError> {
  const hello = helloOf(change);
  const request = AppendEntriesRequest.fromPartial({ hello, messages: [] });
  const stream = openStream(client, 'appendEntries');
  stream.on('data', () => undefined);
  stream.write(Buffer.from(AppendEntriesRequest.encode(request).finish()));
  return new Promise((resolve) => stream.once('error', resolve));
}

describe('what strangers leave half done', () => {
  it('is refused beyond its bounds of streams, bytes and time', async () => {
    const traffic = { ...defaultTrafficLimits, streamsMax: 8, connectionBytesMax: 300_000 };
    const node = await nodes.start(1, { limits: { traffic: { ...traffic, messageMsMax: 50 } } });
    const attacker = await attack(node);
    for (let stream = 1; stream < 24; stream += 2) {
      attacker.open(stream, '/cashe.raft.v1.Raft/RequestVote');
    }
    await until(() => refusedCount(attacker) === 12, 'all to end');
    const other = await attack(node);
    for (let stream = 1; stream < 12; stream += 2) {
      other.open(stream, '/cashe.raft.v1.Raft/InstallSnapshot');
      for (let part = 0; part < 5; part += 1) {
        const bytes = Buffer.alloc(16_000);
        other.data(stream, part === 0 ? grpcMessage(bytes, 4_000_000) : bytes);
      }
    }
    await until(() => refusedCount(other) >= 3, 'the bytes to be too many');
    const { lines } = node.logger;
    expect(lines.filter((line) => line.includes('a stream of a peer was ended'))).toHaveLength(1);
  });
});

describe('the reasons given to strangers', () => {
  it('fill the log no more than once', async () => {
    const node = await nodes.start(1);
    const client = clientOf(node);
    for (let index = 0; index < 100; index += 1) {
      const error = await refusalOf(client, { clusterId: `cluster-${index}` });
      expect(error.code).toBe(status.FAILED_PRECONDITION);
    }
    const refused = node.logger.lines.filter((line) => line.includes('peer refused'));
    expect(refused.length).toBeGreaterThan(10);
    expect(refused.length).toBeLessThanOrEqual(64);
  }, 30_000);

  it.each([
    ['a cluster', { clusterId: 'c'.repeat(100_000) }],
    ['a node', { nodeId: '\u{1f600}'.repeat(10_001), clusterId: 'c2' }],
    [
      'a node cut in the middle of a character',
      { nodeId: `x${'\u{1f600}'.repeat(999)}`, toNodeId: 'n2' },
    ],
    ['versions', { protocolVersions: Array.from({ length: 50_000 }, (_, index) => index + 9) }],
  ])('quote the beginning only of %s', async (_what, change) => {
    const node = await nodes.start(1);
    const error = await refusalOf(clientOf(node), change);
    expect(error.code).toBe(status.FAILED_PRECONDITION);
    expect(error.details.length).toBeLessThan(400);
    for (const line of node.logger.lines) expect(line.length).toBeLessThan(500);
  });

  it('quote the beginning only of a node whose replica it is not', async () => {
    const node = await nodes.start(1);
    const hello = helloOf({ nodeId: '\u{1f600}'.repeat(10_000) });
    const vote = RequestVoteRequest.fromPartial({ hello, from: 0, to: 1, term: 3 });
    const bytes = Buffer.from(RequestVoteRequest.encode(vote).finish());
    const error = await new Promise<ServiceError | null>((resolve) =>
      callUnary(clientOf(node), 'requestVote', bytes, 5_000, resolve),
    );
    expect(error?.code).toBe(status.FAILED_PRECONDITION);
    expect(error?.details.length).toBeLessThan(400);
  });
});
