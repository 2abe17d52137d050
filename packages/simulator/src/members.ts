/** Who the members are, as a run's checks and faults see it: by the leader's records. */
import type { Cluster } from '@cashe/server/host';
import type { SimulatedNode } from './simulated-node.js';

export type NodeRecord = ReturnType<Cluster['members']>[number];

/** The node that leads the newest term and has committed in it. */
export function currentLeader(nodes: readonly SimulatedNode[]): SimulatedNode | undefined {
  let newest: SimulatedNode | undefined;
  for (const node of nodes) {
    const { replica } = node;
    if (replica?.leads !== true || !replica.raft.status().ownTermCommitted) continue;
    if (newest === undefined || replica.term > (newest.replica?.term ?? 0)) newest = node;
  }
  return newest;
}

export function recordsAt(node: SimulatedNode): readonly NodeRecord[] {
  return node.replica?.store.nodes() ?? [];
}

/** The node whose data directory the record is about; undefined: that directory is lost. */
export function nodeOf(
  record: NodeRecord,
  nodes: readonly SimulatedNode[],
): SimulatedNode | undefined {
  return nodes.find(({ nodeUid }) => nodeUid === record.nodeUid);
}

/** Members that take part now; empty without a leader. */
export function runningMembers<Node extends SimulatedNode>(nodes: readonly Node[]): Node[] {
  const leader = currentLeader(nodes);
  if (leader === undefined) return [];
  const replicaIds = new Set(recordsAt(leader).map(({ replicaId }) => replicaId));
  return nodes.filter(({ isUp, replicaId }) => isUp && replicaIds.has(replicaId));
}
