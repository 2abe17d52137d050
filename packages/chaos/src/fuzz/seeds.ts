/** Valid messages for every method of both gRPC ports: what the fuzzer starts from. */
import { Buffer } from 'node:buffer';
import {
  AddMemberRequest,
  AppendEntriesRequest,
  EntryKind,
  ForwardRequest,
  FoundRequest,
  GetManyRequest,
  GetRequest,
  HealthCheckRequest,
  InstallSnapshotRequest,
  Op,
  type PeerHello,
  RemoveMemberRequest,
  RequestVoteRequest,
  SessionRequest,
  SetManyRequest,
  SetRequest,
  TimeoutNowRequest,
  TransferLeadershipRequest,
} from '@cashe/proto';

/** One method with messages a client or peer could send, in this order. */
export interface MethodSeed {
  readonly path: string;
  readonly messages: readonly Buffer[];
  /** It answers once the request ended; other streams stay open until their client leaves. */
  readonly endsByItself: boolean;
}

/**
 * What the seeds know of the cluster. Nothing in them is destructive, and no small change makes it
 * so: members named for removal or adding are refused for two reasons, replicas are not members,
 * and peers introduce themselves with a data directory that the cluster does not know.
 */
interface SeedFacts {
  readonly clusterId: string;
  readonly nodeId: string;
}

const foreignId = 'f'.repeat(32);
const key = 'fuzz/key';
const value: Uint8Array = Buffer.from('value');

export function clientSeeds({ clusterId, nodeId }: SeedFacts): readonly MethodSeed[] {
  return [
    unary('cashe.v1.KV/Get', GetRequest.encode(GetRequest.fromPartial({ key })).finish()),
    unary('cashe.v1.KV/Has', GetRequest.encode(GetRequest.fromPartial({ key })).finish()),
    unary('cashe.v1.KV/Set', setRequest()),
    unary('cashe.v1.KV/Delete', GetRequest.encode(GetRequest.fromPartial({ key })).finish()),
    unary('cashe.v1.KV/GetMany', manyKeys()),
    unary('cashe.v1.KV/SetMany', setMany()),
    unary('cashe.v1.KV/DeleteMany', manyKeys()),
    { path: '/cashe.v1.KV/Session', messages: sessionMessages(clusterId), endsByItself: true },
    unary('cashe.v1.Cluster/Status'),
    unary('cashe.v1.Cluster/ListMembers'),
    unary('cashe.v1.Cluster/AddMember', addMember(nodeId)),
    unary('cashe.v1.Cluster/RemoveMember', removeMember()),
    unary('cashe.v1.Cluster/TransferLeadership', transferLeadership()),
    stream('cashe.v1.Cluster/WatchTopology'),
    unary('grpc.health.v1.Health/Check', healthCheck()),
    unary('grpc.health.v1.Health/List'),
    stream('grpc.health.v1.Health/Watch', healthCheck()),
    ...['v1', 'v1alpha'].map((version) => ({
      path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      messages: [Buffer.from('3a00', 'hex'), Buffer.from('220b63617368652e76312e4b56', 'hex')],
      endsByItself: true,
    })),
    unary('cashe.v1.KV/Nothing', value),
    // What only the other port serves.
    unary('cashe.raft.v1.Raft/TimeoutNow', value),
  ];
}

export function peerSeeds(facts: SeedFacts): readonly MethodSeed[] {
  const hello = peerHello(facts);
  const place = { hello, group: 0, from: 77, to: 1, term: 3 };
  const vote = { ...place, preVote: true, lastLogIndex: 9, lastLogTerm: 2 };
  const found = FoundRequest.fromPartial({
    nodeId: 'n9',
    nodeUid: foreignId,
    foundersHash: '00'.repeat(32),
  });
  const raft = (method: string): string => `cashe.raft.v1.Raft/${method}`;
  return [
    unary(
      raft('RequestVote'),
      RequestVoteRequest.encode(RequestVoteRequest.fromPartial(vote)).finish(),
    ),
    unary(
      raft('TimeoutNow'),
      TimeoutNowRequest.encode(TimeoutNowRequest.fromPartial(place)).finish(),
    ),
    unary(raft('Found'), FoundRequest.encode(found).finish()),
    { path: `/${raft('AppendEntries')}`, messages: appendMessages(hello), endsByItself: true },
    { path: `/${raft('InstallSnapshot')}`, messages: snapshotMessages(place), endsByItself: true },
    {
      path: `/${raft('Forward')}`,
      messages: forwardMessages(hello, facts.nodeId),
      endsByItself: true,
    },
    // What only the other port serves.
    unary('cashe.v1.KV/Set', setRequest()),
  ];
}

