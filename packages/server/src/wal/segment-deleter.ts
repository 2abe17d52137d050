/**
 * Deletes segments in the background, oldest first: unlink, directory sync, then the next, so a
 * crash never leaves a gap among the segments that remain.
 */
import type { StorageDone, WalError } from '../host/storage-ports.js';
import type { Directory } from './disk.js';
import { retire, type Segment } from './segment.js';

export class SegmentDeleter {
  readonly #directory: Directory;
  readonly #onError: (error: WalError) => void;
  /** Bounded by the segments there are. */
  readonly #queue: Segment[] = [];
  #busy = false;
  #onStopped: StorageDone | undefined = undefined;

  constructor(directory: Directory, onError: (error: WalError) => void) {
    this.#directory = directory;
    this.#onError = onError;
  }

  add(segment: Segment): void {
    this.#queue.push(segment);
    if (!this.#busy) this.#next();
  }

  /** Finishes the deletion under way; the others are done by a later release. */
  stop(done: StorageDone): void {
    this.#onStopped = done;
    if (!this.#busy) done(undefined);
  }

  #next(): void {
    const segment = this.#queue.shift();
    this.#busy = segment !== undefined;
    if (segment === undefined) return;
    this.#directory.unlink(segment.name, (unlinkError) => {
      if (unlinkError !== undefined) return this.#ended(unlinkError);
      this.#directory.sync((syncError) => {
        if (syncError !== undefined) return this.#ended(syncError);
        retire(segment, (closeError) => this.#ended(closeError));
      });
    });
  }

  #ended(error: WalError | undefined): void {
    this.#busy = false;
    if (error !== undefined) {
      this.#queue.length = 0;
      this.#onError(error);
    }
    const done = this.#onStopped;
    if (done === undefined) {
      this.#next();
      return;
    }
    for (const segment of this.#queue) retire(segment, () => undefined);
    done(undefined);
  }
}
