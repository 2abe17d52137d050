// Goal: the SDK and the commands reach a node with TLS, in every form certificates are given in,
// and say what is wrong when they do not. Method: one real node, real files.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cashe, type ConnectOptions, connect } from '@cashe/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { callOptions } from '../../src/cli/call-options.js';
import { openCluster } from '../../src/cli/cluster-client.js';
import { openKv } from '../../src/cli/kv-client.js';
import { type RunningNode, startNode } from '../../src/index.js';
import { MemoryLogger, until } from '../rpc/support/nodes.js';
import { TestCa, TestPairFiles } from '../support/certificates.js';

const ca = new TestCa();
const clients: Cashe<'string'>[] = [];
const log = new MemoryLogger();
let directory = '';
let files: TestPairFiles;
let tlsNode: RunningNode;
let plainNode: RunningNode;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-sdk-tls-'));
  files = new TestPairFiles(directory, 'raft0', ca.cert, ca.node('raft0'));
  const ports = { listen: '127.0.0.1:0', raftListen: '127.0.0.1:0', drainMs: 500 };
  const { certFile: cert, keyFile: key, caFile } = files;
  tlsNode = await startNode({
    ...ports,
    dataDir: join(directory, 'tls'),
    tls: { cert, key, ca: caFile },
    log,
    tuning: { certificatePollMs: 10, api: { connectionAgeMs: 250, connectionAgeGraceMs: 2_000 } },
  });
  plainNode = await startNode({ ...ports, dataDir: join(directory, 'plain'), log });
  await Promise.all([tlsNode.ready, plainNode.ready]);
}, 30_000);

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

afterAll(async () => {
  await Promise.all([tlsNode.stop(), plainNode.stop()]);
}, 30_000);
afterAll(() => rmSync(directory, { recursive: true }));

async function sdk(
  node: RunningNode,
  tls: ConnectOptions['tls'],
  connectTimeoutMs = 5_000,
): Promise<Cashe<'string'>> {
  const endpoints = [node.clientAddress];
  const client = await connect({ endpoints, tls, connectTimeoutMs });
  clients.push(client);
  return client;
}

/** Why there was no connection, within the time there was for it. */
async function refusal(node: RunningNode, tls: ConnectOptions['tls']): Promise<string> {
  const startedMs = performance.now();
  const reason = await sdk(node, tls, 1_500).then(
    () => 'connected',
    (error: Error) => error.message,
  );
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  return reason;
}

/** Waits until the node uses what was changed. */
async function readAgain(change: () => void): Promise<void> {
  const count = (): number => log.lines.filter((line) => line.includes('read again')).length;
  const before = count();
  change();
  await until(() => count() > before, 'the node to read its files again');
}

