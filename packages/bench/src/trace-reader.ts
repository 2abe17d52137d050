/** Reads an access trace, one key a line, plain or gzip, chunk by chunk. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip } from 'node:zlib';

/** The file cannot be read as a trace; the message says why and where. */
class TraceError extends Error {
  override readonly name: string = 'TraceError';
}

const keyBytesMax = 1_024;

/** The keys in order. Blank lines are none; a line ends at `\n` or `\r\n`. */
export async function* readTrace(file: string): AsyncGenerator<string, void> {
  const lines = new LineCutter(file);
  try {
    for await (const chunk of await openTrace(file)) {
      yield* lines.push(chunk as Uint8Array);
    }
    yield* lines.end();
  } catch (error) {
    if (error instanceof TraceError) throw error;
    throw new TraceError(`${file}: ${reason(error)}`);
  }
}

async function openTrace(file: string): Promise<Readable> {
  const handle = await open(file);
  const magic = new Uint8Array(2);
  try {
    await handle.read(magic, 0, 2, 0);
  } finally {
    await handle.close();
  }
  const stream = createReadStream(file);
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return stream;
  // Whoever iterates sees the error of either stream; nothing is left for a callback to do.
  return pipeline(stream, createGunzip(), () => {});
}

function reason(error: unknown): string {
  // By its fields: an error of another realm is no instance of this one's Error.
  const { code, message } = error as Partial<NodeJS.ErrnoException>;
  if (code === 'Z_BUF_ERROR') return 'the gzip data ends too early';
  if (code?.startsWith('Z_')) return `the gzip data is damaged (${message})`;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'this is a directory';
  return message ?? String(error);
}

/** Bytes in, lines out. */
class LineCutter {
  readonly #file: string;
  readonly #decoder: TextDecoder = new TextDecoder('utf-8', { fatal: true });
  #rest = '';
  #line = 0;

  constructor(file: string) {
    this.#file = file;
  }

  *push(chunk: Uint8Array): Generator<string, void> {
    yield* this.#cut(this.#decode(chunk, true));
  }

  /** What is left is a line too. */
  *end(): Generator<string, void> {
    yield* this.#cut(`${this.#decode(new Uint8Array(0), false)}\n`);
  }

  *#cut(text: string): Generator<string, void> {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      this.#line += 1;
      const key = line.endsWith('\r') ? line.slice(0, -1) : line;
      this.#check(key);
      if (key !== '') yield key;
    }
    // A file without line ends must not be collected whole.
    if (this.#rest.length > keyBytesMax + 1) throw this.#error(this.#line + 1, tooLong);
  }

  #decode(chunk: Uint8Array, stream: boolean): string {
    try {
      return this.#decoder.decode(chunk, { stream });
    } catch {
      throw this.#error(this.#line + 1, 'from here on not UTF-8 text');
    }
  }

  #check(key: string): void {
    // A UTF-16 unit is at most 3 bytes.
    if (key.length * 3 <= keyBytesMax || Buffer.byteLength(key) <= keyBytesMax) return;
    throw this.#error(this.#line, tooLong);
  }

  #error(line: number, what: string): TraceError {
    return new TraceError(`${this.#file}:${line}: ${what}`);
  }
}

const tooLong = `a key has at most ${keyBytesMax} bytes`;
