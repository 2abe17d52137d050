/**
 * Mutual TLS between nodes (R40). Either end takes only certificates of the one CA that name a
 * node, and holds the name against what the other end says in its hello: the peer port is reached
 * by addresses that say little about who is there, so host names play no part.
 */
import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';
import { endingWithChannel } from '../net/ending-credentials.js';
import { sessionOf, socketOf } from '../net/http2-session.js';
import { identityOfNames, identityOfSocket, principalName } from '../net/peer-identity.js';
import type { PortTls } from '../net/tls-acceptor.js';
import { shownName } from './hello.js';

/** The certificate of this node as it is now; undefined: peers speak plain text. */
export type PeerMaterial = PortTls['material'] | undefined;

/** Credentials for one connection to a node; `onNode` hears whose certificate was met there. */
export function dialCredentials(
  material: PeerMaterial,
  nodeId: string | undefined,
  onNode?: (nodeId: string) => void,
): ChannelCredentials {
  if (material === undefined) return endingWithChannel(credentials.createInsecure());
  const secure = credentials.createFromSecureContext(material.current.context, {
    // Called once the certificate has verified; grpc-js gives no other name to it.
    checkServerIdentity: (_host, { subjectaltname }) => {
      const identity = identityOfNames(subjectaltname);
      const principal = identity === undefined ? 'nobody' : principalName(identity);
      if (identity?.kind !== 'node' || (nodeId !== undefined && identity.name !== nodeId)) {
        const expected = nodeId === undefined ? 'a node' : `node/${nodeId}`;
        return new Error(`the certificate found there is of ${principal}, not of ${expected}`);
      }
      onNode?.(identity.name);
      return undefined;
    },
  });
  return endingWithChannel(secure);
}

/** Without a name to send, grpc-js would send the address, which RFC 6066 (3) does not allow. */
export function dialOptions(material: PeerMaterial): ChannelOptions {
  return material === undefined ? {} : { 'grpc.ssl_target_name_override': 'cashe' };
}

/** How the peer port takes connections. */
export function peerPortTls(material: PeerMaterial): PortTls | undefined {
  if (material === undefined) return undefined;
  return {
    material,
    clientAuth: 'require',
    refusalOf: (identity) => {
      if (identity?.kind === 'node') return undefined;
      const principal = identity === undefined ? 'nobody' : principalName(identity);
      return `this port is for nodes, and the certificate is of ${principal}`;
    },
  };
}

/** Why who makes a call is not the node it says it is; undefined when it is. */
export function callerProblem(
  material: PeerMaterial,
  call: object,
  nodeId: string,
): string | undefined {
  if (material === undefined) return undefined;
  const session = sessionOf(call);
  const identity = session && identityOfSocket(socketOf(session));
  if (identity?.kind === 'node' && identity.name === nodeId) return undefined;
  const principal = identity === undefined ? 'nobody' : principalName(identity);
  return `IDENTITY_MISMATCH: node ${shownName(nodeId)} has the certificate of ${principal}`;
}
