// Goal: an HTTPS port bounds its handshakes and tells who speaks plain text what is wrong.
// Method: Node's own https server behind the door, real sockets.
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HttpsDoor } from '../../src/net/https-door.js';
import { type ConnectionLimits, defaultConnectionLimits } from '../../src/net/limits.js';
import { until } from '../rpc/support/nodes.js';
import { TestCa } from '../support/certificates.js';

const ca = new TestCa();
const reasons: string[] = [];
const sockets: Socket[] = [];
let server: Server;
let door: HttpsDoor;
let tcp: TcpServer;

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  reasons.length = 0;
  door.close();
  server.closeAllConnections();
  tcp.close();
  await once(tcp, 'close');
});

async function open(limits: Partial<ConnectionLimits> = {}): Promise<void> {
  const handshakeTimeout = limits.handshakeTimeoutMs ?? 5_000;
  server = createServer({ ...ca.node('n1'), handshakeTimeout }, (_request, response) => {
    response.end('served');
  });
  door = new HttpsDoor({
    server,
    limits: { ...defaultConnectionLimits, ...limits },
    onRejected: ({ reason }) => reasons.push(reason),
  });
  tcp = createTcpServer((socket) => door.accept(socket));
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
}

const port = (): number => (tcp.address() as AddressInfo).port;

function dial(): Socket {
  const socket = connect(port(), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  sockets.push(socket);
  return socket;
}

async function get(): Promise<string> {
  const asked = request({ port: port(), ca: ca.cert, agent: false });
  asked.end();
  const [response] = await once(asked, 'response');
  const [body] = await once(response, 'data');
  return String(body);
}

describe('the door of an HTTPS port', () => {
  it('lets TLS through', async () => {
    await open({ handshakesInFlightMax: 1 });
    for (let time = 1; time <= 3; time++) expect(await get()).toBe('served');
    expect(reasons).toEqual([]);
  });

  it('answers plain HTTP in kind', async () => {
    await open();
    const socket = dial();
    const answered = once(socket, 'data');
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 400 [\s\S]*this port speaks TLS/);
    await once(socket, 'close');
    expect(reasons).toEqual(['plainOnTls']);
  });

  it('closes connections beyond the handshakes it may have', async () => {
    await open({ handshakesInFlightMax: 1 });
    const [first, second] = [dial(), dial()];
    for (const socket of [first, second]) socket.write(Buffer.of(0x16));
    await Promise.race([once(first, 'close'), once(second, 'close')]);
    expect(reasons).toEqual(['handshakeLimit']);
    for (const socket of [first, second]) socket.destroy();
    await until(() => reasons.includes('handshakeFailed'), 'the other to be seen gone');
    expect(await get()).toBe('served');
  });

  it('closes those that say nothing or do not finish', async () => {
    await open({ handshakeTimeoutMs: 50 });
    const [silent, slow] = [dial(), dial()];
    slow.write(Buffer.of(0x16));
    await Promise.all([once(silent, 'close'), once(slow, 'close')]);
    expect(reasons.sort()).toEqual(['handshakeFailed', 'noRequest']);
  });
});
