/** Who the members are, as one replica of group 0 sees it. */
import type { MemberView } from './ports.js';
import type { ReplicaView } from './replica-context.js';

export function memberViews(replica: ReplicaView): MemberView[] {
  const { configuration, progress, persistedIndex } = replica.raft.status();
  const voters = new Set([...configuration.voters, ...configuration.votersOutgoing]);
  const learners = new Set(configuration.learners);
  const matched = new Map(progress.map((peer) => [peer.replicaId, peer.matchIndex]));
  if (replica.leads) matched.set(replica.replicaId, persistedIndex);
  const views = replica.store.nodes().map((node): MemberView => {
    const { replicaId } = node;
    const role = voters.has(replicaId) ? 'voter' : learners.has(replicaId) ? 'learner' : 'none';
    return {
      nodeId: node.nodeId,
      nodeUid: node.nodeUid,
      clientAddress: node.clientAddress,
      raftAddress: node.raftAddress,
      replicaId,
      role,
      leaving: node.leaving,
      leader: replica.leaderId === replicaId,
      matchIndex: matched.get(replicaId) ?? 0,
    };
  });
  return views.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
}
