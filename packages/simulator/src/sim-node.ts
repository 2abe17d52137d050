/**
 * One node: the real host, replicas, raft core, store, log and data directory over the doubled
 * doors, from its first start on a blank disk. A crash ends its process at any event; a pause stops
 * it as SIGSTOP does.
 */
import { crc32 } from 'node:zlib';
import type { Scheduler as ClientScheduler } from '@cashe/client/core';
import { FORMAT_VERSION } from '@cashe/codec';
import {
  type ApplyObserver,
  type Clock,
  Cluster,
  type Logger,
  NodeCalls,
  noAudit,
  type Scheduler,
  type TimerHandle,
} from '@cashe/server/host';
import {
  type Admission,
  type AdmissionContext,
  AdmissionError,
  admit,
  clusterIdentity,
  configurationCodec,
  existingAdmission,
  FoundedAnswers,
  type FoundHandler,
  foundersHash,
  keepRecordCurrent,
  type Pausing,
  type SharedLoad,
  Storage,
} from '@cashe/server/simulation';
import { type DamageKind, damage } from './damage.js';
import { DiskFaults } from './disk-faults.js';
import { SimulationFailure } from './failure.js';
import { MemoryDisk } from './memory-disk.js';
import { NodeClock } from './node-clock.js';
import type { SeededRandom } from './random.js';
import { CLOCK_DRIFT_MAX } from './reference/lease-check.js';
import { simAdmissionPorts } from './sim-admission.js';
import { openSimStorage } from './sim-storage.js';
import { SimTransport } from './sim-transport.js';
import type { Replica, SimulatedNode } from './simulated-node.js';
import type { Timer } from './virtual-time.js';
import type { World } from './world.js';

type AppliedArguments = ApplyObserver extends (group: number, ...rest: infer Rest) => void
  ? Rest
  : never;

const MONOTONIC_START_MS_MAX = 10_000_000;
/** One pass of the event loop takes this long, so that nothing spins at one point of time. */
const LOOP_MS = 0.01;

/** One process of the node. */
interface Process {
  readonly alive: () => boolean;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly storage: Storage;
}

export class SimNode implements SimulatedNode {
  readonly index: number;
  readonly nodeId: string;
  readonly world: World;
  readonly random: SeededRandom;
  readonly load: SharedLoad = { bytes: 0 };
  readonly clock: NodeClock;
  readonly diskFaults: DiskFaults;
  damagedBy: string | undefined;
  slowSyncMs = 0;
  generation = 0;
  isBooting = false;
  isRetired = false;
  isEnding = false;
  clusterId = '';
  replicaId = 0;
  nodeUid = '';
  founders: FoundHandler | undefined;
  joinThrough: string | undefined;
  rejoin = false;
  calls: NodeCalls | undefined;
  cluster: Cluster | undefined;
  #disk: MemoryDisk = new MemoryDisk();
  /** While the disk is damaged: what it was before. */
  #intact: MemoryDisk | undefined;
  #onEnd: (() => void)[] = [];
  /** What a stopped process finds when it goes on; undefined: it runs. */
  #stopped: (() => void)[] | undefined;

  constructor(world: World, index: number) {
    this.world = world;
    this.index = index;
    this.nodeId = `n${index}`;
    this.random = world.random.fork();
    this.clock = new NodeClock(world.time);
    this.diskFaults = new DiskFaults(this.random.fork());
  }

  get clientAddress(): string {
    return `${this.nodeId}:3000`;
  }

  get raftAddress(): string {
    return `${this.nodeId}:4000`;
  }

  get replica(): Replica | undefined {
    return this.cluster?.host.replicas.get(0);
  }

  get isUp(): boolean {
    return this.cluster !== undefined;
  }

  get isRunning(): boolean {
    return this.isBooting || this.isUp;
  }

