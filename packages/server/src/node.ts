/** The composition root: one node, from options to a running server (the embedding API). */
import type { NodeOptions, RunningNode } from './config/options.js';
import type { Logger } from './host/index.js';
import { createLogger } from './log.js';
import { NodeRuntime, type NodeTuning } from './node/runtime.js';

/**
 * Starts a node in this process. It resolves once the ports are bound; `ready` of the result
 * settles when the node serves for the first time. Rejects when it cannot start: the message is
 * one line for people. Several nodes may run in one process, each with its own data directory.
 */
export async function startNode(
  options: NodeOptions,
  logger?: Logger,
  tuning?: NodeTuning,
): Promise<RunningNode> {
  const log = logger ?? createLogger({ ...options.log, nodeId: options.id });
  return NodeRuntime.start(options, log, tuning ?? {});
}
