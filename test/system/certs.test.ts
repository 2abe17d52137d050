// Goal: ./gen.sh certs writes certificates that Node accepts for mutual TLS, and repeats safely.
// Method: run it in a temporary copy and read the results with node:crypto and node:tls.
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { connect as connectSdk } from '@cashe/client';
import { startNode } from '@cashe/server';

const nodes = ['cashe0', 'cashe1', 'cashe2', 'cashe3'];
const leaves = [...nodes, 'client', 'admin'];
let directory = '';

function generate(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const options = { cwd: directory, env: { ...process.env, ...env }, encoding: 'utf8' } as const;
  const { status, stderr } = spawnSync('/bin/sh', ['gen.sh', 'certs', ...args], options);
  return `${status} ${stderr}`.trim();
}

function read(file: string): Buffer {
  return readFileSync(join(directory, 'certs', file));
}

function certificate(name: string): X509Certificate {
  return new X509Certificate(read(`${name}.crt`));
}

function serials(names: readonly string[]): string[] {
  return names.map((name) => certificate(name).serialNumber);
}

beforeEach(() => {
  const root = join(__dirname, '../..');
  directory = mkdtempSync(join(tmpdir(), 'cashe-certs-'));
  mkdirSync(join(directory, 'certs'));
  for (const file of ['gen.sh', 'certs/server-ext.cnf', 'certs/client-ext.cnf']) {
    cpSync(join(root, file), join(directory, file));
  }
  expect(generate([])).toBe('0');
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('gen.sh certs', () => {
  it('writes a CA and P-256 certificates it signed, with keys only the owner may read', () => {
    const ca = certificate('ca');
    expect(ca.ca).toBe(true);
    for (const name of leaves) {
      const leaf = certificate(name);
      expect(leaf.ca).toBe(false);
      expect(leaf.verify(ca.publicKey)).toBe(true);
      expect(leaf.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
      expect(statSync(join(directory, 'certs', `${name}.key`)).mode & 0o777).toBe(0o600);
    }
    expect(readdirSync(join(directory, 'certs')).filter((file) => file.startsWith('.'))).toEqual(
      [],
    );
  });

  it('names identities by URI and nodes by every development host', () => {
    const names = (name: string): string[] => certificate(name).subjectAltName?.split(', ') ?? [];
    expect(names('cashe2')).toEqual(
      expect.arrayContaining([
        'URI:spiffe://cashe/node/cashe2',
        'DNS:localhost',
        ...nodes.map((node) => `DNS:${node}`),
        'IP Address:127.0.0.1',
        'IP Address:0:0:0:0:0:0:0:1',
      ]),
    );
    expect(names('client')).toEqual(['URI:spiffe://cashe/client/dev']);
    expect(names('admin')).toEqual(['URI:spiffe://cashe/admin/dev']);
  });

  it('keeps what is good and replaces what is missing or foreign', () => {
    const before = serials(['ca', ...leaves]);
    expect(generate([])).toBe('0');
    expect(serials(['ca', ...leaves])).toEqual(before);

    rmSync(join(directory, 'certs/cashe1.key'));
    expect(generate([])).toBe('0');
    const changed = serials(['ca', ...leaves]).map((serial, index) => serial !== before[index]);
    expect(changed).toEqual([false, false, true, false, false, false, false]);

    rmSync(join(directory, 'certs/ca.key'));
    expect(generate([])).toBe('0');
    const ca = certificate('ca');
    expect(leaves.every((name) => certificate(name).verify(ca.publicKey))).toBe(true);
  });

  it('renews all but the CA when asked to', () => {
    const before = serials(['ca', ...leaves]);
    expect(generate(['--renew'])).toBe('0');
    const changed = serials(['ca', ...leaves]).map((serial, index) => serial !== before[index]);
    expect(changed).toEqual([false, true, true, true, true, true, true]);
  });

  it('writes certificates for other node ids', () => {
    expect(generate([], { CASHE_NODES: 'east west' })).toBe('0');
    expect(certificate('west').subjectAltName).toContain('URI:spiffe://cashe/node/west');
  });

  it('says so when openssl is missing', () => {
    const bin = join(directory, 'bin');
    mkdirSync(bin);
    for (const tool of ['dirname', 'mktemp', 'rm']) {
      symlinkSync(spawnSync('which', [tool], { encoding: 'utf8' }).stdout.trim(), join(bin, tool));
    }
    expect(generate(['--renew'], { PATH: bin })).toMatch(/^1 gen\.sh: openssl is missing/);
  });

  it('makes certificates that a node starts with and serves the others of', async () => {
    const file = (name: string): string => join(directory, 'certs', name);
    const node = await startNode({
      id: 'cashe1',
      listen: 'localhost:0',
      raftListen: 'localhost:0',
      dataDir: join(directory, 'data'),
      tls: { cert: file('cashe1.crt'), key: file('cashe1.key'), ca: file('ca.crt') },
    });
    const tls = { ca: file('ca.crt'), cert: file('client.crt'), key: file('client.key') };
    const cashe = await connectSdk({ endpoints: [node.clientAddress], tls });
    await cashe.set('k', 'v');
    expect(await cashe.get('k')).toBe('v');
    await cashe.close();
    await node.stop();
  });

  it('makes certificates that work both ways in mutual TLS', async () => {
    const pair = (name: string): { cert: Buffer; key: Buffer; ca: Buffer } => ({
      cert: read(`${name}.crt`),
      key: read(`${name}.key`),
      ca: read('ca.crt'),
    });
    const server = createServer({ ...pair('cashe0'), requestCert: true, rejectUnauthorized: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (const name of ['cashe1', 'client', 'admin']) {
      const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
      const socket = connect({ ...pair(name), port, host: '127.0.0.1' });
      const [peer] = await accepted;
      expect(peer.authorized).toBe(true);
      expect(peer.getPeerCertificate().subjectaltname).toContain('URI:spiffe://cashe/');
      socket.destroy();
    }
    server.close();
    await once(server, 'close');
  });
});
