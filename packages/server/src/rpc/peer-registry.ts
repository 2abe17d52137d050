import type { ReplicaId } from '@cashe/raft';
import type { PeerIdentity } from '../host/ports.js';
import type { ForwardClient } from './forward-client.js';
import type { LinkPeer, PeerLink } from './peer-link.js';

/** What is kept open to a node. */
interface PeerConnections {
  readonly link: PeerLink;
  readonly forwards: ForwardClient;
}

/** A known node with its replicas: one, or two around a rejoin. */
interface PeerNode extends PeerConnections {
  readonly peer: LinkPeer;
  readonly replicaIds: readonly ReplicaId[];
}

/** The peers the host named, by replica and by node. */
export class PeerRegistry {
  readonly #byUid = new Map<string, PeerNode>();
  readonly #byReplica = new Map<ReplicaId, PeerNode>();

  node(replicaId: ReplicaId): PeerNode | undefined {
    return this.#byReplica.get(replicaId);
  }

  nodeByUid(nodeUid: string): PeerNode | undefined {
    return this.#byUid.get(nodeUid);
  }

  nodes(): Iterable<PeerNode> {
    return this.#byUid.values();
  }

  /**
   * Whether a message from the replica may come from that node (R8): it may unless the replica is
   * known to live elsewhere.
   */
  mayCarry(nodeUid: string, from: ReplicaId): boolean {
    const owner = this.#byReplica.get(from);
    return owner === undefined || owner.peer.nodeUid === nodeUid;
  }

  /**
   * Takes over the new list. Links to nodes whose identity and address stayed are kept; `open`
   * makes the others, `close` ends those that are not needed any more.
   */
  replace(
    peers: readonly PeerIdentity[],
    dialAddress: (peer: PeerIdentity) => string,
    open: (peer: LinkPeer) => PeerConnections,
    close: (node: PeerNode) => void,
  ): void {
    const before = new Map(this.#byUid);
    this.#byUid.clear();
    this.#byReplica.clear();
    for (const [nodeUid, identities] of byUid(peers)) {
      const { nodeId } = identities[0]!;
      const replicaIds = identities.map((identity) => identity.replicaId);
      const wanted = { nodeId, nodeUid, address: dialAddress(identities[0]!) };
      const old = before.get(nodeUid);
      const keeps = old !== undefined && samePeer(old.peer, wanted);
      if (keeps) before.delete(nodeUid);
      const { link, forwards } = keeps ? old : open(wanted);
      const node = { peer: wanted, replicaIds, link, forwards };
      this.#byUid.set(nodeUid, node);
      for (const replicaId of replicaIds) this.#byReplica.set(replicaId, node);
    }
    for (const node of before.values()) close(node);
  }
}

function byUid(peers: readonly PeerIdentity[]): Map<string, PeerIdentity[]> {
  const groups = new Map<string, PeerIdentity[]>();
  for (const peer of peers) {
    const group = groups.get(peer.nodeUid);
    if (group === undefined) groups.set(peer.nodeUid, [peer]);
    else group.push(peer);
  }
  return groups;
}

function samePeer(one: LinkPeer, other: LinkPeer): boolean {
  return one.nodeId === other.nodeId && one.address === other.address;
}
