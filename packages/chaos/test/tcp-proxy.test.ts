// Goal: the proxy changes nothing by itself, and its faults do what they say. Method: real sockets.
import { freePorts, waitUntil } from '@cashe/bench';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Network } from '../src/network.js';
import { pipeBytesMax } from '../src/proxy/pipe.js';
import { TcpProxy } from '../src/proxy/tcp-proxy.js';
import { Wire } from '../src/proxy/wire.js';
import { dial, type End, LineServer } from './support/line-server.js';

let there: Wire;
let back: Wire;
let port = 0;
let server: LineServer;
let proxy: TcpProxy;
const dialled: End[] = [];

async function connected(): Promise<readonly [End, End]> {
  const number = server.ends.length;
  const near = await dial(port);
  dialled.push(near);
  return [near, await server.end(number)];
}

beforeEach(async () => {
  const [own = 0, targetPort = 0] = await freePorts(2);
  port = own;
  there = new Wire();
  back = new Wire();
  server = await LineServer.listen(targetPort);
  proxy = new TcpProxy({ port, targetPort, there, back });
  await proxy.open();
});

afterEach(async () => {
  for (const { socket } of dialled.splice(0)) socket.destroy();
  await proxy.refuse();
  await server.close();
});

describe('a proxy', () => {
  it('carries bytes both ways, and the end of each way by itself', async () => {
    const [near, far] = await connected();
    near.socket.end('question');
    await far.receives('question');
    await far.ends();
    far.socket.end('answer');
    await near.receives('answer');
    await waitUntil('nothing is left', 5_000, async () => proxy.connectionCount === 0 || undefined);
  });

  it('ends a connection whose target refuses', async () => {
    await server.close();
    await (await dial(port)).ends();
  });

  it('refuses: what is open ends, who dials is turned away, until it opens again', async () => {
    const [near, far] = await connected();
    await proxy.refuse();
    await Promise.all([near.ends(), far.ends()]);
    await expect(dial(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await proxy.open();
    const [again, other] = await connected();
    again.socket.write('again');
    await other.receives('again');
  });
});

describe('a wire', () => {
  it('that is held lets nothing through one way, the end included, and loses nothing', async () => {
    const [near, far] = await connected();
    near.socket.write('a');
    await far.receives('a');
    there.hold();
    near.socket.end('b');
    far.socket.write('x');
    await near.receives('x');
    expect([far.text, far.hasEnded]).toEqual(['a', false]);
    there.restore();
    await far.receives('ab');
    await far.ends();
  });

  it('with a delay keeps the order and gives every byte', async () => {
    there.delay(5);
    const [near, far] = await connected();
    const sent = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251));
    for (let at = 0; at < sent.length; at += 7_001)
      near.socket.write(sent.subarray(at, at + 7_001));
    await waitUntil(
      'all arrived',
      5_000,
      async () => far.bytes.length === sent.length || undefined,
    );
    expect(far.bytes.equals(sent)).toBe(true);
  });

  it('delays: nothing arrives before its time', async () => {
    const [near, far] = await connected();
    there.delay(80);
    const startMs = performance.now();
    near.socket.write('late');
    await far.receives('late');
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(79);
  });
});

it('a receiver that does not read makes the sender wait, not the proxy grow (R35)', async () => {
  const [near, far] = await connected();
  far.socket.pause();
  const chunk = Buffer.alloc(pipeBytesMax);
  const count = 64;
  let taken = 0;
  for (let sent = 0; sent < count; sent += 1) {
    near.socket.write(chunk, () => {
      taken += 1;
    });
  }
  let before = -1;
  let still = 0;
  await waitUntil('the sender stands still', 10_000, async () => {
    still = before === taken ? still + 1 : 0;
    before = taken;
    return still === 10 || undefined;
  });
  expect(taken).toBeLessThan(count / 2);
  far.socket.resume();
  const total = count * chunk.length;
  await waitUntil('all arrived', 10_000, async () => far.socket.bytesRead === total || undefined);
}, 30_000);

describe('a network', () => {
  it('stops what goes from one node to another, whoever dialled, and nothing else', async () => {
    const ports = await freePorts(4 + Network.portCount(2));
    const nodes = [0, 1].map((at) => ({
      client: ports[2 * at] ?? 0,
      raft: ports[2 * at + 1] ?? 0,
    }));
    const network = new Network(nodes, ports.slice(4));
    await network.open();
    const servers = await Promise.all(nodes.map(({ raft }) => LineServer.listen(raft)));
    const dialPath = (from: number, to: number): Promise<End> =>
      dial(Number(network.address(from, to).split(':')[1]));
    const [byZero, byOne] = await Promise.all([dialPath(0, 1), dialPath(1, 0)]);
    const [atZero, atOne] = await Promise.all(servers.map((one) => one.end(0)));
    network.wire(0, 1).hold();
    byZero.socket.write('request of 0');
    atZero?.socket.write('answer of 0');
    byOne.socket.write('request of 1');
    atOne?.socket.write('answer of 1');
    await Promise.all([atZero?.receives('request of 1'), byZero.receives('answer of 1')]);
    expect([atOne?.text, byOne.text]).toEqual(['', '']);
    await network.heal();
    await Promise.all([atOne?.receives('request of 0'), byOne.receives('answer of 0')]);
    await network.close();
    await Promise.all([byZero.ends(), byOne.ends()]);
    await Promise.all(servers.map((one) => one.close()));
  });
});
