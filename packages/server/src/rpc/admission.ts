import type { PeerHello } from '@cashe/proto';
import { status } from '@grpc/grpc-js';
import type { Logger, PeerIntroduction, TransportHandler } from '../host/ports.js';
import type { Refusal } from './errors.js';
import { buildHello, checkHello, introduction, type LocalIdentity } from './hello.js';
import { callerProblem, type PeerMaterial } from './peer-tls.js';

/** The host's side of the transport, with what only some hosts care for. */
export interface PeerHandler extends TransportHandler {
  /** A member of another cluster counts this node, by its node id, as a member too (R25). */
  onForeignCluster?(clusterId: string, peer: PeerIntroduction): void;
}

/** The cluster a node belongs to; known only after genesis or admission. */
export interface Attachment {
  readonly clusterId: string;
  /** As it is now: settings change while nodes serve (R33). */
  readonly settingsHash: number;
  readonly handler: PeerHandler;
}

/** Reasons remembered so that each is logged once; further ones wait until these are forgotten. */
const REMEMBERED_MAX = 64;
const REMEMBERED_MS = 600_000;

/** Decides who is served, and says who this node is. */
export class Admission {
  readonly #identity: LocalIdentity;
  readonly #logger: Logger;
  readonly #material: PeerMaterial;
  readonly #logged = new Set<string>();
  #rememberedSinceMs = performance.now();
  #attachment: Attachment | undefined;

  constructor(identity: LocalIdentity, logger: Logger, material: PeerMaterial) {
    this.#identity = identity;
    this.#logger = logger;
    this.#material = material;
  }

  get attachment(): Attachment | undefined {
    return this.#attachment;
  }

  attach(attachment: Attachment): void {
    this.#attachment = attachment;
  }

  /** This node's hello; it has no clusterId before the node belongs to a cluster. */
  hello(toNodeId: string): PeerHello {
    const attached = this.#attachment;
    return buildHello(
      this.#identity,
      attached?.clusterId ?? '',
      attached?.settingsHash ?? 0,
      toNodeId,
    );
  }

  /** The refusal of a peer that introduced itself in this call, or what it may talk to. */
  admit(hello: PeerHello | undefined, call: object): Refusal | Attachment {
    const problem = hello && callerProblem(this.#material, call, hello.nodeId);
    if (problem !== undefined) {
      this.logOnce(`peer refused: ${problem}`);
      return { code: status.PERMISSION_DENIED, details: problem };
    }
    const attached = this.#attachment;
    if (attached === undefined) {
      const details = `node ${this.#identity.nodeId} belongs to no cluster yet`;
      return { code: status.UNAVAILABLE, details };
    }
    const { nodeId, nodeUid } = this.#identity;
    const expected = { clusterId: attached.clusterId, nodeId, nodeUid };
    const refusal = checkHello(hello, expected);
    if (refusal === undefined) return attached;
    this.logOnce(`peer refused: ${refusal.details}`);
    if (hello !== undefined && hello.clusterId !== '' && hello.toNodeId === nodeId) {
      if (hello.clusterId !== attached.clusterId) {
        attached.handler.onForeignCluster?.(hello.clusterId, introduction(hello));
      }
    }
    return refusal;
  }

  /** Warns of something that peers repeat with every attempt. */
  logOnce(message: string): void {
    if (this.#logged.has(message)) return;
    if (this.#logged.size >= REMEMBERED_MAX) {
      // Reasons quote what was sent: whoever varies it must not fill the log.
      if (performance.now() - this.#rememberedSinceMs < REMEMBERED_MS) return;
      this.#logged.clear();
    }
    if (this.#logged.size === 0) this.#rememberedSinceMs = performance.now();
    this.#logged.add(message);
    this.#logger.warn(message);
  }
}

export function isRefusal(verdict: Refusal | Attachment): verdict is Refusal {
  return 'code' in verdict;
}
