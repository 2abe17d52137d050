/**
 * A client that makes unary calls as any gRPC client does: to one node per call, each at most once.
 * The node runs them in a session of its own, as the real service does (R30).
 */
import { type Core, coreDefaults, createCore } from '@cashe/client/core';
import { defaultApiLimits, localConnector } from '@cashe/server/simulation';
import type { CallRecord, CallSpec } from './call-record.js';
import { opOf, RecordingCaller, type RunClient } from './client.js';
import { UNARY } from './principals.js';
import { Recorder, type Settled } from './recorder.js';
import type { SimulatedNode } from './simulated-node.js';
import { Workload } from './workload.js';
import type { World } from './world.js';

/** What a node keeps of a caller's deadline for the way back. */
const MARGIN = 0.9;

/** The sessions of the nodes that unary calls run in: one per process. */
export class UnaryFronts {
  readonly #world: World;
  readonly #cores: Map<string, Core> = new Map();

  constructor(world: World) {
    this.#world = world;
  }

  /** Undefined while the node does not run. */
  coreOf(node: SimulatedNode): Core | undefined {
    const { calls } = node;
    if (calls?.hello() === undefined) return undefined;
    const process = `${node.nodeId}/${node.generation}`;
    const known = this.#cores.get(process);
    if (known !== undefined) return known;
    const { time } = this.#world;
    const random = this.#world.random.fork();
    const scheduler = node.clientScheduler();
    const connector = localConnector({
      calls,
      principal: UNARY,
      limits: defaultApiLimits,
      load: node.load,
      scheduler,
    });
    const core = createCore(
      {
        clock: { nowMs: () => time.nowMs },
        scheduler,
        random: { bytes8: () => random.bytes(8), fraction: () => random.fraction() },
        connector,
      },
      {
        ...coreDefaults,
        endpoints: ['this node'],
        clientName: 'unary calls',
        linksMax: 1,
        silenceMs: defaultApiLimits.batchDeadlineMsMax * 2,
        silenceMaxMs: defaultApiLimits.batchDeadlineMsMax * 2,
      },
    );
    this.#cores.set(process, core);
    return core;
  }
}

export class UnaryClient implements RunClient {
  readonly name: string;
  readonly #world: World;
  readonly #fronts: UnaryFronts;
  readonly #recorder: Recorder;
  readonly #workload: Workload;
  readonly #node: () => SimulatedNode;

  /** `node` says where the next call goes. */
  constructor(world: World, name: string, fronts: UnaryFronts, node: () => SimulatedNode) {
    this.#world = world;
    this.name = name;
    this.#fronts = fronts;
    this.#node = node;
    this.#recorder = new Recorder(world, name);
    this.#workload = new Workload(world, this);
  }

  get openCalls(): number {
    return this.#recorder.openCalls;
  }

  get records(): readonly CallRecord[] {
    return this.#recorder.records;
  }

  startWorkload(): void {
    this.#workload.start(this.#world.swarm.callersPerClient);
  }

  stopWorkload(): void {
    this.#workload.stop();
  }

  call(
    specs: readonly CallSpec[],
    waitMs: number,
    onDone: (records: readonly CallRecord[]) => void,
  ): void {
    const { network, time } = this.#world;
    const node = this.#node();
    const caller = new RecordingCaller(this.#recorder, specs, waitMs, onDone);
    const answers = new Answers(caller);
    time.after(waitMs, () => answers.giveUp());
    if (network.isCut(this.name, node.nodeId)) return;
    const alive = node.alive();
    time.after(network.latencyMs(), () => {
      if (alive()) node.enter(() => alive() && this.#execute(node, caller, waitMs, answers));
    });
  }

  #execute(node: SimulatedNode, caller: RecordingCaller, waitMs: number, answers: Answers): void {
    const { network, time } = this.#world;
    const back = (at: number, settled: Settled): void => {
      if (network.isCut(node.nodeId, this.name)) return;
      time.after(network.latencyMs(), () => answers.take(at, settled));
    };
    const core = this.#fronts.coreOf(node);
    if (core === undefined) {
      const refused = { outcome: 'notCommitted', code: 'UNAVAILABLE' } as const;
      for (const at of caller.records.keys()) back(at, refused);
      return;
    }
    const { isStale } = caller;
    const serving = {
      deadlineMs: time.nowMs + waitMs * MARGIN,
      isStale,
      onWritten: (at: number, revision: number, found: boolean): void =>
        back(at, { outcome: 'committed', revision, found }),
      onRead: (at: number, result: Parameters<RecordingCaller['onRead']>[1]): void => {
        const { found, revision, version } = result;
        const readValue = new TextDecoder().decode(result.value);
        back(at, { outcome: 'committed', found, revision, version, readValue });
      },
      onFailed: (at: number, error: Parameters<RecordingCaller['onFailed']>[1]): void =>
        back(at, { outcome: error.outcome, code: error.code, readValue: error.message }),
    };
    for (const [at, record] of caller.records.entries()) core.submit(serving, opOf(record), at);
  }
}

/** What has come back of one call; the rest is unknown once its time is over. */
class Answers {
  readonly #caller: RecordingCaller;
  readonly #settled: Set<number> = new Set();

  constructor(caller: RecordingCaller) {
    this.#caller = caller;
  }

  take(at: number, settled: Settled): void {
    if (this.#settled.has(at)) return;
    this.#settled.add(at);
    this.#caller.settle(at, settled);
  }

  giveUp(): void {
    for (const [at, { kind }] of this.#caller.records.entries()) {
      const isRead = kind === 'get' || kind === 'has';
      const outcome = isRead ? 'notCommitted' : 'unknown';
      this.take(at, { outcome, code: 'DEADLINE_EXCEEDED' });
    }
  }
}
