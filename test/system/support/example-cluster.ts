/** Runs the nodes of an example configuration as processes, each below a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';

export const repository: string = join(__dirname, '../../..');
export const casheCommand: string = join(repository, 'packages/server/bin/cashe.mjs');
const stopTimeoutMs = 15_000;

export interface Finished {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Runs a script of Node to its end. */
export async function runScript(args: readonly string[], cwd: string): Promise<Finished> {
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      output += part;
    });
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output };
}

export class ExampleCluster {
  readonly #directory: string;
  readonly #children: ChildProcess[] = [];

  /** Working directory of the nodes: relative paths of the configuration are in there. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  start(args: readonly string[]): void {
    const log = openSync(join(this.#directory, 'nodes.log'), 'a');
    // The IPC channel ends the node when this process is gone, however it went.
    const child = spawn(process.execPath, [casheCommand, ...args], {
      cwd: this.#directory,
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.#children.push(child);
  }

  /** Stops all nodes; resolves to their exit codes. */
  stop(): Promise<(number | null)[]> {
    return Promise.all(
      this.#children.splice(0).map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
        const exited = once(child, 'exit');
        const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
        child.kill('SIGTERM');
        const [exitCode] = (await exited) as [number | null];
        clearTimeout(timer);
        return exitCode;
      }),
    );
  }
}
