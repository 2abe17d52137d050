/** One node as a real server process: start, kill, pause, restart. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ProcessUsage } from './node-probe.js';
import { ProcessCalls } from './process-calls.js';

interface NodeProcessOptions {
  readonly id: string;
  /** HOST:PORT. */
  readonly clientAddress: string;
  readonly raftAddress: string;
  readonly dataDir: string;
  /** What the node writes to standard output and error goes here. */
  readonly logFile: string;
  /** Arguments of the `cashe` command. */
  readonly args: readonly string[];
  /** Arguments of `node` itself. */
  readonly execArgs: readonly string[];
}

export interface NodeExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Run {
  readonly child: ChildProcess;
  readonly calls: ProcessCalls;
  readonly exited: Promise<NodeExit>;
}

// The same from src/ (tests) and from dist/.
const command = fileURLToPath(new URL('../../server/bin/cashe.mjs', import.meta.url));
const probeUrl = new URL('../dist/node-probe.js', import.meta.url).href;
const usageTimeoutMs = 10_000;
const logTailBytes = 4_096;

export class NodeProcess {
  readonly #options: NodeProcessOptions;
  #run: Run | undefined;
  #isPaused = false;

  /** Made by `ClusterProcess`; `start` spawns the process. */
  constructor(options: NodeProcessOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#options.id;
  }

  get clientAddress(): string {
    return this.#options.clientAddress;
  }

  get raftAddress(): string {
    return this.#options.raftAddress;
  }

  get dataDir(): string {
    return this.#options.dataDir;
  }

  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Of the process that runs. */
  get pid(): number | undefined {
    return this.#run?.child.pid;
  }

  /** Settles when the process that runs has ended. */
  get exited(): Promise<NodeExit> {
    return this.#running().exited;
  }

  /** Spawns the process; whether it serves is a question to `ClusterProcess`. */
  start(): void {
    if (this.#run !== undefined) throw new Error(`${this.id} runs already`);
    const { logFile, execArgs, args } = this.#options;
    const log = openSync(logFile, 'a');
    // The IPC channel ends the node when this process is gone, however it went.
    const child = spawn(process.execPath, [...execArgs, '--import', probeUrl, command, ...args], {
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.#isPaused = false;
    this.#run = { child, calls: new ProcessCalls(child, this.id), exited: this.#watch(child) };
  }

  /** Sends the signal; resolves when the process has ended. No effect when it does not run. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<NodeExit | undefined> {
    const run = this.#run;
    if (run === undefined) return undefined;
    run.child.kill(signal);
    return run.exited;
  }

  /** Asks for a graceful stop and kills after the bound. */
  async stop(withinMs: number): Promise<void> {
    if (this.#run === undefined) return;
    if (this.#isPaused) this.resume();
    const timer = setTimeout(() => this.#run?.child.kill('SIGKILL'), withinMs);
    await this.kill('SIGTERM');
    clearTimeout(timer);
  }

  /** Stops the process where it is; its sockets stay open. */
  pause(): void {
    this.#running().child.kill('SIGSTOP');
    this.#isPaused = true;
  }

  resume(): void {
    this.#running().child.kill('SIGCONT');
    this.#isPaused = false;
  }

  /** Kills what still runs and starts again with the same arguments and data. */
  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.kill(signal);
    this.start();
  }

  /** CPU since the start and the worst loop delay since the last call. */
  usage(): Promise<ProcessUsage> {
    return this.#running().calls.ask<ProcessUsage>({ kind: 'usage' }, usageTimeoutMs);
  }

  /** The end of what the node wrote. */
  logTail(): string {
    return readFileSync(this.#options.logFile, 'utf8').slice(-logTailBytes);
  }

  #running(): Run {
    if (this.#run === undefined) throw new Error(`${this.id} does not run`);
    return this.#run;
  }

  #watch(child: ChildProcess): Promise<NodeExit> {
    // A paused node cannot notice that this process ends.
    const killWithMe = (): void => {
      child.kill('SIGKILL');
    };
    process.once('exit', killWithMe);
    return new Promise((resolve) => {
      const finish = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
        process.removeListener('exit', killWithMe);
        this.#run = undefined;
        this.#isPaused = false;
        resolve({ exitCode, signal });
      };
      child.once('exit', finish);
      child.once('error', () => finish(null, null));
    });
  }
}
