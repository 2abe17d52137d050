/** The callers of a run: SDK clients and unary clients that work on the same keys. */
import { type Cashe, connect } from '@cashe/client';
import { SeededRandom } from '@cashe/simulator';
import { nextPlan, type Planner, probeOf, ValueNames } from './plan.js';
import type { Recorder } from './recorder.js';
import { callSdk, sdkTimeoutMs } from './sdk-caller.js';
import { UnaryCaller } from './unary-caller.js';

const sdkClients = 3;
const callersPerSdkClient = 6;
const unaryCallersPerNode = 2;
const unaryTimeoutMs = 2_000;
const thinkMsMax = 30;
/** Reads that do not wait for earlier ones: a deposed leader that wakes up finds fresh ones. */
const probeEveryMs = 25;
const probesInFlightMax = 32;
const probeTimeoutMs = 500;

export class Workload {
  readonly #recorder: Recorder;
  readonly #random: SeededRandom;
  readonly #values: ValueNames = new ValueNames();
  readonly #sdks: Cashe[] = [];
  readonly #unaries: UnaryCaller[] = [];
  readonly #probers: UnaryCaller[] = [];
  #lanes: Promise<void>[] = [];
  #startMs = 0;
  #isStopping = false;

  private constructor(recorder: Recorder, seed: number) {
    this.#recorder = recorder;
    this.#random = new SeededRandom(seed);
  }

  static async connect(
    endpoints: readonly string[],
    recorder: Recorder,
    seed: number,
  ): Promise<Workload> {
    const workload = new Workload(recorder, seed);
    for (let at = 0; at < sdkClients; at += 1) {
      workload.#sdks.push(await connect({ endpoints, timeoutMs: sdkTimeoutMs }));
    }
    for (const address of endpoints) {
      for (let at = 0; at < unaryCallersPerNode; at += 1) {
        workload.#unaries.push(new UnaryCaller(address, unaryTimeoutMs));
      }
      workload.#probers.push(new UnaryCaller(address, probeTimeoutMs));
    }
    return workload;
  }

  start(): void {
    this.#startMs = performance.now();
    for (const [at, cashe] of this.#sdks.entries()) {
      for (let caller = 0; caller < callersPerSdkClient; caller += 1) {
        const planner = this.#planner(`s${at}-${caller}`, true);
        this.#lanes.push(
          this.#lane(planner.random.fork(), () =>
            callSdk(cashe, this.#recorder, nextPlan(planner, this.#elapsedMs())),
          ),
        );
      }
    }
    for (const [at, unary] of this.#unaries.entries()) {
      const planner = this.#planner(`u${at}`, false);
      this.#lanes.push(
        this.#lane(planner.random.fork(), async () => {
          const plan = nextPlan(planner, this.#elapsedMs());
          if (plan.kind === 'one') await unary.call(this.#recorder, plan.call);
        }),
      );
    }
    this.#startProbes();
  }

  #startProbes(): void {
    for (const [at, prober] of this.#probers.entries()) {
      const planner = this.#planner(`p${at}`, false);
      this.#lanes.push(this.#probe(planner, prober));
    }
  }

  /** Resolves when the calls under way are settled. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#lanes);
    this.#lanes = [];
  }

  async close(): Promise<void> {
    await this.stop();
    for (const unary of [...this.#unaries, ...this.#probers]) unary.close();
    await Promise.all(this.#sdks.map((cashe) => cashe.close()));
  }

  #planner(client: string, hasMany: boolean): Planner {
    return { client, random: this.#random.fork(), values: this.#values, hasMany };
  }

  #elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  async #probe(planner: Planner, prober: UnaryCaller): Promise<void> {
    const underWay = new Set<Promise<unknown>>();
    while (!this.#isStopping && this.#recorder.hasRoom) {
      if (underWay.size < probesInFlightMax) {
        const read = prober.call(this.#recorder, probeOf(planner, this.#elapsedMs()));
        const done = read.finally(() => underWay.delete(done));
        underWay.add(done);
      }
      await new Promise((resolve) => setTimeout(resolve, probeEveryMs));
    }
    await Promise.all(underWay);
  }

  /** Pauses between calls: the point is the order of calls, not their number. */
  async #lane(random: SeededRandom, call: () => Promise<void>): Promise<void> {
    while (!this.#isStopping && this.#recorder.hasRoom) {
      try {
        await call();
      } catch (error) {
        this.#recorder.surprise(`a caller failed: ${(error as Error).stack}`);
      }
      await new Promise((resolve) => setTimeout(resolve, random.between(0, thinkMsMax)));
    }
  }
}
