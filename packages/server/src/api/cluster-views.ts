/** Messages of the Cluster service, from what the host knows. */
import type { GroupLeader, Limits } from '@cashe/codec';
import {
  type GroupStatus,
  type GroupLeader as LeaderMessage,
  type Limits as LimitsMessage,
  type Member,
  MemberRole,
  Role,
  type StatusResponse,
  type WatchTopologyResponse,
} from '@cashe/proto';
import type { Role as RaftRole } from '@cashe/raft';
import type { GroupView, NodeView, TopologyView } from '../host/calls.js';
import type { Digest, MemberView } from '../host/ports.js';
import { cacheSettings } from '../wire/cluster-settings.js';

interface StatusParts {
  readonly node: NodeView;
  /** undefined until the node belongs to a cluster. */
  readonly limits: Limits | undefined;
  /** Version of the software. */
  readonly version: string;
}

export function statusResponse({ node, limits, version }: StatusParts): StatusResponse {
  return {
    clusterId: node.clusterId,
    nodeId: node.nodeId,
    nodeUid: node.nodeUid,
    clientAddress: node.clientAddress,
    raftAddress: node.raftAddress,
    version,
    formatVersionMax: node.formatVersionMax,
    waitingFor: node.waitingFor,
    groups: node.groups.map(groupStatus),
    members: node.members.map(memberMessage),
    limits: limits === undefined ? undefined : limitsMessage(limits),
    cache: node.settings === undefined ? undefined : cacheSettings(node.settings),
    uptimeMs: Math.floor(node.uptimeMs),
  };
}

export function topologyResponse(topology: TopologyView): WatchTopologyResponse {
  return {
    clusterId: topology.clusterId,
    appliedIndex: topology.appliedIndex,
    groupCount: topology.groupCount,
    members: topology.members.map(memberMessage),
    leaders: topology.leaders.map(leaderMessage),
  };
}

export function memberMessage(member: MemberView): Member {
  return {
    nodeId: member.nodeId,
    nodeUid: member.nodeUid,
    clientAddress: member.clientAddress,
    raftAddress: member.raftAddress,
    replicaId: member.replicaId,
    role: memberRoles[member.role],
    leaving: member.leaving,
    leader: member.leader,
    matchIndex: member.matchIndex,
  };
}

export function leaderMessage(leader: Omit<GroupLeader, 'kind'>): LeaderMessage {
  const { group, term, nodeId, clientAddress } = leader;
  return { group, term, nodeId, clientAddress };
}

const memberRoles: Readonly<Record<MemberView['role'], MemberRole>> = {
  none: MemberRole.UNSPECIFIED,
  voter: MemberRole.VOTER,
  learner: MemberRole.LEARNER,
};

const roles: Readonly<Record<RaftRole, Role>> = {
  follower: Role.FOLLOWER,
  preCandidate: Role.PRE_CANDIDATE,
  candidate: Role.CANDIDATE,
  leader: Role.LEADER,
};

function groupStatus(view: GroupView): GroupStatus {
  const { raft, stats } = view;
  return {
    group: view.group,
    replicaId: raft.replicaId,
    role: roles[raft.role],
    term: raft.currentTerm,
    leader: leaderMessage(view.leader),
    commitIndex: raft.commitIndex,
    // The digest's own index: equal replicas answer equal pairs.
    appliedIndex: view.digest.index,
    digest: digestText(view.digest),
    lastIndex: raft.lastIndex,
    firstIndex: raft.firstIndex,
    snapshotIndex: view.snapshotIndex,
    revision: stats.revision,
    entries: stats.entries,
    bytes: stats.bytes,
    evictions: stats.evictions,
    expiries: stats.expiries,
    sessions: stats.sessions,
    clusterTimeMs: stats.clusterTimeMs,
    hits: view.hits,
    misses: view.misses,
  };
}

function digestText({ high, low }: Digest): string {
  const hex = (half: number): string => half.toString(16).padStart(8, '0');
  return hex(high) + hex(low);
}

function limitsMessage(limits: Limits): LimitsMessage {
  const { valueBytesMax, keyBytesMax, opBytesMax } = limits;
  const { batchBytesMax, batchOpsMax, sessionWindow } = limits;
  return { valueBytesMax, keyBytesMax, opBytesMax, batchBytesMax, batchOpsMax, sessionWindow };
}
