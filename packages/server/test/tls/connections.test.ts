// Goal: a port serves whom it is to serve, tells others why not, and bounds what a connection may
// take. Method: real sockets and grpc-js clients against a port with one method.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClientAuth } from '../../src/config/options.js';
import { TlsMaterial } from '../../src/net/tls-material.js';
import { MemoryLogger, realScheduler, until } from '../rpc/support/nodes.js';
import { TestCa, TestPairFiles } from '../support/certificates.js';
import { plain, TestPort, tls, who } from './port.js';

const ca = new TestCa();
const foreignCa = new TestCa('another CA');
const between = new TestCa('a CA between', ca);
let directory = '';
let files: TestPairFiles;
let material: TlsMaterial;
const ports: TestPort[] = [];
const sockets: Socket[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-connections-'));
  files = new TestPairFiles(directory, 'n1', ca.cert, ca.node('n1'));
  const options = { files, nodeId: 'n1', log: new MemoryLogger(), scheduler: realScheduler };
  material = await TlsMaterial.load({ ...options, pollMs: 5 });
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const port of ports.splice(0)) port.close();
  material.close();
});
afterEach(() => rmSync(directory, { recursive: true }));

async function open(options: Parameters<typeof TestPort.open>[0]): Promise<TestPort> {
  const port = await TestPort.open(options);
  ports.push(port);
  return port;
}

