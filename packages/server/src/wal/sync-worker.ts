/**
 * Body of the sync thread: waits on shared memory, writes, syncs, reports, in the order asked. See
 * `sync-thread.ts` for the other side.
 */
import { fdatasyncSync, writeSync } from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { JOB, type SyncJob, type SyncReport } from './sync-job.js';

const port = parentPort;
if (port !== null) serve(port, new Int32Array(workerData as SharedArrayBuffer));

function serve(parent: NonNullable<typeof parentPort>, control: Int32Array): void {
  let seen = 0;
  for (;;) {
    Atomics.wait(control, JOB, seen);
    const posted = Atomics.load(control, JOB);
    if (posted === seen) continue;
    seen = posted;
    for (let job = next(parent); job !== undefined; job = next(parent)) {
      if (job.kind === 'end') return;
      parent.postMessage(run(job));
    }
  }
}

function next(parent: NonNullable<typeof parentPort>): SyncJob | undefined {
  const received: { readonly message: SyncJob } | undefined = receiveMessageOnPort(parent);
  return received?.message;
}

/** Errors travel as data: what a worker throws arrives without its code. */
function run(job: Extract<SyncJob, { kind: 'write' }>): SyncReport {
  try {
    const data = new Uint8Array(job.buffer, job.start, job.length);
    let written = 0;
    while (written < data.length) {
      written += writeSync(job.fd, data, written, data.length - written, job.offset + written);
    }
    fdatasyncSync(job.fd);
    return { code: undefined, message: '' };
  } catch (error) {
    const failure = error as { readonly code?: string; readonly message?: string };
    return { code: failure.code ?? 'unknown', message: failure.message ?? '' };
  }
}
