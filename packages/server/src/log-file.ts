/**
 * A log file of bounded size: lines are appended in the background, in order, and a file that is
 * full is put aside as NAME.1, NAME.2, …. Winston's own file transport loses lines that come while
 * it changes files (a fifth of 2,500 in a burst), which a test here counts.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';

interface LogFileOptions {
  readonly path: string;
  /** A file ends before the line that would make it larger; a longer line has a file alone. */
  readonly bytesMax: number;
  /** Files kept, the current one included. */
  readonly filesMax: number;
  /** So many lines found no room in the queue; called when there is some again. */
  onDropped(count: number): void;
}

/** Lines waiting for the disk; more are dropped, and counted. */
const queueBytesMax = 4 * 1024 * 1024;

export class LogFile extends Writable {
  readonly #options: LogFileOptions;
  readonly #queue: Uint8Array[] = [];
  #queueBytes = 0;
  #dropped = 0;
  #handle: FileHandle | undefined;
  #fileBytes = 0;
  #draining: Promise<void> | undefined;

  constructor(options: LogFileOptions) {
    super({ decodeStrings: true });
    this.#options = options;
  }

  /** Takes the line at once: who logs never waits for a disk. */
  override _write(line: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    if (this.#queueBytes + line.length > queueBytesMax) this.#dropped += 1;
    else {
      this.#queue.push(line);
      this.#queueBytes += line.length;
      this.#startDraining();
    }
    done();
  }

  override _final(done: (error?: Error | null) => void): void {
    const close = async (): Promise<void> => {
      while (this.#draining !== undefined) await this.#draining;
      await this.#handle?.close();
    };
    close().then(() => done(), done);
  }

  #startDraining(): void {
    if (this.#draining !== undefined) return;
    this.#draining = this.#drain()
      .catch((error: Error) => {
        this.destroy(error);
      })
      .finally(() => {
        this.#draining = undefined;
        // A line may have come after the last look at the queue.
        if (this.#queue.length > 0 && !this.destroyed) this.#startDraining();
      });
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 && !this.destroyed) {
      const handle = this.#handle ?? (await this.#open('a'));
      const batch = this.#nextBatch();
      if (batch.length === 0) {
        await this.#rotate(handle);
        continue;
      }
      await handle.appendFile(batch);
      this.#fileBytes += batch.length;
      this.#tellDropped();
    }
  }

  /** What still fits into the file; at least a line, if that is empty. */
  #nextBatch(): Uint8Array {
    const { bytesMax } = this.#options;
    let bytes = 0;
    let count = 0;
    for (const line of this.#queue) {
      if (this.#fileBytes + bytes + line.length > bytesMax && this.#fileBytes + bytes > 0) break;
      bytes += line.length;
      count += 1;
    }
    this.#queueBytes -= bytes;
    return Buffer.concat(this.#queue.splice(0, count));
  }

  async #open(flags: 'a' | 'w'): Promise<FileHandle> {
    this.#handle = await open(this.#options.path, flags);
    const { size } = await this.#handle.stat();
    this.#fileBytes = size;
    return this.#handle;
  }

  async #rotate(handle: FileHandle): Promise<void> {
    const { path, filesMax } = this.#options;
    this.#handle = undefined;
    await handle.close();
    const name = (age: number): string => (age === 0 ? path : `${path}.${age}`);
    await rm(name(filesMax - 1), { force: true });
    for (let age = filesMax - 2; age >= 0; age -= 1) {
      await rename(name(age), name(age + 1)).catch((error: NodeJS.ErrnoException) => {
        // There are not as many files yet.
        if (error.code !== 'ENOENT') throw error;
      });
    }
    await this.#open('w');
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    const count = this.#dropped;
    this.#dropped = 0;
    this.#options.onDropped(count);
  }
}
