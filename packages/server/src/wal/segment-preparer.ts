/**
 * Prepares the next segment beside the appends: zeros in slices, each synced before the next so
 * that no large flush ever stands in the way of a log sync; then rename and directory sync. A full
 * disk is waited out, one attempt a second (R9); any other error is final (R39).
 */
import type { Scheduler, TimerHandle } from '../host/ports.js';
import type { StorageDone, WalError } from '../host/storage-ports.js';
import type { Directory, DiskFile, FileDone } from './disk.js';
import { assert } from './errors.js';
import {
  formatSegmentName,
  type Segment,
  type SegmentName,
  segmentOf,
  TEMPORARY_SUFFIX,
} from './segment.js';

const SLICE_BYTES_MAX = 1 << 20;
const RETRY_MS = 1000;

type SegmentDone = (error: WalError | undefined, segment: Segment | undefined) => void;

interface Job {
  readonly name: SegmentName;
  readonly waitForSpace: boolean;
  readonly done: SegmentDone;
  file: DiskFile | undefined;
  offset: number;
  renamed: boolean;
  published: boolean;
}

export class SegmentPreparer {
  readonly #directory: Directory;
  readonly #scheduler: Scheduler;
  readonly #zeros: Uint8Array;
  #job: Job | undefined = undefined;
  #retry: TimerHandle | undefined = undefined;
  #waitingForSpace = false;
  #onStopped: StorageDone | undefined = undefined;

  constructor(directory: Directory, scheduler: Scheduler, segmentBytes: number) {
    this.#directory = directory;
    this.#scheduler = scheduler;
    this.#zeros = directory.allocate(Math.min(SLICE_BYTES_MAX, segmentBytes));
  }

  /** True while the last attempt failed for want of space. */
  get waitingForSpace(): boolean {
    return this.#waitingForSpace;
  }

  get busy(): boolean {
    return this.#job !== undefined;
  }

  /** One at a time. `done` gets the segment: durable, all zero. */
  prepare(name: SegmentName, options: { readonly waitForSpace: boolean }, done: SegmentDone): void {
    assert(this.#job === undefined && this.#onStopped === undefined, 'one segment at a time');
    const { waitForSpace } = options;
    this.#job = {
      name,
      waitForSpace,
      done,
      file: undefined,
      offset: 0,
      renamed: false,
      published: false,
    };
    this.#step(this.#job);
  }

  /** Stops at the next step; what is half done is cleaned up at the next start. */
  stop(done: StorageDone): void {
    this.#onStopped = done;
    const job = this.#job;
    if (this.#retry === undefined && job !== undefined) return;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#stopped(job);
  }

  #step(job: Job): void {
    const { file } = job;
    if (this.#onStopped !== undefined) {
      this.#stopped(job);
    } else if (job.published) {
      this.#finish(job);
    } else if (file === undefined) {
      this.#directory.create(temporary(job), this.#opened(job));
    } else if (job.offset < job.name.bytes) {
      this.#fill(job, file);
    } else {
      this.#publish(job);
    }
  }

  #publish(job: Job): void {
    if (job.renamed) {
      const published = this.#then(job, () => {
        job.published = true;
      });
      this.#directory.sync(published);
    } else {
      const renamed = this.#then(job, () => {
        job.renamed = true;
      });
      this.#directory.rename(temporary(job), formatSegmentName(job.name), renamed);
    }
  }

  /** Opened again under its name, which is what errors should say from now on. */
  #finish(job: Job): void {
    job.file?.close((closeError) => {
      job.file = undefined;
      if (closeError !== undefined) return this.#failed(job, closeError);
      this.#directory.open(formatSegmentName(job.name), (error, file) => {
        if (file === undefined) return this.#failed(job, error);
        this.#job = undefined;
        this.#waitingForSpace = false;
        // After a stop, too: who gets the segment closes its file.
        job.done(undefined, segmentOf(job.name, file));
        this.#onStopped?.(undefined);
      });
    });
  }

  #opened(job: Job): FileDone {
    return (error, file) => {
      if (error !== undefined || file === undefined) return this.#failed(job, error);
      job.file = file;
      this.#step(job);
    };
  }

  #fill(job: Job, file: DiskFile): void {
    const bytes = Math.min(this.#zeros.length, job.name.bytes - job.offset);
    const filled = this.#then(job, () => {
      job.offset += bytes;
      this.#waitingForSpace = false;
    });
    // The same way as blocks: between two blocks at most one slice is written, and a busy pool
    // cannot starve the log of segments.
    file.writeDurably(this.#zeros.subarray(0, bytes), job.offset, filled);
  }

  /** Runs `advance` on success and goes on. */
  #then(job: Job, advance: () => void): StorageDone {
    return (error) => {
      if (error !== undefined) return this.#failed(job, error);
      advance();
      this.#step(job);
    };
  }

  #failed(job: Job, error: WalError | undefined): void {
    if (this.#onStopped !== undefined) {
      this.#stopped(job);
    } else if (error?.kind === 'noSpace' && job.waitForSpace) {
      // A slice that did not reach the disk is no failed sync of anything acknowledged: try again.
      this.#waitingForSpace = true;
      this.#retry = this.#scheduler.after(RETRY_MS, () => {
        this.#retry = undefined;
        this.#step(job);
      });
    } else {
      this.#job = undefined;
      const report = (): void => job.done(error, undefined);
      if (job.file === undefined) report();
      else job.file.close(report);
    }
  }

  #stopped(job: Job | undefined): void {
    this.#job = undefined;
    const done = this.#onStopped;
    if (done === undefined) return;
    if (job?.file !== undefined) job.file.close(done);
    else this.#scheduler.defer(() => done(undefined));
  }
}

function temporary(job: Job): string {
  return formatSegmentName(job.name) + TEMPORARY_SUFFIX;
}
