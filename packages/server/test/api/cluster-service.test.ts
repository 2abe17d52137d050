// The Cluster service: views, checked arguments, refusals with reasons, topology for slow readers.

import { Code, Outcome } from '@cashe/codec';
import {
  type AddMemberRequest,
  type ClusterClient,
  Eviction,
  MemberRole,
  Role,
  type StatusResponse,
  type WatchTopologyResponse,
} from '@cashe/proto';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiFixture, answer, failure, Messages, trailer, until } from '../support/api-fixture.js';
import { clusterId, leader, nodeUid } from '../support/fake-calls.js';

let fixture: ApiFixture;
let cluster: ClusterClient;

beforeEach(async () => {
  fixture = await ApiFixture.start({ watchStreamsMax: 2 });
  cluster = fixture.cluster();
});
afterEach(() => fixture.close());

const joiner: AddMemberRequest = {
  nodeId: 'raft1',
  nodeUid: 'a'.repeat(32),
  clientAddress: '10.0.0.1:3000',
  raftAddress: '[2001:db8::1]:4000',
  formatVersionMax: 1,
  clusterId: '',
  rejoin: false,
};

function summary(error: ServiceError): readonly string[] {
  const { metadata } = error;
  const trailers = [trailer(metadata, 'cashe-code'), trailer(metadata, 'cashe-outcome')];
  return [status[error.code] ?? '', ...trailers];
}

const memberMessage = {
  nodeId: 'raft0',
  nodeUid,
  clientAddress: '127.0.0.1:3000',
  raftAddress: '127.0.0.1:4000',
  replicaId: 1,
  role: MemberRole.VOTER,
  leaving: false,
  leader: true,
  matchIndex: 17,
};

describe('Status', () => {
  it('describes the node, its groups, limits and settings', async () => {
    const response = await answer<StatusResponse>((done) => cluster.status({}, done));
    expect(response).toMatchObject({
      clusterId,
      nodeId: 'raft0',
      nodeUid,
      version: '1.2.3',
      waitingFor: '',
      uptimeMs: 1234,
      members: [memberMessage],
      limits: { valueBytesMax: 1024 * 1024, batchOpsMax: 1024, sessionWindow: 64 },
      cache: { entriesMax: 0, eviction: Eviction.LRU, replicationFactor: 3 },
    });
    expect(response.groups).toEqual([
      {
        group: 0,
        replicaId: 1,
        role: Role.LEADER,
        term: 3,
        leader: { group: 0, term: 3, nodeId: 'raft0', clientAddress: '127.0.0.1:3000' },
        commitIndex: 18,
        appliedIndex: 17,
        digest: '000000abffffffff',
        lastIndex: 19,
        firstIndex: 1,
        snapshotIndex: 5,
        revision: 8,
        entries: 2,
        bytes: 300,
        evictions: 4,
        expiries: 5,
        sessions: 6,
        clusterTimeMs: 9,
        hits: 10,
        misses: 11,
      },
    ]);
  });

  it('of a node without a cluster says what it waits for', async () => {
    fixture.calls.helloView = undefined;
    const response = await answer<StatusResponse>((done) => cluster.status({}, done));
    expect(response).toMatchObject({ clusterId: '', waitingFor: 'founder raft1', groups: [] });
    expect(response.cache).toBeUndefined();
  });
});

