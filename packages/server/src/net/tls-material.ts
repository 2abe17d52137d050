/**
 * The certificate files of a node, read again when they change: new handshakes use what is there
 * then, and files that cannot be used leave what was read before in use.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Logger, Scheduler, TimerHandle } from '../host/ports.js';
import { errorCode, errorText } from './errors.js';
import { checkedPieces, type TlsFiles, TlsMaterialError, type TlsPieces } from './tls-pieces.js';

interface TlsMaterialOptions {
  readonly files: TlsFiles;
  /** The certificate must be this node's. */
  readonly nodeId: string;
  readonly log: Logger;
  readonly scheduler: Scheduler;
  /** How often the files are looked at. */
  readonly pollMs?: number;
}

/**
 * The files are looked at, not watched: file system events do not come over network file systems,
 * run out (inotify), and say little about links that are swapped, as Kubernetes does.
 */
const POLL_MS = 1_000;
/** Larger files are not certificates. */
const FILE_BYTES_MAX = 1024 * 1024;
const DAY_MS = 86_400_000;
/** A certificate that ends sooner is warned of, at the start and every day. */
const EXPIRY_WARNING_DAYS = 30;

export class TlsMaterial {
  readonly #options: TlsMaterialOptions;
  readonly #listeners = new Set<(pieces: TlsPieces) => void>();
  readonly #timers: readonly TimerHandle[];
  #current: TlsPieces;
  /** What the files looked like when they were last read and used. */
  #settled: string;
  /** What they looked like when they could not be used; a second look finds the same. */
  #suspect = '';
  #problem: string | undefined;
  #isChecking = false;
  #isClosed = false;

  private constructor(options: TlsMaterialOptions, pieces: TlsPieces, settled: string) {
    this.#options = options;
    this.#current = pieces;
    this.#settled = settled;
    const { scheduler, pollMs = POLL_MS } = options;
    this.#timers = [
      scheduler.every(pollMs, () => void this.#check()),
      scheduler.every(DAY_MS, () => this.#warnOfExpiry()),
    ];
    this.#warnOfExpiry();
  }

  /** Rejects with a TlsMaterialError that names the file. */
  static async load(options: TlsMaterialOptions): Promise<TlsMaterial> {
    const seen = await appearance(options.files);
    return new TlsMaterial(options, await readPieces(options), seen);
  }

  get current(): TlsPieces {
    return this.#current;
  }

  /** End of the validity of the certificate in use, ms since 1970. */
  get notAfterMs(): number {
    return this.#current.notAfterMs;
  }

  /** Why the files as they are now are not in use; undefined when they are. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Called with what is in use from now on. Returns how to stop that. */
  onChange(listener: (pieces: TlsPieces) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#listeners.clear();
  }

  async #check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      await this.#compare();
    } catch (error) {
      this.#options.log.error('certificate files not compared', { reason: errorText(error) });
    } finally {
      this.#isChecking = false;
    }
  }

  async #compare(): Promise<void> {
    const seen = await appearance(this.#options.files);
    if (this.#isClosed) return;
    if (seen === this.#settled) {
      this.#forgetProblem();
      return;
    }
    let pieces: TlsPieces | undefined;
    let problem = '';
    try {
      pieces = await readPieces(this.#options);
    } catch (error) {
      problem = errorText(error);
    }
    const isStill = seen === (await appearance(this.#options.files));
    // Changed while it was read: the next look reads it again.
    if (!isStill || this.#isClosed) return;
    if (pieces === undefined) this.#keep(seen, problem);
    else this.#adopt(seen, pieces);
  }

  #adopt(seen: string, pieces: TlsPieces): void {
    this.#settled = seen;
    this.#forgetProblem();
    const before = this.#current;
    if (isSame(before, pieces)) return;
    this.#current = pieces;
    const { log, files } = this.#options;
    const { serialNumber, notAfterMs } = pieces;
    const notAfter = new Date(notAfterMs).toISOString();
    log.info('certificate files read again', { file: files.certFile, serialNumber, notAfter });
    this.#warnOfExpiry();
    for (const listener of [...this.#listeners]) listener(pieces);
  }

  /**
   * A certificate and its key arrive one after the other: only what a second look finds unchanged
   * is a problem. It is looked at until it is none, for a certificate may become valid.
   */
  #keep(seen: string, problem: string): void {
    if (this.#suspect !== seen) {
      this.#suspect = seen;
      this.#problem = undefined;
      return;
    }
    if (this.#problem === problem) return;
    this.#problem = problem;
    const inUse = `until ${new Date(this.#current.notAfterMs).toISOString()}`;
    this.#options.log.error('new certificate files not used: the old ones stay', {
      reason: problem,
      valid: inUse,
    });
  }

  #forgetProblem(): void {
    this.#suspect = '';
    this.#problem = undefined;
  }

  #warnOfExpiry(): void {
    const { log, files } = this.#options;
    const { notAfterMs, caNotAfterMs } = this.#current;
    const ends = [
      { file: files.certFile, endMs: notAfterMs },
      { file: files.caFile, endMs: caNotAfterMs },
    ];
    for (const { file, endMs } of ends) {
      const daysLeft = Math.floor((endMs - Date.now()) / DAY_MS);
      if (daysLeft >= EXPIRY_WARNING_DAYS) continue;
      const fields = { file, notAfter: new Date(endMs).toISOString(), daysLeft };
      if (daysLeft < 0) log.error('a certificate in use has expired', fields);
      else log.warn('a certificate expires soon', fields);
    }
  }
}

/** Rejects with a TlsMaterialError. */
async function readPieces({ files, nodeId }: TlsMaterialOptions): Promise<TlsPieces> {
  const [cert, key, ca] = await Promise.all([
    readPem(files.certFile),
    readPem(files.keyFile),
    readPem(files.caFile),
  ]);
  return checkedPieces({ cert, key, ca }, files, nodeId, Date.now());
}

async function readPem(file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size <= FILE_BYTES_MAX) return await readFile(file);
  } catch (error) {
    throw new TlsMaterialError(`${file} cannot be read: ${errorText(error)}`);
  }
  throw new TlsMaterialError(`${file} is too large for a certificate`);
}

/** Changes whenever one of the files is written, replaced, or reached by another link. */
async function appearance({ certFile, keyFile, caFile }: TlsFiles): Promise<string> {
  const looks = await Promise.all([certFile, keyFile, caFile].map(appearanceOf));
  return looks.join(' ');
}

async function appearanceOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(file);
    return [dev, ino, size, mtimeMs, ctimeMs].join('/');
  } catch (error) {
    return errorCode(error) ?? errorText(error);
  }
}

function isSame(one: TlsPieces, other: TlsPieces): boolean {
  return one.cert.equals(other.cert) && one.key.equals(other.key) && one.ca.equals(other.ca);
}
