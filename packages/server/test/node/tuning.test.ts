// Goal: what the sections raft and limits state reaches the parts of a real node.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningNode } from '../../src/config/options.js';
import { startNode } from '../../src/embedding.js';
import { hostConfig } from '../../src/host/index.js';
import { hostSettings } from '../../src/node/tuning.js';
import { resolve } from '../support/config.js';

let directory = '';
let node: RunningNode;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-tuning-'));
  const config = join(directory, 'cashe.yaml');
  writeFileSync(config, 'raft: { segment_bytes: 32MiB }\nlimits: { connections_max: 1 }\n');
  const dataDir = join(directory, 'data');
  node = await startNode({ config, dataDir, listen: '127.0.0.1:0', raftListen: '127.0.0.1:0' });
  await node.ready;
});
afterAll(async () => {
  await node.stop();
});
afterAll(() => rmSync(directory, { recursive: true }));

function connected(): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(node.clientAddress.split(':')[1]) });
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

describe('a node', () => {
  it('has log files of the stated size', () => {
    const wal = join(directory, 'data/wal');
    const sizes = readdirSync(wal).map((name) => statSync(join(wal, name)).size);
    expect(Math.max(...sizes)).toBe(32 * 1024 * 1024);
  });

  it('takes as many connections as stated', async () => {
    const first = await connected();
    const second = await connected();
    await new Promise((resolve) => second.resume().once('close', resolve));
    expect([first.destroyed, first.readyState]).toEqual([false, 'open']);
    first.destroy();
  });

  it('counts the times of Raft in ticks', () => {
    const { raft } = resolve({
      'raft.tick_ms': 20,
      'raft.heartbeat_ms': 100,
      'raft.stickiness_ms': 400,
      'raft.election_ms_min': 500,
      'raft.election_ms_max': 900,
      'raft.snapshot_bytes': '32MiB',
    }).options;
    expect(hostConfig(hostSettings(raft))).toEqual({
      ...hostConfig(),
      tickMs: 20,
      heartbeatTicks: 5,
      stickinessTicks: 20,
      electionTicksMin: 25,
      electionTicksMax: 45,
      snapshotTriggerBytes: 32 * 1024 * 1024,
    });
  });
});
