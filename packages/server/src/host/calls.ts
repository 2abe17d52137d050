/**
 * What the public services (gRPC, later REST) ask of a node. Every method may be called at any
 * time; answers come by callback, exactly once, always by the deadline the call carries.
 */
import type {
  AccessPolicy,
  CloseSession,
  GroupLeader,
  Limits,
  OpenSession,
  ReadAnswer,
  ReadBatch,
  SessionAnswer,
  WriteAnswer,
  WriteBatch,
} from '@cashe/codec';
import type { RaftStatus } from '@cashe/raft';
import type { Settings, StoreStats } from '@cashe/store';
import type { AccessRefusal } from './access-guard.js';
import type { AdminAnswer, AdminCall, Digest, MemberView } from './ports.js';

/** One replica of this node, for Status. */
export interface GroupView {
  readonly group: number;
  readonly raft: RaftStatus;
  readonly leader: GroupLeader;
  readonly digest: Digest;
  readonly snapshotIndex: number;
  readonly stats: StoreStats;
  readonly hits: number;
  readonly misses: number;
}

export interface NodeView {
  /** Empty until the node belongs to a cluster. */
  readonly clusterId: string;
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly clientAddress: string;
  readonly raftAddress: string;
  readonly formatVersionMax: number;
  /** What the node waits for; empty when it serves. */
  readonly waitingFor: string;
  readonly groups: readonly GroupView[];
  readonly members: readonly MemberView[];
  /** undefined until the node belongs to a cluster. */
  readonly settings: Settings | undefined;
  readonly uptimeMs: number;
}

/** What a ServerHello tells, beside the window; undefined until the node belongs to a cluster. */
export interface HelloView {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly groupCount: number;
  readonly limits: Limits;
  readonly settingsHash: number;
}

export interface TopologyView {
  readonly clusterId: string;
  readonly appliedIndex: number;
  readonly groupCount: number;
  readonly members: readonly MemberView[];
  readonly leaders: readonly GroupLeader[];
}

export interface Calls {
  hello(): HelloView | undefined;
  /** Executes here when this node leads the group, else forwards once (R30). */
  write(batch: WriteBatch, principal: string, done: (answer: WriteAnswer) => void): void;
  read(batch: ReadBatch, principal: string, done: (answer: ReadAnswer) => void): void;
  open(open: OpenSession, principal: string, done: (answer: SessionAnswer) => void): void;
  close(close: CloseSession, principal: string, done: (answer: SessionAnswer) => void): void;
  admin(
    call: AdminCall,
    principal: string,
    remainingMs: number,
    done: (answer: AdminAnswer) => void,
  ): void;
  /** The policy applied here; undefined until the node belongs to a cluster. */
  access(): AccessPolicy | undefined;
  /**
   * Why the principal may not see the cluster's members and state (`action` names the call, for the
   * audit log), by the policy applied here; undefined: it may, also while there is no cluster.
   */
  checkView(principal: string, action: string): AccessRefusal | undefined;
  /** The same for changing this node alone; refused while there is no cluster to say who may. */
  checkNodeAdmin(principal: string, action: string): AccessRefusal | undefined;
  status(): NodeView;
  topology(): TopologyView;
  /** True while every group here knows a leader heard from within the election timeout. */
  serving(): boolean;
  /** Current leaders, and called on each change; returns how to stop. */
  onLeader(listener: (leader: GroupLeader) => void): () => void;
  leaders(): readonly GroupLeader[];
  /** Called (without arguments) when topology() changed; returns how to stop. */
  onTopology(listener: () => void): () => void;
  /** Called when serving() changed; returns how to stop. */
  onServing(listener: (serving: boolean) => void): () => void;
}
