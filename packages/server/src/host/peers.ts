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
  /** By nodeUid, with the newest addresses known. */
  readonly #byUid: Map<string, NodeRecord> = new Map();
  /** The records of group 0 as last seen; empty until it told. */
  #records: ReadonlyMap<string, NodeRecord> = new Map();

  constructor(selfUid: string, known: readonly NodeRecord[]) {
    this.#selfUid = selfUid;
    for (const node of known) this.#byUid.set(node.nodeUid, node);
  }

  /** Group 0 applied a change: its records are the truth about who belongs here. */
  replace(nodes: readonly NodeRecord[]): void {
    const known = new Map(this.#byUid);
    const records = new Map(nodes.map((node) => [node.nodeUid, node]));
    this.#byUid.clear();
    for (const node of nodes) {
      const before = this.#records.get(node.nodeUid);
      const told = known.get(node.nodeUid);
      // An address a node told in person is newer than its record until the record changes.
      const keep = told !== undefined && before !== undefined && sameAddresses(before, node);
      this.#byUid.set(node.nodeUid, keep ? { ...node, ...addressesOf(told) } : node);
    }
    this.#records = records;
  }

  /** True when it changed an address. */
  introduce(peer: PeerIntroduction): boolean {
    const node = this.#byUid.get(peer.nodeUid);
    if (node === undefined || peer.raftAddress === '') return false;
    if (sameAddresses(node, peer)) return false;
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

type Addresses = Pick<NodeRecord, 'clientAddress' | 'raftAddress'>;

function sameAddresses(a: Addresses, b: Addresses): boolean {
  return a.clientAddress === b.clientAddress && a.raftAddress === b.raftAddress;
}

function addressesOf({ clientAddress, raftAddress }: Addresses): Addresses {
  return { clientAddress, raftAddress };
}
