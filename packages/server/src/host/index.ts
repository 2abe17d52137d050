export {
  type AccessAudit,
  type AccessPorts,
  type AuditEvent,
  noAudit,
} from './access-guard.js';
export { BootError } from './boot.js';
export type { Calls, GroupView, HelloView, NodeView, TopologyView } from './calls.js';
export { Cluster, type ClusterIdentity, type ClusterPorts } from './cluster.js';
export { type HostConfig, hostConfig } from './host-config.js';
export { NodeCalls } from './node-calls.js';
export type {
  Clock,
  Logger,
  PeerIdentity,
  PeerMessage,
  Scheduler,
  TimerHandle,
  Transport,
  TransportHandler,
} from './ports.js';
export type { ApplyObserver } from './replica-context.js';
export type {
  DataDirectory,
  GroupLog,
  GroupRecords,
  SnapshotReader,
  SnapshotStore,
  SnapshotWriter,
  Wal,
  WalError,
} from './storage-ports.js';
