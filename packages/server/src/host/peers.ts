/**
 * Who the other nodes are and where they listen: from the genesis record, the answer to AddMember,
 * group 0's records, and what peers say of themselves when they connect. A hint; safety rests on
 * the replica ids in every message (R8).
 */
import type { ReplicaId } from '@cashe/raft';
import type { NodeRecord } from '@cashe/store';
import type { PeerIdentity, PeerIntroduction } from './ports.js';

export class Peers {
  readonly #selfUid: string;
  readonly #byUid: Map<string, NodeRecord> = new Map();

  constructor(selfUid: string, known: readonly NodeRecord[]) {
    this.#selfUid = selfUid;
    for (const node of known) this.#byUid.set(node.nodeUid, node);
  }

  /** Group 0 applied a change: its records are the truth about who belongs here. */
  replace(nodes: readonly NodeRecord[]): void {
    const introduced = new Map(this.#byUid);
    this.#byUid.clear();
    for (const node of nodes) {
      const before = introduced.get(node.nodeUid);
      // An address a node told in person is newer than its record until the record changes.
      const keep = before !== undefined && before.replicaId === node.replicaId;
      this.#byUid.set(node.nodeUid, keep ? { ...node, ...addressesOf(before) } : node);
    }
  }

  /** True when it changed an address. */
  introduce(peer: PeerIntroduction): boolean {
    const node = this.#byUid.get(peer.nodeUid);
    if (node === undefined || peer.raftAddress === '') return false;
    if (node.raftAddress === peer.raftAddress && node.clientAddress === peer.clientAddress) {
      return false;
    }
    this.#byUid.set(peer.nodeUid, { ...node, ...addressesOf(peer) });
    return true;
  }

  byReplica(replicaId: ReplicaId): NodeRecord | undefined {
    for (const node of this.#byUid.values()) if (node.replicaId === replicaId) return node;
    return undefined;
  }

  /** Everybody but this node. */
  others(): PeerIdentity[] {
    return [...this.#byUid.values()].filter((node) => node.nodeUid !== this.#selfUid);
  }

  all(): NodeRecord[] {
    return [...this.#byUid.values()];
  }
}

function addressesOf(from: { readonly clientAddress: string; readonly raftAddress: string }): {
  readonly clientAddress: string;
  readonly raftAddress: string;
} {
  return { clientAddress: from.clientAddress, raftAddress: from.raftAddress };
}
