import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { LineSplitter } from '../../src/cli/line-splitter.js';
import { basePortMax, localPlan, welcome } from '../../src/cli/local-plan.js';
import { firstTakenPort } from '../../src/cli/ports.js';
import { decideRestart, restartDefaults } from '../../src/cli/restart-policy.js';
import { parseConfig } from '../../src/config/file.js';
import { resolveOptions } from '../../src/config/resolve.js';
import { flags } from '../support/config.js';

const options = { basePort: 3100, dataDir: './data/local', logLevel: 'info' };

describe('the plan of the local cluster', () => {
  it('has clients on the base port and peers 1000 above', () => {
    const { nodes } = localPlan(options);
    expect(nodes.map(({ id, clientPort, raftPort }) => [id, clientPort, raftPort])).toEqual([
      ['raft0', 3100, 4100],
      ['raft1', 3101, 4101],
      ['raft2', 3102, 4102],
    ]);
    expect(
      Math.max(...localPlan({ ...options, basePort: basePortMax }).nodes.map((n) => n.raftPort)),
    ).toBe(65535);
  });

  it('gives each node its directory, and routes to the others in case the ports moved', () => {
    expect(localPlan(options).nodes[1]?.args).toEqual([
      'serve',
      '--config=data/local/cluster.json',
      '--id=raft1',
      '--listenaddr=:3101',
      '--raftaddr=:4101',
      '--data-dir=data/local/raft1',
      '--log-level=info',
      '--log-format=pretty',
      '--peer-route=raft0=127.0.0.1:4100',
      '--peer-route=raft2=127.0.0.1:4102',
    ]);
  });

  it('writes a founders file that a node takes', () => {
    const { foundersJson, foundersFile } = localPlan(options);
    const sources = [flags({ 'node.id': 'raft2' }), parseConfig(foundersJson, foundersFile)];
    expect(resolveOptions(sources, { terminal: false }).options).toMatchObject({
      advertiseClient: '127.0.0.1:3102',
      founders: [{ id: 'raft0' }, { id: 'raft1' }, { id: 'raft2', raft: '127.0.0.1:4102' }],
    });
  });
});

describe('the welcome', () => {
  it('says where it listens, who leads, and what to try', () => {
    const text = welcome(localPlan(options).nodes, 'raft1', options);
    expect(text).toContain('raft0   clients localhost:3100   peers localhost:4100\n');
    expect(text).toContain('raft1   clients localhost:3101   peers localhost:4101   leads\n');
    expect(text).toContain('npx cashe get greeting --endpoint=localhost:3100\n');
    expect(text).toContain("connect({ endpoints: ['localhost:3100'] })");
    expect(text).toContain('grpcurl -plaintext');
    expect(text).toContain('buf curl');
  });

  it('leaves out what is the default', () => {
    const plain = { ...options, basePort: 3000 };
    const { nodes } = localPlan(plain);
    expect(welcome(nodes, 'raft0', plain)).toContain('npx cashe get greeting\n');
  });

  it('shows only nodes that run', () => {
    const { nodes } = localPlan({ ...options, basePort: 3000 });
    const text = welcome(nodes.slice(1), 'raft1', { ...options, basePort: 3000 });
    expect(text).toContain('Cashe serves: 2 nodes');
    expect(text).not.toContain('raft0');
    expect(text).toContain('npx cashe get greeting --endpoint=localhost:3001\n');
  });
});

describe('a port that is taken', () => {
  it('is found', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await firstTakenPort([port])).toBe(port);
    await new Promise((resolve) => server.close(resolve));
    expect(await firstTakenPort([port])).toBeUndefined();
  });
});

describe('a node that ended unasked', () => {
  const end = { exitCode: 1, ranMs: 5_000, hasServed: true, restarts: 0 };

  it('is restarted a bounded number of times', () => {
    const restarts: number[] = [];
    let decision = decideRestart(end, restartDefaults);
    while (decision.kind === 'restart') {
      restarts.push(decision.restarts);
      decision = decideRestart({ ...end, restarts: decision.restarts }, restartDefaults);
    }
    expect(restarts).toEqual([1, 2, 3, 4, 5]);
    expect(decision.text).toBe('ended 6 times; not restarted any more');
  });

  it('has its restarts back after a steady time', () => {
    const steady = { ...end, restarts: 5, ranMs: 60_000 };
    expect(decideRestart(steady, restartDefaults)).toMatchObject({ kind: 'restart', restarts: 1 });
  });

  it('is restarted after a signal', () => {
    expect(decideRestart({ ...end, exitCode: null }, restartDefaults).kind).toBe('restart');
  });

  it.each([
    ['it ended on purpose', { exitCode: 0 }],
    ['the cluster never served', { hasServed: false }],
  ])('stays down when %s', (_, change) => {
    expect(decideRestart({ ...end, ...change }, restartDefaults).kind).toBe('leave');
  });
});

describe('lines', () => {
  const cut = (chunks: readonly Uint8Array[], max?: number): string[] => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line), max);
    for (const chunk of chunks) splitter.push(chunk);
    splitter.end();
    return lines;
  };
  const bytes = (text: string): Uint8Array => Buffer.from(text);

  it('are whole however they arrive', () => {
    const all = bytes('héllo\nwörld\n\nend');
    const single = [...all].map((byte) => Uint8Array.of(byte));
    expect(cut(single)).toEqual(['héllo', 'wörld', '', 'end']);
    expect(cut([all])).toEqual(['héllo', 'wörld', '', 'end']);
  });

  it('beyond the bound are cut', () => {
    expect(cut([bytes('abcdefgh\n')], 3)).toEqual(['abcdefgh']);
    expect(cut([bytes('abcdefgh'), bytes('\nx')], 3)).toEqual(['abc', 'def', 'gh', 'x']);
  });
});
