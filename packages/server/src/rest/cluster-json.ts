/** The cluster as `/v1/cluster` shows it; names and meanings are those of `cluster.proto`. */
import type { GroupView, NodeView } from '../host/calls.js';
import type { MemberView } from '../host/ports.js';

export function statusJson(node: NodeView, version: string): object {
  return {
    cluster_id: node.clusterId,
    node_id: node.nodeId,
    node_uid: node.nodeUid,
    client_address: node.clientAddress,
    raft_address: node.raftAddress,
    version,
    waiting_for: node.waitingFor,
    uptime_ms: Math.floor(node.uptimeMs),
    groups: node.groups.map(groupJson),
    members: node.members.map(memberJson),
    cache: node.settings && {
      entries_max: node.settings.entriesMax,
      bytes_max: node.settings.bytesMax,
      eviction: node.settings.eviction,
      replication_factor: node.settings.replicationFactor,
    },
  };
}

export function memberJson(member: MemberView): object {
  return {
    node_id: member.nodeId,
    node_uid: member.nodeUid,
    client_address: member.clientAddress,
    raft_address: member.raftAddress,
    replica_id: member.replicaId,
    role: member.role,
    leaving: member.leaving,
    leader: member.leader,
    match_index: member.matchIndex,
  };
}

function groupJson(view: GroupView): object {
  const { raft, stats, leader } = view;
  return {
    group: view.group,
    replica_id: raft.replicaId,
    role: raft.role,
    term: raft.currentTerm,
    leader: { node_id: leader.nodeId, term: leader.term, client_address: leader.clientAddress },
    commit_index: raft.commitIndex,
    last_index: raft.lastIndex,
    snapshot_index: view.snapshotIndex,
    revision: stats.revision,
    entries: stats.entries,
    bytes: stats.bytes,
    evictions: stats.evictions,
    expiries: stats.expiries,
    sessions: stats.sessions,
    cluster_time_ms: stats.clusterTimeMs,
    hits: view.hits,
    misses: view.misses,
  };
}
