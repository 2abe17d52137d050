/** @cashe/bench: clusters of real processes, for tests and measurements. */
export { listMembers, nodeStatus, removeMember, transferLeadership } from './cluster-calls.js';
export { ClusterProcess, type ClusterProcessOptions } from './cluster-process.js';
export { freePorts } from './free-ports.js';
export type { ProcessUsage } from './node-probe.js';
export type { NodeExit, NodeProcess } from './node-process.js';
export { waitUntil } from './wait-until.js';
