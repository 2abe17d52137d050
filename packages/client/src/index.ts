export { Cashe } from './cashe.js';
export { connect } from './connect.js';
export {
  CasheError,
  type CasheErrorCode,
  type CasheErrorDetails,
  type CasheOutcome,
  type ClientStatus,
  type LeaderStatus,
  type NodeStatus,
  type StatusEvent,
} from './core/index.js';
export type { TlsOptions } from './grpc/tls-source.js';
export type { TokenSource } from './grpc/token.js';
export type {
  CallOptions,
  ConnectOptions,
  Entry,
  Expiry,
  GetOptions,
  ReadOptions,
  SetEntries,
  SetEntry,
  SetOptions,
  SetResult,
} from './options.js';
export type { ValueFormat, ValueOf } from './values.js';
