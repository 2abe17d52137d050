// Goal: a message with a term that no cluster reaches cannot stop a node. Method: a real node,
// whose peer port gets such messages while it leads.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cashe, connect } from '@cashe/client';
import { AppendEntriesRequest, ClusterClient, type StatusResponse } from '@cashe/proto';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type RunningNode, startNode } from '../../src/index.js';
import { openStream } from '../../src/rpc/service.js';
import { until } from '../rpc/support/nodes.js';
import { answer } from '../support/api-fixture.js';
import { fakeLogger } from '../support/cli.js';

// A real node is founded: seconds on a busy machine.
jest.setTimeout(30_000);

const log = fakeLogger();
let directory = '';
let node: RunningNode;
let cashe: Cashe<'string'>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cashe-terms-'));
  const ports = { listen: '127.0.0.1:0', raftListen: '127.0.0.1:0' };
  node = await startNode({ id: 'one', ...ports, dataDir: directory, log });
  await node.ready;
  cashe = await connect({ endpoints: [node.clientAddress], values: 'string' });
});
afterEach(async () => {
  await cashe.close();
  await node.stop();
  await rm(directory, { recursive: true });
});

async function statusOf(): Promise<StatusResponse> {
  const cluster = new ClusterClient(node.clientAddress, credentials.createInsecure());
  try {
    return await answer<StatusResponse>((done) => cluster.status({}, done));
  } finally {
    cluster.close();
  }
}

/** Of a replica that nobody knows, in the cluster of this node. */
async function heartbeatOfTerm(term: number): Promise<Buffer> {
  const { clusterId } = await statusOf();
  const hello = {
    protocolVersions: [1],
    ...{ clusterId, nodeId: 'n9', nodeUid: 'f'.repeat(32), settingsHash: 0 },
    ...{ clientAddress: '', raftAddress: '', toNodeId: 'one', formatVersionMax: 1 },
  };
  const kind = { $case: 'heartbeatRequest', value: { leaderCommit: 0, readRound: 1 } } as const;
  const messages = [{ group: 0, from: 77, to: 1, term, kind }];
  const request = AppendEntriesRequest.fromPartial({ hello, messages });
  return Buffer.from(AppendEntriesRequest.encode(request).finish());
}

describe('a node that is sent the largest term there is', () => {
  it('keeps its own, says so, and goes on serving', async () => {
    await cashe.set('key', 'before');
    const heartbeat = await heartbeatOfTerm(Number.MAX_SAFE_INTEGER);
    const client = new Client(node.raftAddress, credentials.createInsecure());
    const stream = openStream(client, 'appendEntries');
    stream.on('error', () => undefined); // It breaks when the node stops.
    stream.on('data', () => undefined);
    stream.write(heartbeat);
    await until(() => log.lines.some((line) => line.includes('term too far ahead')), 'the warning');
    client.close();
    await cashe.set('key', 'after');
    expect(await cashe.get('key')).toBe('after');
    const { groups } = await statusOf();
    expect(groups.map(({ term }) => term)).toEqual([1]);
  });
});
