/** One node of the local cluster: a child process in its own process group. */
import { type ChildProcess, spawn } from 'node:child_process';
import { LineSplitter } from './line-splitter.js';

export interface NodeExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly ranMs: number;
}

export class LocalProcess {
  readonly exited: Promise<NodeExit>;
  readonly #child: ChildProcess;
  #isRunning = true;

  /** `command` is the path of cashe.mjs. */
  constructor(command: string, args: readonly string[], onLine: (line: string) => void) {
    const startedMs = performance.now();
    // A group of its own: Ctrl-C in the terminal reaches the launcher alone, which decides the
    // order. The IPC channel is how a node notices that the launcher was killed.
    this.#child = spawn(process.execPath, [command, ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      const lines = new LineSplitter(onLine);
      stream?.on('data', (chunk: Uint8Array) => lines.push(chunk));
      stream?.once('end', () => lines.end());
    }
    this.exited = new Promise((resolve) => {
      const finish = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
        this.#isRunning = false;
        resolve({ exitCode, signal, ranMs: performance.now() - startedMs });
      };
      this.#child.once('close', finish);
      this.#child.once('error', (error) => {
        onLine(`cannot start: ${error.message}`);
        finish(null, null);
      });
    });
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Asks for a graceful stop and kills after the bound; resolves when the process is gone. */
  async stop(withinMs: number): Promise<void> {
    if (!this.#isRunning) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), withinMs);
    await this.exited;
    clearTimeout(timer);
  }

  kill(): void {
    const { pid } = this.#child;
    if (!this.#isRunning || pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The group is gone already, or the system has no groups: the child itself is enough.
      this.#child.kill('SIGKILL');
    }
  }
}
