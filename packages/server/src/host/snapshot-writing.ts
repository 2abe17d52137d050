/** Writes the sealed state of a state machine to a snapshot file, one bounded chunk at a time. */
import type { SnapshotMeta } from '@cashe/raft';
import type { StateMachine } from '@cashe/store';
import type { SnapshotStore, SnapshotWriter } from './storage-ports.js';

type WriteDone = (error: Error | undefined, file: string, bytes: number) => void;

/** The store must be sealed at `meta.lastIncludedIndex`; it is unsealed when `done` is called. */
export function writeSnapshot(
  snapshots: SnapshotStore,
  store: StateMachine,
  group: number,
  meta: SnapshotMeta,
  done: WriteDone,
): void {
  snapshots.begin(group, meta, (error, writer) => {
    if (writer === undefined) {
      store.unseal();
      done(error, '', 0);
      return;
    }
    writeNext(snapshots, store, writer, done);
  });
}

function writeNext(
  snapshots: SnapshotStore,
  store: StateMachine,
  writer: SnapshotWriter,
  done: WriteDone,
): void {
  const bytes = store.scanSealed(snapshots.chunkBytesMax);
  if (bytes === undefined) {
    writer.commit((error, file) => done(error, file, writer.bytes));
    return;
  }
  writePieces(writer, bytes, snapshots.chunkBytesMax, (error) => {
    if (error === undefined) {
      writeNext(snapshots, store, writer, done);
      return;
    }
    store.unseal();
    writer.abort(() => done(error, '', 0));
  });
}

/** A single large record can exceed a chunk. */
export function writePieces(
  writer: SnapshotWriter,
  bytes: Uint8Array,
  chunkBytesMax: number,
  done: (error: Error | undefined) => void,
): void {
  const rest = bytes.length > chunkBytesMax ? bytes.subarray(chunkBytesMax) : undefined;
  writer.write(rest === undefined ? bytes : bytes.subarray(0, chunkBytesMax), (error) => {
    if (error !== undefined || rest === undefined) done(error);
    else writePieces(writer, rest, chunkBytesMax, done);
  });
}

/** Reads every chunk of a file: the one before it may go only after this succeeded (R38). */
export function verifySnapshot(
  snapshots: SnapshotStore,
  file: string,
  done: (error: Error | undefined) => void,
): void {
  snapshots.open(file, (error, reader) => {
    if (reader === undefined) {
      done(error);
      return;
    }
    const next = (): void =>
      reader.read((readError, chunk) => {
        if (readError === undefined && chunk !== undefined) next();
        else reader.close((closeError) => done(readError ?? closeError));
      });
    next();
  });
}
