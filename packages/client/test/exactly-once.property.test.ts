// Goal: whatever the network and the nodes do short of lying, each op is applied at most once, an
// acknowledged one exactly once, one reported as not committed never; ops are applied in call
// order, a read sees the writes called before it, and every op settles by its deadline.
// Method: random disturbances from a seed against a model of R14's sessions, then a healed cluster.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Chaos } from './support/chaos.js';
import { Harness, type Recorder } from './support/harness.js';
import { ModelGroup } from './support/model-group.js';
import { SeededRandom } from './support/virtual-time.js';

const window = 4;
const sweepMs = 10;

interface Done {
  readonly kind: 'set' | 'get';
  readonly key: string;
  readonly recorder: Recorder;
}

class Run {
  readonly harness = new Harness();
  readonly group = new ModelGroup(window);
  readonly ops: Done[] = [];
  readonly #random: SeededRandom;
  readonly #chaos: Chaos;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    const grants = { batchesMax: 500, bytesMax: 8 * 1024 * 1024 };
    const nodes = ['n1', 'n2', 'n3'].map((id) => this.harness.net.add(id, grants));
    this.#chaos = new Chaos(this.harness, nodes, this.group, this.#random);
    this.harness.start(nodes.map(({ address }) => address));
  }

  disturbed(turns: number): void {
    for (let turn = 0; turn < turns; turn++) {
      for (let count = this.#random.below(5); count > 0; count--) this.#submit();
      if (this.#random.below(5) === 0) this.#chaos.disturb();
      if (this.#random.below(20) === 0) this.#abortOne();
      this.harness.time.advance(this.#random.below(30));
    }
  }

  healed(): void {
    this.#chaos.heal();
    this.harness.time.advance(20_000);
    this.#submit();
    this.harness.time.advance(1_000);
  }

  #submit(): void {
    const key = `k${this.#random.below(3)}`;
    const waitMs = [50, 500, 2_000, 10_000][this.#random.below(4)]!;
    const kind = this.#random.below(3) === 0 ? 'get' : 'set';
    const number = this.ops.length;
    const recorder =
      kind === 'get'
        ? this.harness.get(key, { waitMs })
        : this.harness.set(key, String(number), { waitMs });
    this.ops.push({ kind, key, recorder });
  }

  #abortOne(): void {
    const op = this.ops[this.#random.below(this.ops.length)];
    if (op?.recorder.call !== undefined) this.harness.core.abort(op.recorder.call, 'stop');
  }
}

/** What breaks the promise, as text; empty when all is well. */
function violations({ ops, group }: Run): string[] {
  const found: string[] = [];
  const applied = group.applied.map(({ value }) => Number(value));
  for (let at = 1; at < applied.length; at++) {
    if (applied[at]! <= applied[at - 1]!) found.push(`${applied[at]} after ${applied[at - 1]}`);
  }
  const times = new Map<number, number>();
  for (const number of applied) times.set(number, (times.get(number) ?? 0) + 1);
  for (const [number, { kind, key, recorder }] of ops.entries()) {
    const { summary } = recorder;
    const describe = `${number} ${kind} ${key}: ${summary}`;
    const count = times.get(number) ?? 0;
    if (recorder.settled.length !== 1) found.push(`${describe}, ${recorder.settled.length} times`);
    if (recorder.settledAtMs > recorder.deadlineMs + sweepMs) found.push(`${describe}, late`);
    if (count > 1) found.push(`${describe}, applied ${count} times`);
    if (summary.startsWith('written') && count !== 1) found.push(`${describe}, not applied`);
    if (summary.endsWith('notCommitted') && count !== 0) found.push(`${describe}, applied`);
    if (kind === 'get') found.push(...staleRead(ops, number, describe));
  }
  return found;
}

/** The last acknowledged write of the key called before the read must be seen, or a later one. */
function staleRead(ops: readonly Done[], number: number, describe: string): string[] {
  const { key, recorder } = ops[number]!;
  const { summary } = recorder;
  if (summary !== 'miss' && !summary.startsWith('read')) return [];
  const seen = summary === 'miss' ? -1 : Number(summary.slice('read '.length));
  const earlier = ops
    .slice(0, number)
    .findLastIndex(
      (op) => op.kind === 'set' && op.key === key && op.recorder.summary.startsWith('written'),
    );
  return earlier > seen ? [`${describe}, but ${earlier} was written before`] : [];
}

describe('a client of a bad network (R14, R31)', () => {
  it('applies each op at most once, in order, and settles each in time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
        const run = new Run(seed);
        run.disturbed(150);
        run.healed();
        expect(violations(run)).toEqual([]);
        expect(run.ops.at(-1)?.recorder.settled[0]?.kind).not.toBe('failed');
        expect(run.harness.core.status()).toMatchObject({ openOps: 0, waitingOps: 0 });
        expect(run.harness.time.timerCount).toBe(0);
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});
