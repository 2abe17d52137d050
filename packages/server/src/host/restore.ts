/** Reads a snapshot file back into a state machine, in bounded steps (R34, R38). */
import type { LogIndex } from '@cashe/raft';
import { createRestorer, type Restorer, type StateMachine } from '@cashe/store';
import type { Scheduler } from './ports.js';
import type { SnapshotReader, SnapshotStore } from './storage-ports.js';

type RestoreDone = (error: Error | undefined, store: StateMachine | undefined) => void;

export function restoreSnapshot(
  snapshots: Pick<SnapshotStore, 'open'>,
  file: string,
  scheduler: Scheduler,
  done: RestoreDone,
): void {
  snapshots.open(file, (error, reader) => {
    if (reader === undefined) {
      done(error, undefined);
      return;
    }
    const restorer = createRestorer();
    readNext(reader, restorer, scheduler, done);
  });
}

function readNext(
  reader: SnapshotReader,
  restorer: Restorer,
  scheduler: Scheduler,
  done: RestoreDone,
): void {
  reader.read((error, chunk) => {
    if (error !== undefined) {
      finish(reader, error, undefined, done);
      return;
    }
    if (chunk === undefined) {
      attempt(reader, done, () => {
        const index: LogIndex = reader.meta.lastIncludedIndex;
        finish(reader, undefined, restorer.finish(index), done);
      });
      return;
    }
    attempt(reader, done, () => {
      restorer.push(chunk);
      drain(reader, restorer, scheduler, done);
    });
  });
}

/** One bounded step per pass of the loop until everything pushed is in, then the next chunk. */
function drain(
  reader: SnapshotReader,
  restorer: Restorer,
  scheduler: Scheduler,
  done: RestoreDone,
): void {
  if (restorer.step()) {
    readNext(reader, restorer, scheduler, done);
    return;
  }
  scheduler.defer(() => attempt(reader, done, () => drain(reader, restorer, scheduler, done)));
}

/** The bytes passed their checksums: what still does not decode is reported, not thrown. */
function attempt(reader: SnapshotReader, done: RestoreDone, run: () => void): void {
  try {
    run();
  } catch (error) {
    finish(reader, error as Error, undefined, done);
  }
}

function finish(
  reader: SnapshotReader,
  error: Error | undefined,
  store: StateMachine | undefined,
  done: RestoreDone,
): void {
  reader.close((closeError) => done(error ?? closeError, error ? undefined : store));
}
