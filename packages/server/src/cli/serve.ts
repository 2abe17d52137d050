/**
 * Runs one node as a process: start, graceful stop on a signal or when the launcher is gone, and
 * the exit code. What belongs to the process (signals, timers, exit) comes in through ServeHost.
 */

import { effectiveSettings } from '../config/effective.js';
import type { Loaded } from '../config/load.js';
import type { ExitReason, NodeOptions, RunningNode } from '../config/options.js';
import { describeFailure } from '../failure.js';
import type { Logger } from '../host/ports.js';

export type StartNode = (options: NodeOptions, logger: Logger) => Promise<RunningNode>;

export interface ServeHost {
  /** SIGTERM and SIGINT. */
  onSignal(handle: (signal: string) => void): void;
  /** The IPC channel to the launcher closed; never called without a launcher. */
  onLauncherGone(handle: () => void): void;
  /** An exception or rejection that nothing caught. */
  onUncaught(handle: (error: unknown) => void): void;
  nowMs(): number;
  /** Returns a function that cancels. */
  after(ms: number, run: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}

/** A later signal is meant as a second one; npm and a terminal may each send the first. */
const secondSignalMs = 500;
/** A stop that takes this much longer than the drain time is given up. */
const stopGraceMs = 5_000;
/** With --leave-on-exit the node leaves first: another member may have to catch up for it. */
const leaveMsMax = 60_000;
const secondSignalExitCode = 130;

type Ended = { readonly kind: 'ended'; readonly reason: ExitReason };
type Asked = { readonly kind: 'asked'; readonly by: string };
type Late = { readonly kind: 'late' };
type Started =
  | { readonly kind: 'started'; readonly node: RunningNode }
  | { readonly kind: 'notStarted'; readonly error: unknown };

/** Resolves to the exit code when the node has ended. */
export async function serve(
  loaded: Loaded,
  startNode: StartNode,
  logger: Logger,
  host: ServeHost,
): Promise<number> {
  const { options } = loaded;
  const asked = stopAsked(host, logger);
  host.onUncaught((error) => {
    const { line, trace } = describeFailure(error);
    logger.error('stopping at once: an error was not caught', { error: line, trace });
    host.exit(1);
  });
  logger.info('effective settings', effectiveSettings(loaded));
  for (const warning of loaded.warnings) logger.warn(warning);
  const starting = startNode(options, logger).then(
    (node): Started => ({ kind: 'started', node }),
    (error: unknown): Started => ({ kind: 'notStarted', error }),
  );
  const start = await startOrStop(starting, asked, options, logger, host);
  if (start.kind === 'late') return 0;
  if (start.kind === 'notStarted') {
    const { line, exitCode, trace } = describeFailure(start.error);
    logger.error(`cannot start: ${line}`, { trace });
    return exitCode;
  }
  const { node } = start;
  const ended = node.closed.then((reason): Ended => ({ kind: 'ended', reason }));
  const first = await Promise.race([ended, asked]);
  if (first.kind === 'ended') return endCode(first.reason);
  logger.info('stopping', { by: first.by, drainMs: options.drainMs });
  return stopWithin(node, options, ended, logger, host);
}

/** Resolves with the first request to stop; a second signal ends the process. */
function stopAsked(host: ServeHost, logger: Logger): Promise<Asked> {
  return new Promise((resolve) => {
    let firstSignalMs: number | undefined;
    host.onSignal((signal) => {
      const now = host.nowMs();
      if (firstSignalMs !== undefined && now - firstSignalMs > secondSignalMs) {
        logger.warn('second signal: exiting at once', { signal });
        host.exit(secondSignalExitCode);
        return;
      }
      firstSignalMs ??= now;
      resolve({ kind: 'asked', by: signal });
    });
    host.onLauncherGone(() => resolve({ kind: 'asked', by: 'launcher gone' }));
  });
}

/** A start that waits for founders or for admission must not outlive a request to stop. */
async function startOrStop(
  starting: Promise<Started>,
  asked: Promise<Asked>,
  options: NodeOptions,
  logger: Logger,
  host: ServeHost,
): Promise<Started | Late> {
  const first = await Promise.race([starting, asked]);
  if (first.kind !== 'asked') return first;
  logger.info('asked to stop before the start was complete', { by: first.by });
  return within(starting, options.drainMs, host);
}

function within<T>(work: Promise<T>, ms: number, host: ServeHost): Promise<T | Late> {
  return new Promise((resolve, reject) => {
    const cancel = host.after(ms, () => resolve({ kind: 'late' }));
    work.then(resolve, reject).finally(cancel);
  });
}

async function stopWithin(
  node: RunningNode,
  options: NodeOptions,
  ended: Promise<Ended>,
  logger: Logger,
  host: ServeHost,
): Promise<number> {
  const stopping = node.stop().then(() => ended);
  const leaveMs = options.leaveOnExit ? leaveMsMax : 0;
  const result = await within(stopping, leaveMs + options.drainMs + stopGraceMs, host);
  if (result.kind === 'ended') return endCode(result.reason);
  logger.error('the stop took too long; exiting', { drainMs: options.drainMs });
  return 1;
}

/** The node has logged how it ended. */
function endCode(reason: ExitReason): number {
  switch (reason.kind) {
    case 'stopped':
    case 'removed':
      return 0;
    case 'failed':
      return 1;
  }
}