function dial(port: TestPort): Socket {
  const socket = connectTcp(port.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  sockets.push(socket);
  return socket;
}

const withClientCert = (): ChannelCredentials => tls(ca, ca.client('app'));
const withForeignCert = (): ChannelCredentials => tls(ca, foreignCa.client('app'));
const withExpiredCert = (): ChannelCredentials => tls(ca, ca.client('app', { validMs: -1000 }));
const noVerify = /^UNAUTHENTICATED the certificate of the client does not verify: /;

describe('a port with TLS', () => {
  it.each<[ClientAuth, string, () => ChannelCredentials, string | RegExp]>([
    ['none', 'without a certificate', () => tls(ca), 'anonymous'],
    ['none', 'with a certificate nobody asked for', withClientCert, 'anonymous'],
    ['none', 'that speaks plain text', plain, /^FAILED_PRECONDITION this port speaks TLS/],
    ['request', 'without a certificate', () => tls(ca), 'anonymous'],
    ['request', 'with a certificate', withClientCert, 'client/app'],
    ['request', 'with the certificate of another CA', withForeignCert, noVerify],
    ['request', 'with an expired certificate', withExpiredCert, /CERT_HAS_EXPIRED$/],
    ['require', 'without a certificate', () => tls(ca), /^UNAUTHENTICATED this port requires a/],
    ['require', 'with a certificate', withClientCert, 'client/app'],
    ['require', 'with the certificate of an admin', () => tls(ca, ca.admin('a')), 'admin/a'],
    ['require', 'with a chain to the CA', () => tls(ca, between.client('far')), 'client/far'],
    ['require', 'with a name of nobody', () => tls(ca, ca.issue(['urn:x'])), 'anonymous'],
    ['require', 'with the certificate of another CA', withForeignCert, noVerify],
    ['require', 'with an expired certificate', withExpiredCert, noVerify],
    ['require', 'that speaks plain text', plain, /^FAILED_PRECONDITION this port speaks TLS/],
    ['require', 'that trusts another CA', () => tls(foreignCa), /^UNAVAILABLE .*certificate/],
  ])('%s: a client %s', async (clientAuth, _who, creds, answer) => {
    const port = await open({ material, clientAuth });
    expect(await port.ask(creds())).toMatch(answer);
    const isServed = typeof answer === 'string';
    if (isServed) expect(port.rejections).toEqual([]);
    else await until(() => port.rejections.length > 0, 'the rejection');
    for (const { reason, remote } of port.rejections) {
      // A client that breaks the handshake off may have gone.
      if (reason !== 'handshakeFailed') expect(remote).toMatch(/^127\.0\.0\.1:\d+$/);
    }
  });

  it('answers HTTP/1 in kind', async () => {
    const port = await open({ material });
    const socket = dial(port);
    const answered = once(socket, 'data');
    socket.end('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    const [answer] = await answered;
    expect(String(answer)).toMatch(/^HTTP\/1\.1 400 [\s\S]*this port speaks TLS/);
    await once(socket, 'close');
  });

  it('refuses TLS 1.1', async () => {
    const port = await open({ material });
    const old = {
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL@SECLEVEL=0',
    } as const;
    const socket = connectTls({ port: port.port, ca: ca.cert, ...old });
    const [error] = await once(socket, 'error');
    expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    await until(() => port.reasons().includes('handshakeFailed'), 'the rejection');
  });

  it('resumes no session: every certificate is verified anew', async () => {
    const port = await open({ material, clientAuth: 'require' });
    const options = { port: port.port, ca: ca.cert, ...ca.client('app'), ALPNProtocols: ['h2'] };
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = connectTls({ ...options, maxVersion });
      sockets.push(first);
      await once(first, 'secureConnect');
      const session = first.getSession();
      const second = connectTls({ ...options, maxVersion, ...(session && { session }) });
      sockets.push(second);
      await once(second, 'secureConnect');
      expect(second.isSessionReused()).toBe(false);
    }
  });

  it('uses new certificates for new connections, and calls never fail', async () => {
    const port = await open({ material });
    const client = port.client(tls(ca));
    const answers: string[] = [];
    let isOver = false;
    const load = (async () => {
      while (!isOver) answers.push(await who(client));
    })();
    for (let renewal = 1; renewal <= 3; renewal++) {
      const next = ca.node('n1', { dns: ['localhost', `renewal-${renewal}`] });
      files.replace(next);
      await until(() => material.current.cert.toString() === next.cert, 'the new certificate');
      const socket = connectTls({ port: port.port, ca: ca.cert, ALPNProtocols: ['h2'] });
      sockets.push(socket);
      await once(socket, 'secureConnect');
      expect(socket.getPeerCertificate().subjectaltname).toContain(`renewal-${renewal}`);
    }
    isOver = true;
    await load;
    expect(new Set(answers)).toEqual(new Set(['anonymous']));
  });

  it('ends old connections without a failed call', async () => {
    const limits = { connectionAgeMs: 100, connectionAgeGraceMs: 2_000 };
    const port = await open({ material, limits });
    const clients = [1, 2, 3].map(() => port.client(tls(ca)));
    const answers = new Set<string>();
    while (port.aged < 8) {
      for (const answer of await Promise.all(clients.map(who))) answers.add(answer);
    }
    expect([...answers]).toEqual(['anonymous']);
    await until(() => port.connectionCount <= clients.length * 2, 'old connections to end');
  });
});

describe('a port without TLS', () => {
  it('serves plain text, and tells a client with TLS what every TLS library knows', async () => {
    const port = await open({});
    expect(await port.ask(plain())).toBe('anonymous');
    expect(await port.ask(tls(ca))).toMatch(/^UNAVAILABLE .*wrong version number/);
    expect(port.reasons()).toContain('tlsOnPlain');
  });
});

describe('the limits of a port', () => {
  it('close connections beyond the rate of handshakes, and the rate comes back', async () => {
    const limits = { handshakesBurstMax: 2, handshakesPerSecondMax: 20 };
    const port = await open({ material, limits });
    const asked = await Promise.all([1, 2, 3, 4].map(() => port.ask(tls(ca))));
    // Those that were closed try again, as every gRPC client does.
    expect(asked.filter((answer) => answer === 'anonymous').length).toBeGreaterThanOrEqual(2);
    expect(port.reasons()).toContain('handshakeLimit');
    let answer = '';
    while (answer !== 'anonymous') answer = await port.ask(tls(ca));
  });

  it('count handshakes under way until they end, however they end', async () => {
    const port = await open({ material, limits: { handshakesInFlightMax: 1 } });
    const halfway = dial(port);
    halfway.write(Buffer.of(0x16));
    await until(() => halfway.bytesWritten === 1 && port.connectionCount === 1, 'the first byte');
    const second = dial(port);
    second.write(Buffer.of(0x16));
    await once(second, 'close');
    expect(port.reasons()).toEqual(['handshakeLimit']);
    halfway.destroy();
    await until(() => port.connectionCount === 0, 'the first to be gone');
    for (let time = 1; time <= 3; time++) expect(await port.ask(tls(ca))).toBe('anonymous');
  });

  it('close a connection whose handshake takes too long', async () => {
    const port = await open({ material, limits: { handshakeTimeoutMs: 50 } });
    const silent = dial(port);
    const slow = dial(port);
    slow.write(Buffer.of(0x16));
    await Promise.all([once(silent, 'close'), once(slow, 'close')]);
    expect(port.reasons().sort()).toEqual(['handshakeFailed', 'noRequest']);
  });

  it.each([
    ['says nothing', ''],
    ['says half a preface', 'PRI * HT'],
    ['says hello and asks nothing', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'],
  ])('close a connection that %s', async (_what, bytes) => {
    const port = await open({ limits: { firstRequestTimeoutMs: 50 } });
    const socket = dial(port);
    if (bytes !== '') socket.write(bytes, 'latin1');
    await once(socket, 'close');
    expect(port.reasons()).toEqual(['noRequest']);
    await until(() => port.connectionCount === 0, 'the port to forget it');
  });

  it('let a connection that asked in time stay', async () => {
    const port = await open({ limits: { firstRequestTimeoutMs: 50 } });
    const client = port.client(plain());
    expect(await who(client)).toBe('anonymous');
    const idle = dial(port);
    await once(idle, 'close');
    await until(() => port.connectionCount === 1, 'the idle one to be forgotten');
    expect(await who(client)).toBe('anonymous');
  });
});
