export type { Failure } from './call-ledger.js';
export { type Core, createCore } from './core.js';
export {
  CasheError,
  type CasheErrorCode,
  type CasheErrorDetails,
  type CasheOutcome,
} from './error.js';
export type { Caller, CallTrace, OpCall } from './op-call.js';
export { type CoreOptions, coreDefaults } from './options.js';
export type {
  Clock,
  Connector,
  Link,
  LinkFailure,
  LinkHandler,
  Ports,
  Random,
  Scheduler,
  TimerHandle,
  Topology,
  TopologyMember,
} from './ports.js';
export type { ClientStatus, LeaderStatus, NodeStatus, StatusEvent } from './status.js';