describe('the SDK', () => {
  it('takes PEM, bytes and files', async () => {
    const app = ca.client('app');
    const paths = new TestPairFiles(directory, 'app', ca.cert, app);
    const { caFile, certFile, keyFile } = paths;
    const bytes = { ca: Buffer.from(ca.cert), cert: Buffer.from(app.cert), key: app.key };
    for (const tls of [
      { ca: ca.cert, ...app },
      bytes,
      { ca: caFile, cert: certFile, key: keyFile },
    ]) {
      const client = await sdk(tlsNode, tls);
      await client.set('k', 'v');
      expect(await client.get('k')).toBe('v');
    }
  });

  it('reads its files again for new connections, and no call fails meanwhile', async () => {
    const paths = new TestPairFiles(directory, 'renewed', ca.cert, ca.client('app'));
    const { caFile: caPath, certFile: cert, keyFile: key } = paths;
    const client = await sdk(tlsNode, { ca: caPath, cert, key });
    let disconnected = 0;
    client.onStatus((event) => {
      if (event.kind === 'disconnected') disconnected += 1;
    });
    let count = 0;
    let isOver = false;
    const load = (async () => {
      for (; !isOver; count++) await client.set('n', String(count));
    })();
    await until(() => disconnected >= 2, 'connections that are too old');
    // The CA is replaced on both sides; in the end the node takes nothing of the old one.
    const successor = new TestCa('the CA that follows');
    await readAgain(() => files.replaceCa(ca.cert + successor.cert));
    paths.replaceCa(ca.cert + successor.cert);
    paths.replace(successor.client('app'));
    await readAgain(() => files.replace(successor.node('raft0')));
    await readAgain(() => files.replaceCa(successor.cert));
    const after = disconnected;
    await until(() => disconnected >= after + 3, 'further connections');
    // Half of a pair: the certificate that was read before goes on.
    writeFileSync(key, successor.client('app').key);
    const half = disconnected;
    await until(() => disconnected >= half + 3, 'connections with half a pair');
    isOver = true;
    await load;
    expect(await client.get('n')).toBe(String(count - 1));
    await readAgain(() => files.replaceCa(ca.cert + successor.cert));
    await readAgain(() => files.replace(ca.node('raft0')));
  }, 30_000);

  it('says that the server speaks TLS, and the server says who came without', async () => {
    expect(await refusal(tlsNode, undefined)).toMatch(
      /the server at 127\.0\.0\.1:\d+ speaks TLS: connect with tls/,
    );
    expect(log.lines).toContainEqual(
      expect.stringMatching(/^warn a client spoke plain text .*"remote":"127\.0\.0\.1:\d+"/),
    );
  });

  it('says that the server does not speak TLS, and the server says who tried', async () => {
    expect(await refusal(plainNode, { ca: ca.cert })).toMatch(
      /the server at 127\.0\.0\.1:\d+ does not speak TLS: connect without tls/,
    );
    expect(log.lines).toContainEqual(
      expect.stringMatching(/^warn a client spoke TLS .*"remote":"127\.0\.0\.1:\d+"/),
    );
  });

  it.each<[string, () => ConnectOptions['tls'], RegExp]>([
    ['no certificate', () => ({ ca: ca.cert }), /requires a client certificate, and none was sent/],
    [
      'a certificate of another CA',
      () => ({ ca: ca.cert, ...new TestCa('x').client('app') }),
      /certificate of the client does not verify/,
    ],
    ['trust in another CA', () => ({ ca: new TestCa('x').cert }), /of the server at .* not verify/],
    ['the CAs of Node.js', () => true, /of the server at .* does not verify/],
    [
      'another name to expect',
      () => ({ ca: ca.cert, ...ca.client('app'), serverName: 'elsewhere' }),
      /does not verify: Hostname\/IP does not match/,
    ],
  ])('with %s does not connect and says why', async (_what, tls, reason) => {
    expect(await refusal(tlsNode, tls())).toMatch(reason);
  });

  it.each<[string, () => ConnectOptions['tls'], RegExp]>([
    ['a file that is not there', () => ({ ca: join(directory, 'none') }), /tls\.ca cannot be read/],
    ['a certificate without its key', () => ({ cert: ca.cert }), /belong together/],
    ['a key of another', () => ca.wrongKey('x'), /tls: tls\.cert, tls\.key cannot be used/],
  ])('refuses %s at once', async (_what, tls, reason) => {
    await expect(sdk(tlsNode, tls())).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(reason),
    });
  });
});

describe('the commands', () => {
  const flags = (name: string): ReturnType<typeof callOptions> => {
    const admin = new TestPairFiles(directory, name, ca.cert, ca.admin(name));
    const { caFile: tlsCa, certFile: tlsCert, keyFile: tlsKey } = admin;
    return callOptions({ endpoint: [tlsNode.clientAddress], tlsCa, tlsCert, tlsKey });
  };

  it('use the certificates of their flags, for keys and for the cluster', async () => {
    const options = flags('ops');
    const kv = await openKv(options);
    await kv.set('cli', 'value', { ttlMs: undefined, keepTtl: false });
    const value = await kv.get('cli', false);
    await kv.close();
    expect(value && Buffer.from(value).toString()).toBe('value');
    const cluster = openCluster(tlsNode.clientAddress, options);
    await cluster.ready();
    expect((await cluster.status()).nodeId).toBe('raft0');
    cluster.close();
  });

  it('say why there is no connection', async () => {
    const { clientAddress } = tlsNode;
    const { tls } = callOptions({ tls: true });
    const cluster = openCluster(clientAddress, { timeoutMs: 1_500, tls });
    const reason = /no connection within 1500 ms: .*certificate/;
    await expect(cluster.ready()).rejects.toThrow(reason);
    cluster.close();
  });

  it('refuse flags that do not belong together, and files that are of no use', () => {
    expect(() => callOptions({ tlsCert: 'x' })).toThrow(/--tls-cert and --tls-key/);
    expect(() => callOptions({ tlsCa: join(directory, 'none') })).toThrow(/ENOENT/);
    const { certFile: tlsCert } = files;
    const tlsKey = new TestPairFiles(directory, 'y', ca.cert, ca.client('y')).keyFile;
    expect(() => callOptions({ tlsCert, tlsKey })).toThrow(/of no use/);
  });
});
