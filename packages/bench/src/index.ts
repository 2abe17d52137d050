/** @cashe/bench: clusters of real processes, traces and the exact-LRU model, for tests too. */
export { listMembers, nodeStatus, removeMember, transferLeadership } from './cluster-calls.js';
export {
  ClusterProcess,
  type ClusterProcessOptions,
  type FounderRoute,
  type FounderRoutes,
  type NodePlace,
} from './cluster-process.js';
export { freePorts } from './free-ports.js';
export { LruModel } from './lru-model.js';
export type { ProcessUsage } from './node-probe.js';
export type { NodeExit, NodeProcess } from './node-process.js';
export { parseCommand, runCommand, UsageError, wholeNumber } from './options.js';
export { type ReplayClient, replay } from './replay.js';
export { waitUntil } from './wait-until.js';
export { zipfKeys } from './zipf.js';