describe('members', () => {
  it('are listed', async () => {
    const response = await answer((done) => cluster.listMembers({}, done));
    expect(response).toEqual({ members: [memberMessage] });
  });

  it('are added and removed with the arguments and the deadline of the call', async () => {
    fixture.calls.adminAnswer = {
      kind: 'admin',
      result: 'added',
      clusterId,
      replicaId: 9,
      genesisRecord: new Uint8Array([1, 2]),
      members: [],
    };
    const deadline = { deadline: Date.now() + 20_000 };
    const added = await answer((done) => cluster.addMember(joiner, new Metadata(), deadline, done));
    expect(added).toEqual({
      clusterId,
      replicaId: 9,
      genesisRecord: Buffer.from([1, 2]),
      members: [],
    });
    fixture.calls.adminAnswer = { kind: 'admin', result: 'removed' };
    await answer((done) => cluster.removeMember({ nodeId: 'raft1' }, done));
    const [add, remove] = fixture.calls.adminCalls;
    expect(add?.call).toEqual({ kind: 'addMember', ...joiner });
    expect(add?.remainingMs).toBeGreaterThan(10_000);
    expect(add?.remainingMs).toBeLessThanOrEqual(20_000);
    expect(remove).toEqual({
      call: { kind: 'removeMember', nodeId: 'raft1' },
      remainingMs: 30_000,
    });
  });

  it('are refused with the reason of the host', async () => {
    fixture.calls.adminAnswer = {
      kind: 'admin',
      result: 'refused',
      code: Code.ABORTED,
      outcome: Outcome.NOT_COMMITTED,
      message: 'the last voter cannot leave; stop it instead',
    };
    const error = await failure((done) => cluster.removeMember({ nodeId: 'raft0' }, done));
    expect(summary(error)).toEqual(['ABORTED', 'ABORTED', 'not_committed']);
    expect(error.details).toBe('the last voter cannot leave; stop it instead');
  });

  it.each([
    ['node_id', { nodeId: 'a b' }, 'node_id is "a b"; 1 to 64 of'],
    ['node_id', { nodeId: 'x'.repeat(65) }, '1 to 64 of'],
    ['node_uid', { nodeUid: 'XYZ' }, 'node_uid is "XYZ"; 32 lower-case hex digits'],
    ['cluster_id', { clusterId: 'no' }, 'cluster_id is "no"'],
    ['client_address', { clientAddress: ':3000' }, 'client_address: '],
    ['raft_address', { raftAddress: '10.0.0.1' }, 'raft_address: '],
    ['raft_address', { raftAddress: `${'x'.repeat(300)}:1` }, 'longer than 259'],
    ['format_version_max', { formatVersionMax: 0 }, 'format_version_max is 0'],
  ])('with a bad %s are refused here', async (_, part, details) => {
    const error = await failure((done) => cluster.addMember({ ...joiner, ...part }, done));
    expect(summary(error)).toEqual(['INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'not_committed']);
    expect(error.details).toContain(details);
    expect(fixture.calls.adminCalls).toEqual([]);
  });

  it('cannot be changed on a node without a cluster', async () => {
    fixture.calls.helloView = undefined;
    const error = await failure((done) => cluster.addMember(joiner, done));
    expect(summary(error)).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'not_committed']);
    expect(error.details).toContain('founder raft1');
  });
});

describe('TransferLeadership', () => {
  it('names the leader reached', async () => {
    const { group, term, nodeId, clientAddress } = leader;
    const reached = { group, term, nodeId, clientAddress };
    fixture.calls.adminAnswer = { kind: 'admin', result: 'transferred', ...reached };
    const response = await answer((done) =>
      cluster.transferLeadership({ group: 0, nodeId: '' }, done),
    );
    expect(response).toEqual({ leader: reached });
  });

  it('of a group that does not exist is refused', async () => {
    const error = await failure((done) =>
      cluster.transferLeadership({ group: 1, nodeId: '' }, done),
    );
    expect(error.details).toBe('group is 1; 0 to 0 are allowed');
  });
});

describe('WatchTopology', () => {
  it('sends the picture at once and after each change', async () => {
    const messages = new Messages<WatchTopologyResponse>(cluster.watchTopology({}));
    const first = await messages.next();
    expect(first).toMatchObject({ clusterId, appliedIndex: 17, members: [memberMessage] });
    expect(first.leaders).toHaveLength(1);
    fixture.calls.setTopology({ ...fixture.calls.topologyView, appliedIndex: 18, leaders: [] });
    expect(await messages.next()).toMatchObject({ appliedIndex: 18, leaders: [] });
  });

  it('skips to the latest picture for a reader that was slow', async () => {
    const stream = cluster.watchTopology({});
    const messages = new Messages<WatchTopologyResponse>(stream);
    const first = await messages.next();
    stream.pause();
    const member = fixture.calls.topologyView.members[0];
    if (member === undefined) throw new Error('no member');
    const members = new Array(2000).fill(member);
    const last = 1000;
    for (let appliedIndex = 18; appliedIndex <= last; appliedIndex++) {
      fixture.calls.setTopology({ ...fixture.calls.topologyView, appliedIndex, members });
      await new Promise(setImmediate);
    }
    stream.resume();
    let latest = first;
    let count = 0;
    for (; latest.appliedIndex < last; count++) latest = await messages.next();
    expect(count).toBeLessThan(100);
  });

  it('serves a bounded number of watchers and forgets those that left', async () => {
    const { size: ownListeners } = fixture.calls.topologyListeners;
    const first = cluster.watchTopology({});
    const firstMessages = new Messages(first);
    await firstMessages.next();
    await new Messages(cluster.watchTopology({})).next();
    const error = await new Messages(cluster.watchTopology({})).failure();
    expect(summary(error)[0]).toBe('RESOURCE_EXHAUSTED');
    first.cancel();
    await until(() => fixture.calls.topologyListeners.size === ownListeners + 1);
    await new Messages(cluster.watchTopology({})).next();
    expect(fixture.calls.topologyListeners.size).toBe(ownListeners + 2);
  });
});
