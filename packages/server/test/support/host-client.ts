/** A client without an SDK: opens a session and sends batches with whatever numbers it likes. */
import {
  Code,
  Consistency,
  type Op,
  OpsEncoder,
  opFor,
  type ReadAnswer,
  type WriteAnswer,
} from '@cashe/codec';
import type { HostCluster } from './host-cluster.js';
import type { SimNode } from './sim-node.js';

const REMAINING_MS = 5_000;

export class HostClient {
  readonly #sim: HostCluster;
  session = 0;
  sequence = 0;

  constructor(sim: HostCluster) {
    this.#sim = sim;
  }

  async open(node: SimNode): Promise<void> {
    const request = { kind: 'open', transmission: 1, group: 0, remainingMs: REMAINING_MS } as const;
    const answer = await this.wait<{ code: Code; session: number }>((done) =>
      node.calls?.open(request, 'anonymous', done),
    );
    if (answer.code !== Code.OK) throw new Error(`no session: ${answer.code}`);
    this.session = answer.session;
  }

  /** Numbered anew unless `sequence` says otherwise. */
  write(
    node: SimNode,
    ops: readonly Op[],
    over: { sequence?: number; firstOutstanding?: number } = {},
  ): Promise<WriteAnswer> {
    return this.wait((done) => this.send(node, ops, done, over));
  }

  send(
    node: SimNode,
    ops: readonly Op[],
    done: (answer: WriteAnswer) => void,
    over: { sequence?: number; firstOutstanding?: number } = {},
  ): void {
    const sequence = over.sequence ?? this.sequence + 1;
    this.sequence = Math.max(this.sequence, sequence);
    const encoder = new OpsEncoder();
    for (const op of ops) encoder.add(op);
    const batch = {
      kind: 'write',
      transmission: 7,
      group: 0,
      session: this.session,
      sequence,
      firstOutstanding: over.firstOutstanding ?? sequence,
      remainingMs: REMAINING_MS,
      ops: encoder.finish(new Uint8Array(8).fill(sequence)),
    } as const;
    node.calls?.write(batch, 'anonymous', done);
  }

  read(
    node: SimNode,
    keys: readonly string[],
    over: { consistency?: Consistency; afterSequence?: number } = {},
  ): Promise<ReadAnswer> {
    return this.wait((done) => this.sendRead(node, keys, done, over));
  }

  sendRead(
    node: SimNode,
    keys: readonly string[],
    done: (answer: ReadAnswer) => void,
    over: { consistency?: Consistency; afterSequence?: number } = {},
  ): void {
    const encoder = new OpsEncoder();
    for (const key of keys) encoder.add(opFor.get(key));
    const batch = {
      kind: 'read',
      transmission: 8,
      group: 0,
      session: this.session,
      afterSequence: over.afterSequence ?? 0,
      consistency: over.consistency ?? Consistency.LINEARIZABLE,
      remainingMs: REMAINING_MS,
      ops: encoder.finish(undefined),
    } as const;
    node.calls?.read(batch, 'anonymous', done);
  }

  async text(node: SimNode, key: string): Promise<string | undefined> {
    const answer = await this.read(node, [key]);
    if (answer.code !== Code.OK) throw new Error(`not read: ${answer.code}`);
    const result = answer.results[0];
    return result?.found === true ? Buffer.from(result.value).toString() : undefined;
  }

  /** Runs virtual time until the answer is there. */
  async wait<Answer>(start: (done: (answer: Answer) => void) => void): Promise<Answer> {
    const box: { answer?: Answer } = {};
    start((answer) => {
      box.answer = answer;
    });
    await this.#sim.time.until(() => 'answer' in box, 20_000, 'an answer');
    return box.answer as Answer;
  }
}

export function set(key: string, text: string, ttlMs = 0): Op {
  return opFor.set(key, Buffer.from(text), ttlMs, false);
}
