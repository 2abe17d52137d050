// The embedding API: every node of a founders file in one process, used through the SDK.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '@cashe/bench';
import { connect } from '@cashe/client';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startCluster, startNode } from '../../src/index.js';

// Real nodes: seconds on a busy machine.
jest.setTimeout(30_000);

let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cashe-embedding-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function foundersFile(capacity: number): Promise<string> {
  const ports = await freePorts(6);
  const genesis = [0, 1, 2].map((i) => ({
    id: `e${i}`,
    client: `127.0.0.1:${ports[2 * i]}`,
    raft: `127.0.0.1:${ports[2 * i + 1]}`,
  }));
  const file = join(directory, 'founders.json');
  await writeFile(file, JSON.stringify({ cluster: { genesis }, cache: { capacity } }));
  return file;
}

describe('startCluster', () => {
  it('starts every founder of a file, and the client needs only the same file', async () => {
    const config = await foundersFile(2);
    const cluster = await startCluster({ config, dataDir: directory });
    const cashe = await connect({ config });
    try {
      expect(cluster.nodes.map((node) => node.id)).toEqual(['e0', 'e1', 'e2']);
      await cashe.setMany({ a: '1', b: '2', c: '3' });
      // The capacity of the file holds: a is the least recently used.
      expect(await cashe.getMany(['a', 'b', 'c'])).toEqual([undefined, '2', '3']);
    } finally {
      await cashe.close();
      await cluster.stop();
    }
    const reasons = await Promise.all(cluster.nodes.map((node) => node.closed));
    expect(reasons.map((reason) => reason.kind)).toEqual(['stopped', 'stopped', 'stopped']);
  });

  it('refuses a file without founders, naming the key and the file', async () => {
    const config = join(directory, 'empty.json');
    await writeFile(config, '{}');
    await expect(startCluster({ config, dataDir: directory })).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining('cluster.genesis'),
    });
  });
});

describe('startNode', () => {
  it('founds a cluster of one on free ports and keeps its data', async () => {
    const options = { id: 'one', listen: '127.0.0.1:0', raftListen: '127.0.0.1:0' };
    const dataDir = join(directory, 'one');
    const first = await startNode({ ...options, dataDir });
    await first.ready;
    const before = await connect({ endpoints: [first.clientAddress] });
    await before.set('k', 'v');
    await before.close();
    await first.stop();

    const again = await startNode({ ...options, dataDir });
    await again.ready;
    const after = await connect({ endpoints: [again.clientAddress] });
    expect(await after.get('k')).toBe('v');
    await after.close();
    await again.stop();
  });

  it('refuses a replicated setting that differs from the stored one, naming both', async () => {
    const options = { id: 'one', listen: '127.0.0.1:0', raftListen: '127.0.0.1:0' };
    const dataDir = join(directory, 'one');
    const first = await startNode({ ...options, dataDir, capacity: 10 });
    await first.ready;
    await first.stop();
    const refused = await startNode({ ...options, dataDir, capacity: 11 });
    expect(await refused.closed).toEqual({
      kind: 'failed',
      message: expect.stringMatching(/--capacity .* is 11, but the cluster has 10: .*config set/),
    });
  });
});
