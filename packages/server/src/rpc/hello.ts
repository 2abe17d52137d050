/** Who is who (R8, R25, R33): every stream and call between nodes begins with a PeerHello. */
import { NODE_ID_BYTES_MAX } from '@cashe/codec';
import type { PeerHello } from '@cashe/proto';
import { status } from '@grpc/grpc-js';
import type { PeerIntroduction } from '../host/ports.js';
import type { Refusal } from './errors.js';

const VERSIONS_SHOWN_MAX = 8;

/** Protocol versions this release speaks. */
const protocolVersions: readonly number[] = [1];

/** What a node says about itself; fixed once its data directory has an identity. */
export interface LocalIdentity {
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly clientAddress: string;
  readonly raftAddress: string;
  readonly formatVersionMax: number;
}

export function buildHello(
  identity: LocalIdentity,
  clusterId: string,
  settingsHash: number,
  toNodeId: string,
): PeerHello {
  return {
    protocolVersions: [...protocolVersions],
    clusterId,
    nodeId: identity.nodeId,
    nodeUid: identity.nodeUid,
    settingsHash,
    clientAddress: identity.clientAddress,
    raftAddress: identity.raftAddress,
    toNodeId,
    formatVersionMax: identity.formatVersionMax,
  };
}

export function introduction(hello: PeerHello): PeerIntroduction {
  return {
    nodeId: hello.nodeId,
    nodeUid: hello.nodeUid,
    clientAddress: hello.clientAddress,
    raftAddress: hello.raftAddress,
  };
}

/** What a hello is held against. */
interface HelloExpectation {
  readonly clusterId: string;
  /** This node's own id. */
  readonly nodeId: string;
  readonly nodeUid: string;
}

/** Why the node that sent this hello is not served; undefined when it is. */
export function checkHello(
  hello: PeerHello | undefined,
  expected: HelloExpectation,
): Refusal | undefined {
  if (hello === undefined) {
    return { code: status.INVALID_ARGUMENT, details: 'the first message carries no hello' };
  }
  if (!hello.protocolVersions.some((version) => protocolVersions.includes(version))) {
    const theirs = hello.protocolVersions.slice(0, VERSIONS_SHOWN_MAX).join(', ') || 'none';
    return refused(`VERSION_MISMATCH: peer protocol ${theirs}, here ${protocolVersions}`);
  }
  if (hello.clusterId !== expected.clusterId) {
    return refused(
      `CLUSTER_MISMATCH: node ${shownName(hello.nodeId)} belongs to cluster ` +
        `${shownName(hello.clusterId)}, ` +
        `node ${expected.nodeId} to cluster ${expected.clusterId}`,
    );
  }
  if (hello.toNodeId !== '' && hello.toNodeId !== expected.nodeId) {
    const asked = `asked for node ${shownName(hello.toNodeId)}`;
    return refused(
      `NODE_MISMATCH: node ${shownName(hello.nodeId)} ${asked}, this is node ${expected.nodeId}`,
    );
  }
  if (hello.nodeUid === expected.nodeUid) {
    return refused(`NODE_MISMATCH: node ${expected.nodeId} reached itself`);
  }
  return undefined;
}

/** Why the node that answered is not the peer that was dialled; undefined when it is. */
export function checkAnswer(
  hello: PeerHello | undefined,
  clusterId: string,
  peer: { readonly nodeId: string; readonly nodeUid: string },
): string | undefined {
  if (hello === undefined) return 'the first answer carries no hello';
  if (hello.clusterId !== clusterId) {
    return `CLUSTER_MISMATCH: answered by node ${hello.nodeId} of cluster ${hello.clusterId}`;
  }
  if (hello.nodeId !== peer.nodeId) return `NODE_MISMATCH: answered by node ${hello.nodeId}`;
  if (hello.nodeUid !== peer.nodeUid) {
    return `NODE_MISMATCH: node ${hello.nodeId} answered with another data directory`;
  }
  return undefined;
}

/**
 * A peer's name as reasons quote it: whoever sends a long one must not fill logs and answers with
 * it, and grpc-js throws on a surrogate that stands alone, as one that was cut in two does.
 */
export function shownName(name: string): string {
  if (name.length <= NODE_ID_BYTES_MAX) return name;
  return `${name.slice(0, NODE_ID_BYTES_MAX)}...`.replace(/\p{Surrogate}/gu, '\ufffd');
}

function refused(details: string): Refusal {
  return { code: status.FAILED_PRECONDITION, details };
}