function unary(method: string, message: Uint8Array = new Uint8Array(0)): MethodSeed {
  return { path: `/${method}`, messages: [Buffer.from(message)], endsByItself: true };
}

function stream(method: string, message: Uint8Array = new Uint8Array(0)): MethodSeed {
  return { ...unary(method, message), endsByItself: false };
}

function setRequest(): Uint8Array {
  return SetRequest.encode(SetRequest.fromPartial({ key, value, ttlMs: 60_000 })).finish();
}

function manyKeys(): Uint8Array {
  const keys = Array.from({ length: 8 }, (_, index) => `${key}/${index}`);
  return GetManyRequest.encode(GetManyRequest.fromPartial({ keys })).finish();
}

function setMany(): Uint8Array {
  const entries = Array.from({ length: 8 }, (_, index) => ({ key: `${key}/${index}`, value }));
  return SetManyRequest.encode(SetManyRequest.fromPartial({ entries })).finish();
}

function healthCheck(): Uint8Array {
  return HealthCheckRequest.encode(
    HealthCheckRequest.fromPartial({ service: 'cashe.v1.KV' }),
  ).finish();
}

/** Of another cluster, with an id that is taken and a format nobody has. */
function addMember(nodeId: string): Uint8Array {
  const request = AddMemberRequest.fromPartial({
    nodeId,
    nodeUid: foreignId,
    clientAddress: '127.0.0.1:1',
    raftAddress: '127.0.0.1:2',
    formatVersionMax: 1,
    clusterId: foreignId,
  });
  return AddMemberRequest.encode(request).finish();
}

function removeMember(): Uint8Array {
  return RemoveMemberRequest.encode(RemoveMemberRequest.fromPartial({ nodeId: 'nobody' })).finish();
}

function transferLeadership(): Uint8Array {
  const request = TransferLeadershipRequest.fromPartial({ group: 7, nodeId: 'nobody' });
  return TransferLeadershipRequest.encode(request).finish();
}

/** Length-delimited ops and the random tag behind them (R14). */
function opBytes(ops: readonly Parameters<typeof Op.fromPartial>[0][]): Uint8Array {
  const messages = ops.map((op) => Buffer.from(Op.encode(Op.fromPartial(op)).finish()));
  const parts = messages.flatMap((op) => [Buffer.from([op.length]), op]);
  return Buffer.concat([...parts, Buffer.from('0123456789abcdef', 'hex')]);
}

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

type SessionKind = NonNullable<SessionRequest['kind']>;

function sessionMessages(clusterId: string): readonly Buffer[] {
  const batch = { group: 0, session: 5, remainingMs: 500, traceparent };
  const writes = opBytes([
    { kind: { $case: 'set', value: { key, value, ttlMs: undefined, keepTtl: false } } },
    { kind: { $case: 'delete', value: { key } } },
  ]);
  const reads = opBytes([
    { kind: { $case: 'get', value: { key } } },
    { kind: { $case: 'has', value: { key } } },
  ]);
  const kinds: readonly SessionKind[] = [
    { $case: 'hello', value: { protocolVersions: [1], clusterId, clientName: 'fuzz' } },
    { $case: 'open', value: { transmission: 1, group: 0, remainingMs: 500 } },
    {
      $case: 'write',
      value: { ...batch, transmission: 2, sequence: 1, firstOutstanding: 1, ops: writes },
    },
    {
      $case: 'read',
      value: { ...batch, transmission: 3, afterSequence: 0, consistency: 1, ops: reads },
    },
    { $case: 'close', value: { transmission: 4, group: 0, session: 5 } },
  ];
  return kinds.map((kind) => Buffer.from(SessionRequest.encode({ kind }).finish()));
}

