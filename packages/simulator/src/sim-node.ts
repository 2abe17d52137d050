/**
 * One node: the real host, replicas, raft core, store and log over the doubled doors. A crash ends
 * its process at any event; a pause stops it as SIGSTOP does.
 */
import { crc32 } from 'node:zlib';
import type { Scheduler as ClientScheduler } from '@cashe/client/core';
import { type Clock, Cluster, type Logger, NodeCalls, type Scheduler } from '@cashe/server/host';
import {
  completed,
  configurationCodec,
  openSnapshotStore,
  openWal,
  type SharedLoad,
} from '@cashe/server/simulation';
import { SimulationFailure } from './failure.js';
import { MemoryDisk } from './memory-disk.js';
import type { SeededRandom } from './random.js';
import { SimTransport } from './sim-transport.js';
import type { Replica, SimulatedNode } from './simulated-node.js';
import type { Timer } from './virtual-time.js';
import type { World } from './world.js';

const WALL_START_MS = 1_700_000_000_000;
/** One pass of the event loop takes this long, so that nothing spins at one point of time. */
const LOOP_MS = 0.01;

export class SimNode implements SimulatedNode {
  readonly index: number;
  readonly nodeId: string;
  readonly world: World;
  readonly random: SeededRandom;
  readonly load: SharedLoad = { bytes: 0 };
  wallOffsetMs = 0;
  slowSyncMs = 0;
  generation = 0;
  isBooting = false;
  calls: NodeCalls | undefined;
  cluster: Cluster | undefined;
  #disk: MemoryDisk = new MemoryDisk();
  #onEnd: (() => void)[] = [];
  /** What a stopped process finds when it goes on; undefined: it runs. */
  #stopped: (() => void)[] | undefined;

  constructor(world: World, index: number) {
    this.world = world;
    this.index = index;
    this.nodeId = `n${index}`;
    this.random = world.random.fork();
  }

  get replicaId(): number {
    return this.index + 1;
  }

  get replica(): Replica | undefined {
    return this.cluster?.host.replicas.get(0);
  }

  get isUp(): boolean {
    return this.cluster !== undefined;
  }

  start(): void {
    if (this.isBooting || this.isUp) return;
    this.generation += 1;
    this.isBooting = true;
    const alive = this.alive();
    this.#disk.schedule = (sync, run) => {
      const { diskMs, syncMs } = this.world.swarm;
      const ms = sync ? syncMs * this.random.between(0.5, 1.5) + this.slowSyncMs : diskMs;
      this.world.time.after(ms, () => this.enter(() => alive() && run()));
    };
    this.#boot(alive).catch((error: unknown) => {
      if (alive()) this.#fatal(error as Error);
    });
  }

  async #boot(alive: () => boolean): Promise<void> {
    const { world } = this;
    const clock = this.#clock();
    const scheduler = this.#scheduler(alive);
    const random = (bytes: number): Uint8Array => this.random.bytes(bytes);
    const { segmentBytes, blockBytesMax, walBytesMax } = world.swarm;
    const wal = await openWal({
      parent: this.#disk.root,
      environment: { clock, scheduler, random },
      mustExist: false,
      segmentBytes,
      blockBytesMax,
      walBytesMax,
    });
    const snapshots = await openSnapshotStore(this.#disk.root, random);
    if (wal.groupLog(0) === undefined) {
      await completed((done) => wal.append([world.firstRecords(this.replicaId)], done));
    }
    const calls = new NodeCalls({ clock, scheduler, crc32: (bytes) => crc32(bytes), status });
    const cluster = await Cluster.load(world.identityOf(this), {
      config: world.swarm.hostConfig,
      clock,
      scheduler,
      log: this.#logger(),
      wal,
      snapshots,
      transport: new SimTransport(this, world, alive),
      configurationCodec,
      calls,
      random: () => this.random.fraction(),
      fatal: (error) => this.#fatal(error),
      onRemoved: () => this.#fatal(new Error('removed, though nobody asked for it')),
    });
    if (!alive()) return;
    this.isBooting = false;
    this.calls = calls;
    this.cluster = cluster;
    world.trace(() => `${this.nodeId} runs, applied ${this.replica?.store.appliedIndex}`);
    cluster.start();
  }

  pause(): void {
    this.#stopped ??= [];
  }

  resume(): void {
    const waiting = this.#stopped ?? [];
    this.#stopped = undefined;
    for (const run of waiting) this.world.time.after(0, () => this.enter(run));
  }

  enter(run: () => void): void {
    if (this.#stopped === undefined) run();
    else this.#stopped.push(run);
  }

  crash(survives: () => boolean): void {
    this.cluster?.host.stop();
    this.cluster = undefined;
    this.calls = undefined;
    this.isBooting = false;
    this.#stopped = undefined;
    this.load.bytes = 0;
    this.generation += 1;
    this.#disk = this.#disk.crash(survives);
    const ended = this.#onEnd;
    this.#onEnd = [];
    for (const run of ended) run();
  }

  onceEnded(run: () => void): void {
    this.#onEnd.push(run);
  }

  alive(): () => boolean {
    const { generation } = this;
    return () => generation === this.generation;
  }

  clientScheduler(): ClientScheduler {
    const scheduler = this.#scheduler(this.alive());
    return {
      defer: (run) => scheduler.defer(run),
      schedule: (ms, run) => scheduler.after(ms, run),
      cancel: (timer) => (timer as Timer).cancel(),
    };
  }

  #fatal(error: Error): void {
    const text = `${this.nodeId} stopped: ${error.message}`;
    this.world.fail(new SimulationFailure('crash', text, error));
  }

  #clock(): Clock {
    const { time } = this.world;
    const offsetMs = WALL_START_MS + this.wallOffsetMs;
    return { nowMs: () => time.nowMs, wallMs: () => offsetMs + time.nowMs };
  }

  #scheduler(alive: () => boolean): Scheduler {
    const { time } = this.world;
    const when = (run: () => void) => () => {
      this.enter(() => {
        if (alive()) run();
      });
    };
    return {
      defer: (run) => void time.after(LOOP_MS, when(run)),
      after: (ms, run) => time.after(ms, when(run)),
      every: (ms, run) => {
        let isOver = false;
        const again = (): void => {
          if (isOver) return;
          time.after(ms, when(again));
          run();
        };
        time.after(ms, when(again));
        return {
          cancel: () => {
            isOver = true;
          },
        };
      },
    };
  }

  #logger(): Logger {
    const write =
      (level: string) =>
      (message: string, fields?: Readonly<Record<string, unknown>>): void =>
        this.world.trace(
          () => `${this.nodeId} ${level} ${message} ${JSON.stringify(fields ?? {})}`,
        );
    const ignore = (): void => undefined;
    return { error: write('error'), warn: write('warn'), info: write('info'), debug: ignore };
  }
}

function status(): never {
  throw new Error('no surface here asks for the status');
}
