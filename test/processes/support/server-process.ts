/** One `cashe` command as a real process, with its log. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { waitUntil } from '@cashe/bench';

export const repositoryRoot: string = join(__dirname, '../../..');
export const casheCommand: string = join(repositoryRoot, 'packages/server/bin/cashe.mjs');

/** A line of the JSON log; other output has no fields. */
export interface LogLine {
  readonly message: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Watch {
  readonly matches: (line: LogLine) => boolean;
  readonly found: (line: LogLine) => void;
}

const logWaitMs = 20_000;
const printWaitMs = 40_000;

export class ServerProcess {
  /** After this the log is complete. */
  readonly exited: Promise<Exit>;
  readonly lines: LogLine[] = [];
  stdout = '';
  readonly args: readonly string[];
  readonly #child: ChildProcess;
  readonly #watches: Set<Watch> = new Set();
  #rest = '';
  #isRunning = true;

  /** `command` is a file that Node runs. */
  constructor(args: readonly string[], command: string = casheCommand) {
    this.args = args;
    this.#child = spawn(process.execPath, [command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', () => {
        this.#isRunning = false;
      });
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  /** SIGTERM; resolves when the process is gone. */
  stop(): Promise<Exit> {
    this.signal('SIGTERM');
    return this.exited;
  }

  /** Waits until the node serves for the first time. */
  async serves(): Promise<void> {
    await this.logged('serving', ({ message }) => message === 'serving');
  }

  /** Waits for the process to fail; returns the exit code and the error that it logged. */
  async fails(): Promise<{ readonly code: number | null; readonly line: string }> {
    const { code } = await this.exited;
    const error = this.lines.find(({ level }) => level === 'error') ?? this.lines.at(-1);
    return { code, line: `${error?.message} ${error?.['error'] ?? ''}`.trim() };
  }

  /** Waits until standard output contains the text. */
  async printed(text: string): Promise<void> {
    await waitUntil(`the output has "${text}"`, printWaitMs, async () => {
      if (this.stdout.includes(text)) return true;
      throw new Error(`${this.stdout}${this.log()}`);
    });
  }

  /** The first line, past or future, whose message contains the text. */
  logged(text: string, matches: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    const both = (line: LogLine): boolean => line.message.includes(text) && matches(line);
    const known = this.lines.find(both);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const end = (run: () => void): void => {
        clearTimeout(timer);
        this.#watches.delete(watch);
        run();
      };
      const watch = { matches: both, found: (line: LogLine) => end(() => resolve(line)) };
      const fail = (why: string): void =>
        end(() => reject(new Error(`${why} without logging "${text}":\n${this.log()}`)));
      const timer = setTimeout(() => fail(`${logWaitMs} ms went by`), logWaitMs);
      this.#watches.add(watch);
      void this.exited.then(() => this.#watches.has(watch) && fail('the process ended'));
    });
  }

  log(): string {
    return this.lines.map((line) => JSON.stringify(line)).join('\n');
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#takeLine(parseLine(line));
  }

  #takeLine(line: LogLine): void {
    this.lines.push(line);
    for (const watch of [...this.#watches]) if (watch.matches(line)) watch.found(line);
  }
}

function parseLine(text: string): LogLine {
  if (!text.startsWith('{')) return { level: '', message: text };
  return JSON.parse(text) as LogLine;
}
