/** Takes the chunks of a snapshot from the network to a file. */
import type { SnapshotMeta } from '@cashe/raft';
import type { SnapshotSink } from './ports.js';
import { writePieces } from './snapshot-writing.js';
import type { SnapshotStore, SnapshotWriter } from './storage-ports.js';

/** `ended(file)` once, with the durable file or undefined when it was given up. */
export function receiveSnapshot(
  snapshots: SnapshotStore,
  group: number,
  meta: SnapshotMeta,
  ended: (file: string | undefined) => void,
): SnapshotSink {
  let writer: SnapshotWriter | undefined;
  let over = false;
  const end = (file: string | undefined): void => {
    if (over) return;
    over = true;
    ended(file);
  };
  const withWriter = (
    use: (open: SnapshotWriter) => void,
    fail: (error: Error | undefined) => void,
  ): void => {
    if (writer !== undefined) use(writer);
    else {
      snapshots.begin(group, meta, (error, opened) => {
        writer = opened;
        if (opened === undefined) fail(error);
        else if (over) opened.abort(() => fail(new Error('aborted')));
        else use(opened);
      });
    }
  };
  return {
    write: (chunk, done) =>
      withWriter((open) => writePieces(open, chunk, snapshots.chunkBytesMax, done), done),
    finish: (done) =>
      withWriter(
        (open) =>
          open.commit((error, file) => {
            end(error === undefined ? file : undefined);
            done(error);
          }),
        done,
      ),
    abort: () => {
      if (over) return;
      end(undefined);
      // A leftover file is collected by `retain`.
      writer?.abort(() => undefined);
    },
  };
}