  start(): void {
    if (this.isRunning) return;
    this.generation += 1;
    this.isBooting = true;
    const alive = this.alive();
    const startMs = this.random.between(0, MONOTONIC_START_MS_MAX);
    this.clock.restart(startMs, 1 + this.random.between(-CLOCK_DRIFT_MAX, CLOCK_DRIFT_MAX));
    this.#disk.faults = this.diskFaults;
    this.#disk.schedule = (sync, run) => {
      const { diskMs, syncMs } = this.world.swarm;
      const ms = sync ? syncMs * this.random.between(0.5, 1.5) + this.slowSyncMs : diskMs;
      this.world.time.after(ms, () => this.enter(() => alive() && run()));
    };
    this.#run(alive).catch((error: unknown) => {
      if (alive()) this.#end(error as Error);
    });
  }

  async #run(alive: () => boolean): Promise<void> {
    const process = await this.#open(alive);
    const { storage } = process;
    const { founders } = this.world;
    const options = {
      id: this.nodeId,
      dataDir: '/data',
      join: this.joinThrough,
      founders: founders.some(({ id }) => id === this.nodeId) ? founders : undefined,
      settings: {},
      rejoin: this.rejoin,
    };
    this.nodeUid = storage.nodeUid;
    this.isRetired = storage.removedIdentity() !== undefined;
    let admission = existingAdmission(options, storage);
    if (admission === undefined) {
      storage.prepareLog();
      const ports = simAdmissionPorts(this.world, this, alive);
      admission = await admit(options, this.#admissionContext(process), storage, ports);
    }
    if (admission === undefined || !alive()) return;
    await this.#startCluster(process, admission);
  }

  async #open(alive: () => boolean): Promise<Process> {
    const { clock } = this;
    const scheduler = this.#scheduler(alive);
    const random = (bytes: number): Uint8Array => this.random.bytes(bytes);
    const opened = await openSimStorage(this.#disk.root, { clock, scheduler, random });
    const { segmentBytes, blockBytesMax, walBytesMax } = this.world.swarm;
    const storage = new Storage(opened, { segmentBytes, blockBytesMax, walBytesMax });
    return { alive, clock, scheduler, storage };
  }

  #admissionContext(process: Process): AdmissionContext {
    const { nodeId, clientAddress, raftAddress } = this;
    const { nodeUid } = process.storage;
    return {
      ...{ nodeId, nodeUid, clientAddress, raftAddress, ...this.#pausing(process) },
      waitFor: (what) => this.world.trace(() => `${nodeId} waits for ${what}`),
    };
  }

  #pausing({ scheduler }: Process): Pausing {
    // A process here ends only by a crash, which leaves nothing to stop.
    const { signal } = new AbortController();
    return { scheduler, signal, random: () => this.random.fraction() };
  }

  async #startCluster(process: Process, admission: Admission): Promise<void> {
    const { alive, clock, scheduler, storage } = process;
    const { world } = this;
    const openLog = await storage.log(admission);
    const calls = new NodeCalls({ clock, scheduler, crc32: (bytes) => crc32(bytes), status });
    const cluster = await Cluster.load(clusterIdentity(admission, storage.nodeUid), {
      ...openLog,
      config: world.swarm.hostConfig,
      clock,
      scheduler,
      log: this.#logger(),
      transport: new SimTransport(this, world, admission.genesis.clusterId, alive),
      configurationCodec,
      calls,
      access: { tlsOn: true, audit: noAudit },
      random: () => this.random.fraction(),
      fatal: (error) => this.#fatal(error),
      onRemoved: () => this.#leave(cluster, storage, admission),
      onApplied: (group, entry, result, store) => {
        if (group === 0) this.#tellApplied(entry, result, store);
      },
    });
    if (!alive()) return;
    this.#refuteDamage(cluster);
    const { nodeId, nodeUid, clientAddress, raftAddress } = this;
    this.founders = new FoundedAnswers(
      nodeId,
      nodeUid,
      admission.genesis,
      foundersHash(world.founders, { settings: world.settings, access: world.access }),
    );
    this.isBooting = false;
    this.isRetired = false;
    this.clusterId = admission.genesis.clusterId;
    this.replicaId = admission.identity.replicaId;
    this.calls = calls;
    this.cluster = cluster;
    world.trace(() => `${nodeId} runs, applied ${this.replica?.store.appliedIndex}`);
    world.watch.restored(this);
    cluster.start();
    const addresses = { clientAddress, raftAddress };
    const identity = { nodeId, nodeUid, ...addresses, formatVersionMax: FORMAT_VERSION };
    keepRecordCurrent(calls, identity, this.#logger(), this.#pausing(process));
  }

  /** R26: what is being written gets written, then the tombstone, then the process ends. */
  #leave(cluster: Cluster, storage: Storage, { identity }: Admission): void {
    const alive = this.alive();
    const groups = [...cluster.host.replicas.keys()];
    cluster.host.stop();
    this.isBooting = true;
    this.cluster = undefined;
    this.calls = undefined;
    this.#tellEnd();
    cluster.host.commit.whenIdle(() => {
      storage.bury({ ...identity, members: cluster.members() }, groups).then(
        () => {
          if (!alive()) return;
          this.world.trace(() => `${this.nodeId} was removed and wrote its tombstone`);
          this.crash(() => true);
          this.isRetired = true;
        },
        (error: unknown) => {
          if (alive()) this.#fatal(error as Error);
        },
      );
    });
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
    this.isEnding = false;
    this.cluster?.host.stop();
    this.cluster = undefined;
    this.calls = undefined;
    this.isBooting = false;
    this.founders = undefined;
    this.clusterId = '';
    this.replicaId = 0;
    this.#stopped = undefined;
    this.load.bytes = 0;
    this.generation += 1;
    this.diskFaults.processEnded();
    this.#disk = this.#disk.crash(survives);
    this.#tellEnd();
  }

  wipe(): void {
    this.crash(() => false);
    this.#disk = new MemoryDisk();
    this.#intact = undefined;
    this.damagedBy = undefined;
    this.isRetired = false;
    this.nodeUid = '';
  }

  damage(kind: DamageKind, random: SeededRandom): string | undefined {
    const intact = this.#disk;
    const damaged = intact.crash(() => true);
    this.damagedBy = damage(damaged, kind, random);
    if (this.damagedBy === undefined) return undefined;
    this.#intact = intact;
    this.#disk = damaged;
    return this.damagedBy;
  }

  repair(): void {
    const intact = this.#intact;
    if (intact === undefined) return;
    if (this.isRunning) this.crash(() => true);
    this.#disk = intact;
    this.#intact = undefined;
    this.damagedBy = undefined;
  }

  /** A damaged log or snapshot was opened. */
  #refuteDamage(cluster: Cluster): void {
    if (this.damagedBy === undefined) return;
    const restored = cluster.host.replicas.get(0)?.snapshotIndex ?? 0;
    if (this.damagedBy.includes('snapshot') && restored === 0) {
      // No marker names it: nobody will read it, and the next snapshot takes its place.
      this.#intact = undefined;
      this.damagedBy = undefined;
      return;
    }
    const text = `${this.nodeId} opens damaged data: ${this.damagedBy}`;
    this.world.fail(new SimulationFailure('safety', text));
  }

  #tellEnd(): void {
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

  /** The process could not get into a cluster: it says why and exits. */
  #end(error: Error): void {
    if (this.damagedBy !== undefined && 'kind' in error && error.kind === 'corrupt') {
      this.world.trace(() => `${this.nodeId} refuses to open: ${error.message}`);
      this.crash(() => true);
      return;
    }
    if (!(error instanceof AdmissionError)) {
      this.#fatal(error);
      return;
    }
    this.world.trace(() => `${this.nodeId} exits: ${error.message}`);
    this.crash(() => true);
  }

  #tellApplied(...[entry, result, store]: AppliedArguments): void {
    const { ledger, time } = this.world;
    try {
      ledger.applied(this.nodeId, entry, { result, store }, time.nowMs);
    } catch (error) {
      if (!(error instanceof SimulationFailure)) throw error;
      this.world.fail(error);
    }
  }

  #fatal(error: Error): void {
    if (error instanceof SimulationFailure) {
      this.world.fail(error);
      return;
    }
    if (this.diskFaults.hasReported) {
      // R39: what it was told by its disk is a reason to stop.
      const alive = this.alive();
      this.isEnding = true;
      this.world.trace(() => `${this.nodeId} stops: ${error.message}`);
      this.world.time.after(LOOP_MS, () => {
        if (alive()) this.crash(() => true);
      });
      return;
    }
    const text = `${this.nodeId} stopped: ${error.message}`;
    this.world.fail(new SimulationFailure('crash', text, error));
  }

  #scheduler(alive: () => boolean): Scheduler {
    const { time } = this.world;
    const { clock } = this;
    const enter = (run: () => void) => () => {
      this.enter(() => {
        if (!alive()) return;
        run();
        this.world.stepped(this);
      });
    };
    const at = (localMs: number, run: () => void): TimerHandle => {
      let timer = time.after(clock.untilMs(localMs), enter(fire));
      function fire(): void {
        const leftMs = clock.untilMs(localMs);
        if (leftMs === 0) run();
        else timer = time.after(leftMs, enter(fire));
      }
      return { cancel: () => timer.cancel() };
    };
    return {
      defer: (run) => void time.after(LOOP_MS, enter(run)),
      after: (ms, run) => at(clock.nowMs() + ms, run),
      every: (ms, run) => {
        let timer = at(clock.nowMs() + ms, again);
        function again(): void {
          timer = at(clock.nowMs() + ms, again);
          run();
        }
        return { cancel: () => timer.cancel() };
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
