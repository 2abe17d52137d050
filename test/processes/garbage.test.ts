// Goal: whatever arrives on either port of a node, its process goes on and others are served.
// Method: seeded garbage at three layers (TCP, HTTP/2 frames, gRPC messages) while a writer runs.
import { ClusterProcess } from '@cashe/bench';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  generator,
  grpcFrame,
  type Random,
  randomBytes,
  sendBytes,
  sendCall,
} from './support/garbage.js';
import { Writer } from './support/writer.js';

const caseMs = 60_000;
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

let cluster: ClusterProcess;
let writer: Writer;
beforeAll(async () => {
  cluster = await ClusterProcess.start();
  writer = await Writer.connect(cluster.endpoints, { inFlight: 8 });
  writer.run();
}, caseMs);
afterAll(async () => {
  await writer?.close();
  await cluster?.stop('kill');
}, caseMs);

const clientMethods = ['Get', 'Set', 'SetMany', 'GetMany', 'Session'].map(
  (method) => `/cashe.v1.KV/${method}`,
);
const adminMethods = ['AddMember', 'RemoveMember', 'TransferLeadership', 'WatchTopology'].map(
  (method) => `/cashe.v1.Cluster/${method}`,
);
const peerMethods = [
  'AppendEntries',
  'RequestVote',
  'InstallSnapshot',
  'TimeoutNow',
  'Forward',
  'Found',
].map((method) => `/cashe.raft.v1.Raft/${method}`);

function http2Garbage(random: Random): Buffer {
  const frames = Array.from({ length: 8 }, () => {
    const body = randomBytes(random, random(64));
    const head = Buffer.from([0, 0, body.length, random(12), random(256), 0, 0, 0, random(4)]);
    return Buffer.concat([head, body]);
  });
  return Buffer.concat([preface, emptySettings, ...frames]);
}

function grpcGarbage(random: Random): Buffer {
  const message = randomBytes(random, random(300));
  switch (random(4)) {
    case 0:
      return grpcFrame(message, 0xffff_ffff);
    case 1:
      return grpcFrame(message, message.length, 1 + random(255));
    case 2:
      return message;
    default:
      return Buffer.concat([grpcFrame(message), grpcFrame(randomBytes(random, 20))]);
  }
}

it(
  'garbage on both ports of every node harms nobody',
  async () => {
    const random = generator(20_261);
    const pids = cluster.nodes.map(({ pid }) => pid);
    for (const { clientAddress, raftAddress } of cluster.nodes) {
      const ports = [clientAddress, raftAddress];
      const sent = ports.flatMap((address) => [
        sendBytes(address, randomBytes(random, 4_000)),
        sendBytes(address, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')),
        ...Array.from({ length: 10 }, () => sendBytes(address, http2Garbage(random))),
        ...[...clientMethods, ...adminMethods, ...peerMethods, '/nobody/Nothing'].flatMap((path) =>
          Array.from({ length: 3 }, () => sendCall(address, path, grpcGarbage(random))),
        ),
      ]);
      await Promise.all(sent);
    }
    await writer.acknowledges(500);
    await writer.halt();
    expect(cluster.nodes.map(({ pid }) => pid)).toEqual(pids);
    expect(writer.errors).toEqual([]);
    expect(await writer.differences()).toEqual([]);
    await cluster.waitUntilServing();
    expect(await cluster.waitUntilEqual()).toHaveLength(3);
  },
  caseMs,
);
