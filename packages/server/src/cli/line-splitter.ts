import { StringDecoder } from 'node:string_decoder';

/** Cuts a byte stream into lines; a line beyond the bound is cut there. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #lineCharactersMax: number;
  readonly #decoder: StringDecoder = new StringDecoder('utf8');
  #rest = '';

  constructor(onLine: (line: string) => void, lineCharactersMax = 16_384) {
    this.#onLine = onLine;
    this.#lineCharactersMax = lineCharactersMax;
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.write(Buffer.from(chunk))).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
    while (this.#rest.length > this.#lineCharactersMax) {
      this.#onLine(this.#rest.slice(0, this.#lineCharactersMax));
      this.#rest = this.#rest.slice(this.#lineCharactersMax);
    }
  }

  /** The stream ended: what is left is a line too. */
  end(): void {
    if (this.#rest !== '') this.#onLine(this.#rest);
    this.#rest = '';
  }
}
