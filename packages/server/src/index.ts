/** @cashe/server: nodes inside another program. The `cashe` command is `bin/cashe.mjs`. */
export type {
  ClientAuth,
  EvictionPolicy,
  ExitReason,
  Founder,
  RunningNode,
} from './config/options.js';
export {
  type EmbeddedClusterOptions,
  type EmbeddedNodeOptions,
  type EmbeddedTls,
  type RunningCluster,
  startCluster,
  startNode,
} from './embedding.js';
export type { HostConfig, Logger } from './host/index.js';
export type { NodeTuning } from './node/runtime.js';
