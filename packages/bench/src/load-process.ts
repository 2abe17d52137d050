/** The bench's side of the load process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadResult } from './load.js';
import type { LoadRequest } from './load-messages.js';
import type { ProcessUsage } from './node-probe.js';
import { ProcessCalls } from './process-calls.js';

type RunRequest = Extract<LoadRequest, { kind: 'run' }>;

const workerFile = fileURLToPath(new URL('../dist/load-worker.js', import.meta.url));
const callTimeoutMs = 60_000;

export class LoadProcess {
  readonly #child: ChildProcess;
  readonly #calls: ProcessCalls;

  /** `execArgs` are arguments of `node`. */
  constructor(execArgs: readonly string[]) {
    this.#child = spawn(process.execPath, [...execArgs, workerFile], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#calls = new ProcessCalls(this.#child, 'load process');
  }

  connect(endpoints: readonly string[]): Promise<void> {
    return this.#ask({ kind: 'connect', endpoints });
  }

  fill(valueBytes: number): Promise<void> {
    return this.#ask({ kind: 'fill', valueBytes });
  }

  run(request: Omit<RunRequest, 'kind'>): Promise<LoadResult> {
    return this.#ask({ kind: 'run', ...request }, request.seconds * 1_000);
  }

  usage(): Promise<ProcessUsage> {
    return this.#calls.ask({ kind: 'usage' }, callTimeoutMs);
  }

  /** Resolves when the process has ended. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }

  #ask<T>(request: LoadRequest, extraMs = 0): Promise<T> {
    return this.#calls.ask({ kind: 'load', request }, callTimeoutMs + extraMs);
  }
}
