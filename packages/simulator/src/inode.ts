/**
 * The content of one file in pages of 4 KiB: what is on the platter, and what the operating system
 * holds. Both share every page that was synced; a page is copied at its first write after that.
 */
import { Buffer } from 'node:buffer';

const PAGE_BYTES = 4096;
const ZEROS: Uint8Array = new Uint8Array(PAGE_BYTES);

/** Undefined: zeros, as nearly all of a prepared segment is. */
type Page = Uint8Array | undefined;

export class Inode {
  #durable: Page[] = [];
  #durableBytes = 0;
  #current: Page[] = [];
  #currentBytes = 0;
  /** Pages not yet on the platter; those, and only those, are written in place. */
  readonly #dirty: Set<number> = new Set();

  get bytes(): number {
    return this.#currentBytes;
  }

  write(data: Uint8Array, offset: number): void {
    let from = 0;
    while (from < data.length) {
      const at = (offset + from) % PAGE_BYTES;
      const to = Math.min(data.length, from + PAGE_BYTES - at);
      this.#writePage((offset + from - at) / PAGE_BYTES, data.subarray(from, to), at);
      from = to;
    }
    this.#currentBytes = Math.max(this.#currentBytes, offset + data.length);
  }

  /** Copies what is there; returns how many bytes that was. */
  read(into: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(into.length, this.#currentBytes - offset));
    let done = 0;
    while (done < count) {
      const at = (offset + done) % PAGE_BYTES;
      const bytes = Math.min(count - done, PAGE_BYTES - at);
      const page = this.#current[(offset + done - at) / PAGE_BYTES];
      if (page === undefined) into.fill(0, done, done + bytes);
      else into.set(page.subarray(at, at + bytes), done);
      done += bytes;
    }
    return count;
  }

  sync(): void {
    for (const page of this.#dirty) this.#durable[page] = this.#current[page];
    this.#durableBytes = Math.max(this.#durableBytes, this.#currentBytes);
    this.#dirty.clear();
  }

  /**
   * What a failed sync leaves: every page counts as clean, those that did not reach the platter
   * are what they were before, and a second sync would find nothing to do.
   */
  loseUnsynced(survives: () => boolean): void {
    for (const page of this.#dirty) {
      if (survives()) this.#durable[page] = this.#current[page];
      else this.#current[page] = this.#durable[page];
    }
    this.#durableBytes = Math.max(this.#durableBytes, this.#currentBytes);
    this.#dirty.clear();
  }

  /** Damages what is on the platter, and with it what is read. */
  flipBit(offset: number, bit: number): void {
    const index = Math.floor(offset / PAGE_BYTES);
    const page = copyOf(this.#durable[index]);
    const at = offset % PAGE_BYTES;
    page[at] = (page[at] ?? 0) ^ (1 << bit);
    this.#durable[index] = page;
    this.#current[index] = page;
  }

  truncate(bytes: number): void {
    this.#dirty.clear();
    this.#resize(this.#durable.slice(0), bytes);
  }

  /** What a reboot finds: of what was not synced, the pages that `survives` says. */
  afterCrash(survives: () => boolean): Inode {
    const inode = new Inode();
    const isLonger = this.#currentBytes > this.#durableBytes && survives();
    const bytes = isLonger ? this.#currentBytes : this.#durableBytes;
    const pages = [...this.#durable];
    for (const page of this.#dirty) if (survives()) pages[page] = this.#current[page];
    // From here on the pages belong to the next process, too.
    this.#dirty.clear();
    inode.#resize(pages, bytes);
    return inode;
  }

  #resize(pages: Page[], bytes: number): void {
    pages.length = Math.ceil(bytes / PAGE_BYTES);
    const last = pages.at(-1);
    const used = bytes % PAGE_BYTES;
    if (last !== undefined && used > 0) {
      pages[pages.length - 1] = last.slice();
      pages[pages.length - 1]?.fill(0, used);
    }
    this.#durable = pages;
    this.#current = [...pages];
    this.#durableBytes = bytes;
    this.#currentBytes = bytes;
  }

  #writePage(index: number, data: Uint8Array, at: number): void {
    const known = this.#current[index];
    const isDirty = this.#dirty.has(index);
    this.#dirty.add(index);
    if (known === undefined && isZero(data)) {
      if (this.#current.length <= index) this.#current[index] = undefined;
      return;
    }
    const page = isDirty && known !== undefined ? known : copyOf(known);
    page.set(data, at);
    this.#current[index] = page;
  }
}

function isZero(data: Uint8Array): boolean {
  const zeros = data.length === PAGE_BYTES ? ZEROS : ZEROS.subarray(0, data.length);
  return Buffer.compare(data, zeros) === 0;
}

function copyOf(page: Page): Uint8Array {
  return page === undefined ? new Uint8Array(PAGE_BYTES) : page.slice();
}
