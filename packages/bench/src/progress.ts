/** What a long run says: on a terminal one line that is rewritten, elsewhere a line at times. */
interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const terminalMs = 200;
const otherMs = 10_000;

export class Progress {
  readonly #stream: ProgressStream;
  readonly #nowMs: () => number;
  #shownAtMs: number;
  #isOnLine = false;

  constructor(stream: ProgressStream, nowMs: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#nowMs = nowMs;
    this.#shownAtMs = nowMs();
  }

  /** Cheap when it is not yet time; only then is the text made. */
  update(text: () => string): void {
    const nowMs = this.#nowMs();
    const isTerminal = this.#stream.isTTY === true;
    if (nowMs - this.#shownAtMs < (isTerminal ? terminalMs : otherMs)) return;
    this.#shownAtMs = nowMs;
    this.#isOnLine = isTerminal;
    this.#stream.write(isTerminal ? `\r\x1b[K${text()}` : `${text()}\n`);
  }

  /** Leaves nothing of it on a terminal. */
  end(): void {
    if (this.#isOnLine) this.#stream.write('\r\x1b[K');
    this.#isOnLine = false;
  }
}
