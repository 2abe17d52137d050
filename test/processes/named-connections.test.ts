// Goal: connections that come and go leave nothing behind in a node (I16). Method: one real node,
// 10,000 short connections of several kinds; what its heap holds after a collection is compared.
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { ClusterProcess, waitUntil } from '@cashe/bench';
import { connect } from '@cashe/client';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { grpcFrame, sendCall } from './support/raw-call.js';
import { report } from './support/report.js';

const connections = 10_000;
const inFlight = 32;
/** A leak of 2 KB per connection would show. */
const growthBytesMax: number = connections * 2_000;
const caseMs = 90_000;

let cluster: ClusterProcess;
beforeAll(async () => {
  cluster = await ClusterProcess.start({ size: 1, execArgs: () => ['--expose-gc'] });
}, caseMs);
afterAll(() => cluster?.stop('kill'), caseMs);

const get = grpcFrame(Buffer.concat([Buffer.from([0x0a, 1]), Buffer.from('k')]));

/** Opens and closes at once; what arrives is of no interest. */
function touch(address: string): Promise<void> {
  const { hostname, port } = new URL(`http://${address}`);
  return new Promise((resolve) => {
    const socket = connectTcp(Number(port), hostname, () => socket.end());
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.resume();
  });
}

/** HTTP/2, cut off by the client right after it began. */
function cutShort(address: string): Promise<void> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${address}`, () => session.destroy());
    session.on('error', () => undefined);
    session.on('close', () => resolve());
  });
}

async function sdk(address: string): Promise<void> {
  await using cashe = await connect({ endpoints: [address] });
  await cashe.set('k', 'v');
}

/** One of a hundred is an SDK with a session of its own; most make one unary call. */
function visit(address: string, number: number): Promise<void> {
  const kind = number % 100;
  if (kind === 0) return sdk(address);
  if (kind < 20) return touch(address);
  if (kind < 40) return cutShort(address);
  return sendCall(address, '/cashe.v1.KV/Get', get);
}

async function visits(address: string, count: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await visit(address, next);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

it(
  'ten thousand short connections leave a node no larger',
  async () => {
    const node = cluster.node(0);
    const held = async (): Promise<number> => {
      const { heapUsedBytes, externalBytes } = await node.usage();
      return heapUsedBytes + externalBytes;
    };
    await visits(node.clientAddress, 500);
    const before = await held();
    await visits(node.clientAddress, connections);
    const after = await waitUntil('the node is as large as before', 20_000, async () => {
      const bytes = await held();
      if (bytes - before < growthBytesMax) return bytes;
      throw new Error(`it grew by ${bytes - before} bytes`);
    });
    expect(after - before).toBeLessThan(growthBytesMax);
    report('10,000 short connections', `heap and buffers grew by ${after - before} bytes`);
    await cluster.waitUntilServing();
  },
  caseMs,
);
