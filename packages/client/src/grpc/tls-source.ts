/** The certificates of a client: given as they are, or as files that are read again on change. */
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { CasheError } from '../core/error.js';

/** Each is PEM, or the path of a file that holds it and is read again when it changes. */
export interface TlsOptions {
  /** Certificates of the authority that signed the nodes'; undefined: those Node.js trusts. */
  readonly ca?: string | Uint8Array | undefined;
  /** The client's certificate and key, when the nodes ask for them (mutual TLS). */
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  /** Name to expect in the nodes' certificates; undefined: the host of the address. */
  readonly serverName?: string | undefined;
}

/** What one connection uses. */
export interface TlsFrame {
  readonly context: SecureContext;
  readonly serverName: string | undefined;
}

type Part = 'ca' | 'cert' | 'key';
const parts: readonly Part[] = ['ca', 'cert', 'key'];

export class TlsSource {
  readonly #options: TlsOptions;
  #frame: TlsFrame | undefined;
  /** What the files looked like when the frame was made of them. */
  #seen = '';

  /** `true`: TLS with the authorities that Node.js trusts. */
  constructor(tls: TlsOptions | true) {
    this.#options = tls === true ? {} : tls;
    if ((this.#options.cert === undefined) !== (this.#options.key === undefined)) {
      throw invalid('tls.cert and tls.key belong together');
    }
  }

  /**
   * What a new connection uses: files as they are now. Files that cannot be used leave what was
   * made of them before in use; without that it rejects with a CasheError that names the file.
   */
  async frame(): Promise<TlsFrame> {
    const seen = await this.#appearance();
    if (this.#frame !== undefined && seen === this.#seen) return this.#frame;
    try {
      this.#frame = await this.#read();
      this.#seen = seen;
    } catch (error) {
      // Half of a pair may have been replaced: the next connection looks again.
      if (this.#frame === undefined) throw error;
    }
    return this.#frame;
  }

  async #read(): Promise<TlsFrame> {
    const [ca, cert, key] = await Promise.all(parts.map((part) => this.#pem(part)));
    const { serverName } = this.#options;
    const given = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    try {
      return { context: createSecureContext({ ...given, minVersion: 'TLSv1.2' }), serverName };
    } catch (error) {
      throw invalid(`tls: ${this.#names()} cannot be used: ${textOf(error)}`);
    }
  }

  async #pem(part: Part): Promise<Buffer | undefined> {
    const given = this.#options[part];
    const file = fileOf(given);
    if (given === undefined) return undefined;
    if (file === undefined) return Buffer.from(given);
    try {
      return await readFile(file);
    } catch (error) {
      throw invalid(`tls.${part} cannot be read: ${textOf(error)}`);
    }
  }

  async #appearance(): Promise<string> {
    const files = parts.map((part) => fileOf(this.#options[part]) ?? '');
    const looks = await Promise.all(files.map((file) => (file === '' ? '' : appearanceOf(file))));
    return looks.join(' ');
  }

  #names(): string {
    const given = parts.filter((part) => this.#options[part] !== undefined);
    return given.map((part) => fileOf(this.#options[part]) ?? `tls.${part}`).join(', ');
  }
}

/** undefined: it is PEM, or nothing. */
function fileOf(given: string | Uint8Array | undefined): string | undefined {
  return typeof given === 'string' && !given.includes('-----BEGIN') ? given : undefined;
}

async function appearanceOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(file);
    return [dev, ino, size, mtimeMs, ctimeMs].join('/');
  } catch (error) {
    return textOf(error);
  }
}

function invalid(message: string): CasheError {
  return new CasheError('INVALID_ARGUMENT', message, { outcome: 'notCommitted' });
}

/** Node's own errors need not be instances of this realm's Error. */
function textOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) {
    return String(error.message);
  }
  return String(error);
}
