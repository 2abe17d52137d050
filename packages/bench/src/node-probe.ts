/**
 * Loaded into a node's process before the server (`node --import`): measures what only the process
 * itself can see, and tells the launcher over the IPC channel when asked.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** What a process used since its start, and how late its loop was since it was last asked. */
export interface ProcessUsage {
  /** User and system time of all threads. */
  readonly cpuMicros: number;
  readonly loopDelayMaxMs: number;
  readonly rssBytes: number;
  /** After a collection when the process runs with `--expose-gc`. */
  readonly heapUsedBytes: number;
  /** Buffers and what else lives outside the heap. */
  readonly externalBytes: number;
  /** TCP connections, also those under TLS. */
  readonly sockets: number;
  readonly timers: number;
}

const resolutionMs = 10;
const nanosPerMs = 1_000_000;

/** Answers every `{ kind: 'usage', id }` with `{ id, value: ProcessUsage }`. */
function answerLauncher(send: (answer: unknown) => void): void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  process.on('message', (request: { readonly kind?: string; readonly id?: number }) => {
    if (request.kind !== 'usage') return;
    const { user, system } = process.cpuUsage();
    globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    const resources = process.getActiveResourcesInfo();
    const count = (kind: string): number => resources.filter((one) => one === kind).length;
    const value: ProcessUsage = {
      cpuMicros: user + system,
      // A sample is the time between two timers, so it holds the timer's own interval.
      loopDelayMaxMs: Math.max(0, delay.max / nanosPerMs - resolutionMs),
      rssBytes: rss,
      heapUsedBytes: heapUsed,
      externalBytes: external,
      sockets: count('TCPSocketWrap') + count('TLSWrap'),
      timers: count('Timeout'),
    };
    delay.reset();
    send({ id: request.id, value });
  });
  // To be asked is no reason to stay: the server alone decides when its process ends.
  process.channel?.unref();
}

// Worker threads load what the main thread was told to load.
const send = process.send?.bind(process);
if (isMainThread && send !== undefined) answerLauncher(send);
