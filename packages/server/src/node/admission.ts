/** What a node has once it belongs to a cluster, however it got there (R25). */
import type { Genesis, Identity } from './records.js';

export interface Admission {
  readonly genesis: Genesis;
  readonly identity: Identity;
}

/** The node cannot get into a cluster, and waiting would not help. */
export class AdmissionError extends Error {
  override readonly name = 'AdmissionError';
}

/** What founding and joining need of the node. */
export interface AdmissionContext {
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly clientAddress: string;
  readonly raftAddress: string;
  /** Ends the attempt: the node is being stopped. */
  readonly signal: AbortSignal;
  /** For people: log (once per text) and Status. */
  waitFor(what: string): void;
}

/** Resolves after about `ms`, with jitter, or at once when a signal says so. */
export function pause(ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms * (0.75 + Math.random() / 2));
    for (const signal of signals) signal.addEventListener('abort', end);
    if (signals.some((signal) => signal.aborted)) end();
  });
}
