/** What a node has once it belongs to a cluster, however it got there (R25). */
import type { ClusterIdentity, Scheduler } from '../host/index.js';
import type { Genesis, Identity } from './records.js';

export interface Admission {
  readonly genesis: Genesis;
  readonly identity: Identity;
}

/** The admission as the replicas need it. */
export function clusterIdentity(
  { genesis, identity }: Admission,
  nodeUid: string,
): ClusterIdentity {
  return {
    clusterId: genesis.clusterId,
    nodeId: identity.nodeId,
    nodeUid,
    replicaId: identity.replicaId,
    groupCount: genesis.groupCount,
    genesisRecord: genesis.bytes,
    genesis: (group) => genesis.group(group),
    members: identity.members,
  };
}

/** The node cannot get into a cluster, and waiting would not help. */
export class AdmissionError extends Error {
  override readonly name = 'AdmissionError';
}

/** What a loop with pauses needs. */
export interface Pausing {
  /** Ends the attempt: the node is being stopped. */
  readonly signal: AbortSignal;
  readonly scheduler: Pick<Scheduler, 'after'>;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** What founding and joining need of the node. */
export interface AdmissionContext extends Pausing {
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly clientAddress: string;
  readonly raftAddress: string;
  /** For people: log (once per text) and Status. */
  waitFor(what: string): void;
}

/** Resolves after about `ms`, with jitter, or at once when a signal says so. */
export function pause(
  { scheduler, random }: Omit<Pausing, 'signal'>,
  ms: number,
  ...signals: readonly AbortSignal[]
): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      for (const signal of signals) signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = scheduler.after(ms * (0.75 + random() / 2), end);
    for (const signal of signals) signal.addEventListener('abort', end);
    if (signals.some((signal) => signal.aborted)) end();
  });
}
