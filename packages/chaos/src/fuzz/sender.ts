/** Sends the inputs of a range of indexes, many at a time, and keeps what was wrong. */
import { GrpcPort } from './grpc-port.js';
import { sendBytes } from './raw-port.js';
import { type FuzzInput, inputOf, type Target } from './targets.js';
import { nameOfEnd, problemOfBytes, problemOfCall } from './verdict.js';

export interface Finding {
  readonly index: number;
  readonly target: string;
  readonly what: string;
  readonly problem: string;
}

interface SenderOptions {
  readonly seed: number;
  readonly targets: readonly Target[];
  /** Inputs under way at a time. */
  readonly lanes: number;
}

const findingsMax = 50;
/** What a node got last, when it ends: one of these did it. */
const recentMax = 300;

export class Sender {
  /** How inputs ended: how often each way. */
  readonly ends: Map<string, number> = new Map();
  readonly findings: Finding[] = [];
  /** Latest last, with those under way. */
  readonly recent: { readonly index: number; readonly target: string }[] = [];
  readonly #options: SenderOptions;
  readonly #ports: ReadonlyMap<Target, GrpcPort>;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#ports = new Map(
      options.targets.map((target) => [target, new GrpcPort(target.address, target.tls)]),
    );
  }

  /** Sends `count` inputs from index `from`; calls back after each thousand. */
  async send(from: number, count: number, onThousand: (sent: number) => void): Promise<void> {
    let next = from;
    let sent = 0;
    const lane = async (): Promise<void> => {
      while (next < from + count) {
        const index = next;
        next += 1;
        await this.#sendOne(index);
        sent += 1;
        if (sent % 1_000 === 0) onThousand(sent);
      }
    };
    await Promise.all(Array.from({ length: this.#options.lanes }, lane));
  }

  close(): void {
    for (const port of this.#ports.values()) port.close();
  }

  async #sendOne(index: number): Promise<void> {
    const { seed, targets } = this.#options;
    const one = inputOf(seed, index, targets);
    const { target, input } = one;
    this.recent.push({ index, target: target.name });
    if (this.recent.length > recentMax) this.recent.shift();
    if (input.kind === 'bytes') {
      const end = await sendBytes(target.address, one.isBare ? undefined : target.tls, input);
      this.#count(`connection closed by ${end.closedBy}`);
      this.#judge(index, one, problemOfBytes(end));
    } else {
      const end = await (this.#ports.get(target) as GrpcPort).send(input);
      this.#count(nameOfEnd(end));
      this.#judge(index, one, problemOfCall(end));
    }
  }

  #count(name: string): void {
    this.ends.set(name, (this.ends.get(name) ?? 0) + 1);
  }

  #judge(index: number, { target, input }: FuzzInput, problem: string | undefined): void {
    if (problem === undefined || this.findings.length >= findingsMax) return;
    const what = input.kind === 'call' ? input.path : 'bytes';
    this.findings.push({ index, target: target.name, what, problem });
  }
}
