// Goal: three nodes that speak nothing but mutual TLS form a cluster, serve, and go on serving
// while their certificates and connections are replaced; whoever has no node's certificate stays
// outside. Method: whole nodes in this process, real files, the SDK under load.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '@cashe/bench';
import { type Cashe, connect } from '@cashe/client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type EmbeddedNodeOptions, type RunningNode, startNode } from '../../src/index.js';
import { MemoryLogger, until } from '../rpc/support/nodes.js';
import { TestCa, TestPairFiles } from '../support/certificates.js';

const ca = new TestCa();
const ids = ['t0', 't1', 't2'];
let directory = '';
let config = '';
const nodes: RunningNode[] = [];
const clients: Cashe<'string'>[] = [];
let log = new MemoryLogger();

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-tls-cluster-'));
  log = new MemoryLogger();
  const ports = await freePorts(2 * ids.length);
  const genesis = ids.map((id, index) => ({
    id,
    client: `127.0.0.1:${ports[2 * index]}`,
    raft: `localhost:${ports[2 * index + 1]}`,
  }));
  config = join(directory, 'founders.json');
  writeFileSync(config, JSON.stringify({ cluster: { genesis } }));
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
}, 30_000);
afterEach(() => rmSync(directory, { recursive: true }));

function filesOf(id: string): TestPairFiles {
  return new TestPairFiles(join(directory, id), id, ca.cert, ca.node(id));
}

async function start(options: EmbeddedNodeOptions, files: TestPairFiles): Promise<RunningNode> {
  const { certFile: cert, keyFile: key, caFile } = files;
  const node = await startNode({
    dataDir: join(directory, options.id ?? '', 'data'),
    drainMs: 500,
    log,
    tls: { cert, key, ca: caFile },
    ...options,
  });
  nodes.push(node);
  return node;
}

const short = {
  certificatePollMs: 10,
  api: { connectionAgeMs: 300, connectionAgeGraceMs: 2_000 },
  transport: { connectionAgeMs: 400 },
};

async function founders(): Promise<readonly TestPairFiles[]> {
  const files = ids.map((id) => filesOf(id));
  await Promise.all(ids.map((id, at) => start({ id, config, tuning: short }, files[at]!)));
  await Promise.all(nodes.map((node) => node.ready));
  return files;
}

async function client(): Promise<Cashe<'string'>> {
  const pair = ca.client('app');
  const made = await connect({ config, tls: { ca: ca.cert, ...pair }, timeoutMs: 10_000 });
  clients.push(made);
  return made;
}

const logged = (text: string): string[] => log.lines.filter((line) => line.includes(text));

describe('a cluster with TLS', () => {
  it('forms, serves, and never fails a call while certificates and connections go', async () => {
    const files = await founders();
    const cashe = await client();
    let count = 0;
    let isOver = false;
    const load = (async () => {
      for (; !isOver; count++) {
        await Promise.all(ids.map((id) => cashe.set(`${id}/${count % 50}`, String(count))));
        expect(await cashe.get(`t0/${count % 50}`)).toBe(String(count));
      }
    })();
    const renewed = (): number => logged('connection to a peer renewed').length;
    for (const [at, id] of ids.entries()) {
      const before = logged('certificate files read again').length;
      const connections = renewed();
      files[at]?.replace(ca.node(id));
      await until(() => logged('certificate files read again').length > before, 'the renewal');
      await until(() => renewed() >= connections + ids.length, 'connections to be renewed');
    }
    await until(() => count > 20, 'calls');
    isOver = true;
    await load;
    expect(logged('peer lost')).toEqual([]);
    expect(log.lines.filter((line) => line.startsWith('error'))).toEqual([]);
  }, 30_000);

  it('admits a node that joins with its own certificate', async () => {
    await founders();
    const ports = { listen: '127.0.0.1:0', raftListen: '127.0.0.1:0' };
    const member = nodes[0]?.clientAddress ?? '';
    const fourth = await start({ id: 't3', join: member, ...ports, tuning: short }, filesOf('t3'));
    await fourth.ready;
    const cashe = await client();
    await cashe.set('k', 'v');
    expect(await cashe.get('k')).toBe('v');
  }, 30_000);

  it('keeps those out whose certificate is of another CA, and says so', async () => {
    await founders();
    const ports = { listen: '127.0.0.1:0', raftListen: '127.0.0.1:0' };
    const member = nodes[0]?.clientAddress ?? '';
    const foreign = new TestCa();
    const files = new TestPairFiles(join(directory, 'x'), 't3', foreign.cert, foreign.node('t3'));
    await start({ id: 't3', join: member, ...ports, tuning: short }, files);
    await until(() => logged('certificate').some((line) => /waiting/.test(line)), 'the reason');
  }, 30_000);

  it('does not start with the certificate of another node', async () => {
    const started = start({ id: 't0', config }, filesOf('t1'));
    await expect(started).rejects.toThrow(/URI:spiffe:\/\/cashe\/node\/t0/);
  });
});