function peerHello({ clusterId, nodeId }: SeedFacts): PeerHello {
  return {
    protocolVersions: [1],
    clusterId,
    nodeId: 'n9',
    nodeUid: foreignId,
    settingsHash: 0,
    clientAddress: '127.0.0.1:1',
    raftAddress: '127.0.0.1:2',
    toNodeId: nodeId,
    formatVersionMax: 1,
  };
}

function appendMessages(hello: PeerHello): readonly Buffer[] {
  const head = { group: 0, from: 77, to: 1, term: 3 };
  const append = {
    prevLogIndex: 4,
    prevLogTerm: 2,
    leaderCommit: 4,
    clusterTimeMs: 10,
    entries: [{ term: 3, kind: EntryKind.NORMAL, data: value }],
  };
  const beat = { leaderCommit: 4, readRound: 1, clusterTimeMs: 11, commitIndex: 4 };
  const messages = [
    { ...head, kind: { $case: 'appendRequest', value: append } as const },
    { ...head, kind: { $case: 'heartbeatRequest', value: beat } as const },
  ];
  return [
    { hello, messages: [] },
    { hello: undefined, messages },
  ].map((request) =>
    Buffer.from(AppendEntriesRequest.encode(AppendEntriesRequest.fromPartial(request)).finish()),
  );
}

interface ReplicaPlace {
  readonly hello: PeerHello;
  readonly group: number;
  readonly from: number;
  readonly to: number;
  readonly term: number;
}

function snapshotMessages(place: ReplicaPlace): readonly Buffer[] {
  const head = {
    ...place,
    lastIncludedIndex: 1_000_000,
    lastIncludedTerm: 3,
    configuration: { voters: [1, 2, 3], votersOutgoing: [], learners: [], replicaIdMax: 3 },
    sizeBytes: 10,
    clusterTimeMs: 12,
  };
  const chunk = { offset: 0, data: value, crc: 1, done: false };
  const chunks = [
    { head, ...chunk },
    { ...chunk, head: undefined, offset: 5, done: true },
  ];
  return chunks.map((request) =>
    Buffer.from(
      InstallSnapshotRequest.encode(InstallSnapshotRequest.fromPartial(request)).finish(),
    ),
  );
}

type ForwardKind = NonNullable<ForwardRequest['kind']>;

function forwardMessages(hello: PeerHello, nodeId: string): readonly Buffer[] {
  const principal = 'client/fuzz';
  const ops = opBytes([{ kind: { $case: 'get', value: { key } } }]);
  const batch = { transmission: 1, group: 0, session: 5, remainingMs: 500, ops, traceparent };
  const remove = { $case: 'removeMember', value: { nodeId: 'nobody' } } as const;
  const add = {
    $case: 'addMember',
    value: AddMemberRequest.decode(addMember(nodeId)),
  } as const;
  const admin = { principal, remainingMs: 500 };
  const kinds: readonly ForwardKind[] = [
    { $case: 'hello', value: hello },
    {
      $case: 'write',
      value: { batch: { ...batch, sequence: 1, firstOutstanding: 1 }, principal },
    },
    { $case: 'read', value: { batch: { ...batch, afterSequence: 0, consistency: 1 }, principal } },
    { $case: 'open', value: { open: { transmission: 2, group: 0, remainingMs: 500 }, principal } },
    { $case: 'close', value: { close: { transmission: 3, group: 0, session: 5 }, principal } },
    { $case: 'admin', value: { ...admin, transmission: 4, kind: remove } },
    { $case: 'admin', value: { ...admin, transmission: 5, kind: add } },
  ];
  return kinds.map((kind) => Buffer.from(ForwardRequest.encode({ kind }).finish()));
}
