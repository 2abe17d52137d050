/**
 * A client that wants nothing special, and says so when it does not get it: each of its keys has
 * one writer, so what a linearizable read may return is known (a register with a single writer).
 */
import { type Cashe, type ConnectOptions, connect } from '@cashe/client';

export interface CanaryFigures {
  readonly writes: number;
  readonly reads: number;
  readonly slowestMs: number;
  readonly problems: readonly string[];
}

const laneCount = 8;
const pauseMs = 25;
const problemsMax = 20;
/** What counts is that calls are answered; how long that takes on a busy machine is reported. */
const timeoutMs = 20_000;

export class Canary {
  readonly #writer: Cashe<'string'>;
  readonly #reader: Cashe<'string'>;
  readonly #written: number[] = new Array<number>(laneCount).fill(0);
  readonly #problems: string[] = [];
  #writes = 0;
  #reads = 0;
  #slowestMs = 0;
  #isStopping = false;
  #lanes: Promise<unknown> = Promise.resolve();

  private constructor(writer: Cashe<'string'>, reader: Cashe<'string'>) {
    this.#writer = writer;
    this.#reader = reader;
  }

  /** Writes through one node and reads through another where there are several. */
  static async connect(options: ConnectOptions, endpoints: readonly string[]): Promise<Canary> {
    const all = { ...options, values: 'string', timeoutMs } as const;
    const writer = await connect({ ...all, endpoints: endpoints.slice(0, 1) });
    const reader = await connect({ ...all, endpoints: endpoints.slice(-1) });
    return new Canary(writer, reader);
  }

  run(): void {
    const lanes = Array.from({ length: laneCount }, (_, lane) => this.#runLane(lane));
    this.#lanes = Promise.all(lanes);
  }

  get writes(): number {
    return this.#writes;
  }

  /** Ends the lanes and reads every key once more. */
  async finish(): Promise<CanaryFigures> {
    this.#isStopping = true;
    await this.#lanes;
    await Promise.all(this.#written.map((last, lane) => this.#mustRead(lane, last, last)));
    await Promise.all([this.#writer.close(), this.#reader.close()]);
    return {
      writes: this.#writes,
      reads: this.#reads,
      slowestMs: Math.round(this.#slowestMs),
      problems: this.#problems,
    };
  }

  async #runLane(lane: number): Promise<void> {
    while (!this.#isStopping) {
      const before = this.#written[lane] ?? 0;
      const next = before + 1;
      const write = this.#timed(`write ${next}`, async () => {
        await this.#writer.set(keyOf(lane), String(next));
        this.#writes += 1;
      });
      // While the write is under way either value is right; after it only the new one is.
      await Promise.all([write, this.#mustRead(lane, before, next)]);
      this.#written[lane] = next;
      await this.#mustRead(lane, next, next);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async #mustRead(lane: number, min: number, max: number): Promise<void> {
    await this.#timed(`read of ${min} to ${max}`, async () => {
      const found = Number((await this.#reader.get(keyOf(lane))) ?? 0);
      this.#reads += 1;
      if (found < min || found > max) this.#problem(`${keyOf(lane)}: ${found}, not ${min}..${max}`);
    });
  }

  async #timed(what: string, run: () => Promise<void>): Promise<void> {
    const startMs = performance.now();
    try {
      await run();
    } catch (error) {
      this.#problem(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startMs);
  }

  #problem(text: string): void {
    if (this.#problems.length < problemsMax) this.#problems.push(text);
  }
}

function keyOf(lane: number): string {
  return `canary/${lane}`;
}
