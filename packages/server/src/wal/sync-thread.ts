/**
 * A thread that does nothing but write and sync the log. File sync otherwise shares libuv's pool
 * with address look-ups, crypto and snapshot files: four slow look-ups would stop every write
 * (R34). Measured in docs/performance.md, "WAL sync".
 */
import { Worker } from 'node:worker_threads';
import { assert } from './errors.js';
import { CONTROL_BYTES, JOB, type SyncJob, type SyncReport } from './sync-job.js';

/** The file the thread runs: what was built, also where the sources run (tests). */
export const syncWorkerUrl: URL = new URL('../../dist/wal/sync-worker.js', import.meta.url);

type SyncDone = (report: SyncReport) => void;

/** A block of the log, and a slice of the segment being prepared. */
const JOBS_MAX = 2;

export class SyncThread {
  readonly #worker: Worker;
  readonly #control = new Int32Array(new SharedArrayBuffer(CONTROL_BYTES));
  /** Of the jobs posted, oldest first: the thread keeps their order. */
  readonly #waiting: SyncDone[] = [];
  #ended: SyncReport | undefined = undefined;

  constructor(url: URL) {
    // Flags of the program are not the thread's: `--input-type` and loaders would keep it from
    // starting.
    this.#worker = new Worker(url, { workerData: this.#control.buffer, execArgv: [] });
    this.#worker.on('message', (report: SyncReport) => this.#settle(report));
    this.#worker.on('error', (error) => this.#end(String(error)));
    this.#worker.on('exit', (code) => this.#end(`the sync thread exited with code ${code}`));
    // An idle log does not keep a process alive; an outstanding write does.
    this.#worker.unref();
  }

  /** `data` is a view of a SharedArrayBuffer, and does not change before `done`. */
  write(
    data: Uint8Array,
    to: { readonly fd: number; readonly offset: number },
    done: SyncDone,
  ): void {
    assert(this.#waiting.length < JOBS_MAX, 'the sync thread has room for the job');
    const { buffer, byteOffset: start, length } = data;
    assert(buffer instanceof SharedArrayBuffer, 'the data are in shared memory');
    this.#waiting.push(done);
    const ended = this.#ended;
    if (ended !== undefined) {
      setImmediate(() => this.#settle(ended));
      return;
    }
    if (this.#waiting.length === 1) this.#worker.ref();
    this.#post({ kind: 'write', buffer, start, length, ...to });
  }

  /** Ends the thread; no write is outstanding. */
  close(): void {
    if (this.#ended === undefined) this.#post({ kind: 'end' });
  }

  #post(job: SyncJob): void {
    this.#worker.postMessage(job);
    Atomics.add(this.#control, JOB, 1);
    Atomics.notify(this.#control, JOB);
  }

  #settle(report: SyncReport): void {
    const done = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#worker.unref();
    done?.(report);
  }

  #end(message: string): void {
    this.#ended ??= { code: 'unknown', message };
    while (this.#waiting.length > 0) this.#settle(this.#ended);
  }
}
