// Goal: status, members, leave and transfer over real gRPC, against a server that plays the nodes.

import {
  type ClusterServer,
  ClusterService,
  GroupStatus,
  Member,
  MemberRole,
  Role,
  StatusResponse,
} from '@cashe/proto';
import { Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openCluster } from '../../src/cli/cluster-client.js';
import { clusterActions } from '../../src/cli/cluster-commands.js';
import { fakeIo } from '../support/cli.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.forceShutdown();
});

interface Play {
  readonly status?: () => StatusResponse;
  readonly members?: readonly Member[];
  /** Undefined: done. */
  readonly refusal?: { readonly code: status; readonly details: string; readonly outcome?: string };
  readonly removed?: string[];
}

async function play(node: Play): Promise<string> {
  const server = new Server();
  const unused = (): never => {
    throw new Error('not part of this test');
  };
  const change = (done: (error: object | null, answer?: never) => void, answer: object): void => {
    const { refusal } = node;
    if (refusal === undefined) {
      done(null, answer as never);
      return;
    }
    const metadata = new Metadata();
    if (refusal.outcome !== undefined) metadata.set('cashe-outcome', refusal.outcome);
    done({ code: refusal.code, details: refusal.details, metadata });
  };
  const service: ClusterServer = {
    status: (_call, done) => done(null, node.status?.() ?? StatusResponse.create({})),
    listMembers: (_call, done) => done(null, { members: [...(node.members ?? [])] }),
    removeMember: (call, done) => {
      node.removed?.push(call.request.nodeId);
      change(done, {});
    },
    transferLeadership: (call, done) =>
      change(done, {
        leader: { group: 0, term: 5, nodeId: call.request.nodeId, clientAddress: 'x:1' },
      }),
    addMember: unused,
    watchTopology: unused,
    getAccess: unused,
    setAccess: unused,
    getSettings: unused,
    changeSettings: unused,
    configureNode: unused,
  };
  server.addService(ClusterService, service);
  servers.push(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return `127.0.0.1:${port}`;
}

const group = (role: Role, leader: string): GroupStatus =>
  GroupStatus.create({
    group: 0,
    role,
    term: 3,
    commitIndex: 10,
    appliedIndex: 9,
    entries: 2,
    bytes: 64,
    digest: '00ff',
    leader: { group: 0, term: 3, nodeId: leader, clientAddress: 'x:1' },
  });

const cache = { entriesMax: 0, bytesMax: 268435456, eviction: 1, replicationFactor: 3 } as const;

/** Two nodes that know each other; the second may be down. */
async function pair(secondIsUp: boolean): Promise<string> {
  const members: Member[] = [];
  const answer = (nodeId: string, role: Role): (() => StatusResponse) => {
    return () =>
      StatusResponse.create({
        clusterId: 'c1',
        nodeId,
        clientAddress: members.find((one) => one.nodeId === nodeId)?.clientAddress ?? '',
        groups: [group(role, 'a')],
        members,
        cache,
      });
  };
  const first = await play({ status: answer('a', Role.LEADER) });
  const second = secondIsUp ? await play({ status: answer('b', Role.FOLLOWER) }) : '127.0.0.1:1';
  for (const [nodeId, clientAddress] of [
    ['a', first],
    ['b', second],
  ] as const) {
    members.push(Member.create({ nodeId, clientAddress, role: MemberRole.VOTER }));
  }
  return first;
}

const call = (...endpoints: string[]): { endpoints: string[]; timeoutMs: number } => ({
  endpoints,
  timeoutMs: 2_000,
});

describe('status', () => {
  it('shows every member with its replica', async () => {
    const io = fakeIo();
    const endpoint = await pair(true);
    const code = await clusterActions(openCluster, io).status({ ...call(endpoint), json: false });
    const text = io.out.join('');
    expect(text).toContain('cluster c1, leader a, 2 nodes');
    expect(text).toContain(
      'capacity none, max bytes 268435456, eviction lru, replication factor 3',
    );
    expect(text).toMatch(/^a +127\.0\.0\.1:\d+ +leader +3 +10 +9 +2 +64 +0 +0 +00ff$/m);
    expect(text).toMatch(/^b +127\.0\.0\.1:\d+ +follower +3 /m);
    expect(code).toBe(0);
  });

  it('is exit code 1 with the reason when a member does not answer', async () => {
    const io = fakeIo();
    const endpoint = await pair(false);
    const code = await clusterActions(openCluster, io).status({ ...call(endpoint), json: false });
    expect(io.out.join('')).toMatch(/^b \(127\.0\.0\.1:1\): .*UNAVAILABLE/m);
    expect(io.out.join('')).toMatch(/^b +127\.0\.0\.1:1 +no answer$/m);
    expect(code).toBe(1);
  });

  it('is JSON when asked for', async () => {
    const io = fakeIo();
    const endpoint = await pair(true);
    await clusterActions(openCluster, io).status({ ...call(endpoint), json: true });
    expect(JSON.parse(io.out.join(''))).toMatchObject([
      { nodeId: 'a', groups: [{ role: 'ROLE_LEADER', term: 3 }] },
      { nodeId: 'b', groups: [{ role: 'ROLE_FOLLOWER' }] },
    ]);
  });

  it('says what a node waits for', async () => {
    const io = fakeIo();
    const waiting = StatusResponse.create({ nodeId: 'a', waitingFor: 'founders b, c' });
    const endpoint = await play({ status: () => waiting });
    const code = await clusterActions(openCluster, io).status({ ...call(endpoint), json: false });
    expect(io.out.join('')).toContain('a waits for founders b, c');
    expect(code).toBe(1);
  });

  it('asks the next endpoint if one is down; exit code 3 if all are', async () => {
    const io = fakeIo();
    const { status: show } = clusterActions(openCluster, io);
    const endpoint = await pair(true);
    const options = { endpoints: ['127.0.0.1:1', endpoint], timeoutMs: 1_000, json: false };
    expect(await show(options)).toBe(0);
    await expect(show({ ...options, endpoints: ['127.0.0.1:1'] })).rejects.toMatchObject({
      exitCode: 3,
      message: '127.0.0.1:1: no connection within 1000 ms: connection refused',
    });
  });
});

describe('members', () => {
  it('lists them', async () => {
    const io = fakeIo();
    const member = Member.create({
      nodeId: 'a',
      clientAddress: 'h:1',
      raftAddress: 'h:2',
      replicaId: 7,
      role: MemberRole.LEARNER,
      leaving: true,
    });
    const endpoint = await play({ members: [member] });
    await clusterActions(openCluster, io).members({ ...call(endpoint), json: false });
    expect(io.out.join('')).toMatch(/^a +h:1 +h:2 +7 +learner, leaving +0$/m);
  });
});

describe('leave', () => {
  it('removes the node that is named', async () => {
    const removed: string[] = [];
    const io = fakeIo();
    const endpoint = await play({ removed });
    expect(await clusterActions(openCluster, io).leave('raft2', call(endpoint))).toBe(0);
    expect(removed).toEqual(['raft2']);
    expect(io.out.join('')).toBe('raft2 left the cluster\n');
  });

  it('removes the node at the endpoint when none is named', async () => {
    const removed: string[] = [];
    const here = StatusResponse.create({ nodeId: 'raft1' });
    const endpoint = await play({ removed, status: () => here });
    await clusterActions(openCluster, fakeIo()).leave(undefined, call(endpoint));
    expect(removed).toEqual(['raft1']);
  });

  it('does not guess which of several endpoints is meant', async () => {
    const leaving = clusterActions(openCluster, fakeIo()).leave(undefined, call('a:1', 'b:1'));
    await expect(leaving).rejects.toMatchObject({ exitCode: 2 });
  });

  it.each([
    [status.FAILED_PRECONDITION, 'the last voter', 'not_committed', 5],
    [status.UNAVAILABLE, 'no leader', 'not_committed', 3],
    [status.UNAVAILABLE, 'connection lost', undefined, 4],
    [status.DEADLINE_EXCEEDED, 'slow', undefined, 4],
    [status.ABORTED, 'leader lost', 'unknown', 4],
  ])(
    'refused with %s "%s" and outcome %s is exit code %i',
    async (code, details, outcome, exit) => {
      const refusal = { code, details, ...(outcome !== undefined && { outcome }) };
      const endpoint = await play({ refusal });
      const leaving = clusterActions(openCluster, fakeIo()).leave('a', call(endpoint));
      await expect(leaving).rejects.toMatchObject({
        exitCode: exit,
        message: expect.stringContaining(details),
      });
    },
  );
});

describe('transfer', () => {
  it('says who leads', async () => {
    const io = fakeIo();
    const endpoint = await play({});
    expect(await clusterActions(openCluster, io).transfer('b', call(endpoint))).toBe(0);
    expect(io.out.join('')).toBe('b leads\n');
  });
});
