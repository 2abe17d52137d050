import type { CasheErrorCode } from './error.js';

/** Something about the connection changed; for logs and metrics of the application. */
export type StatusEvent =
  | { readonly kind: 'connected'; readonly address: string; readonly nodeId: string }
  | {
      readonly kind: 'disconnected';
      readonly address: string;
      readonly code: CasheErrorCode;
      readonly message: string;
    }
  | {
      readonly kind: 'leader';
      readonly group: number;
      readonly term: number;
      readonly nodeId: string;
    };

export interface NodeStatus {
  readonly address: string;
  readonly state: 'idle' | 'backoff' | 'connecting' | 'ready';
  /** Known while ready. */
  readonly nodeId: string | undefined;
}

export interface LeaderStatus {
  readonly group: number;
  readonly term: number;
  /** undefined while the group has no leader. */
  readonly nodeId: string | undefined;
}

/** What the client knows about its cluster. */
export interface ClientStatus {
  /** undefined before the first node answered. */
  readonly clusterId: string | undefined;
  readonly nodes: readonly NodeStatus[];
  readonly leaders: readonly LeaderStatus[];
  /** Calls not settled, and those of them that are not in a batch yet. */
  readonly openOps: number;
  readonly waitingOps: number;
}
