/**
 * Whole nodes in one thread on virtual time: the real host, replicas, raft core, store and log,
 * over a network, clock and disk that the test controls. Equal seeds give equal runs.
 */

import { crc32 } from 'node:zlib';
import { type AccessPolicy, openPolicy } from '@cashe/codec';
import type { HostConfig } from '../../src/host/host-config.js';
import { Cluster, hostConfig, NodeCalls, noAudit } from '../../src/host/index.js';
import type {
  Clock,
  ForwardedAnswer,
  ForwardedCall,
  Logger,
  PeerMessage,
  Scheduler,
  SnapshotSource,
  TimerHandle,
  Transport,
} from '../../src/host/ports.js';
import type { SnapshotStore, Wal } from '../../src/host/storage-ports.js';
import { genesisSettings, newGenesisRecord, readGenesis } from '../../src/node/records.js';
import { configurationCodec } from '../../src/rpc/index.js';
import type { FileWal } from '../../src/wal/file-wal.js';
import { openSnapshotStore } from '../../src/wal/snapshot-store.js';
import { MemoryDisk } from './memory-disk.js';
import { append, openTestWal, randomBytes, randomNumbers } from './wal.js';

const LATENCY_MS = 1;
/** More events than that at one point of time are a loop that never rests. */
const SPINS_MAX = 5_000;
const BLOCK_BYTES = 64 * 1024;
const SEGMENT_BYTES = 512 * 1024;
const WALL_START_MS = 1_700_000_000_000;

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** Virtual time: what is due runs in order, with all I/O it started finished before the next. */
export class VirtualTime {
  nowMs = 0;
  #order = 0;
  #events: Event[] = [];
  /** Events at one point of time. */
  #spins = 0;

  at(atMs: number, run: () => void): TimerHandle {
    this.#order += 1;
    const event = { atMs, order: this.#order, run, cancelled: false };
    const place = this.#events.findIndex((other) => other.atMs > atMs);
    if (place < 0) this.#events.push(event);
    else this.#events.splice(place, 0, event);
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  /** Runs until `done` holds; throws when it does not within `withinMs` of virtual time. */
  async until(done: () => boolean, withinMs: number, what: string): Promise<void> {
    const endMs = this.nowMs + withinMs;
    while (!done()) {
      const event = this.#events.shift();
      if (event === undefined || event.atMs > endMs) throw new Error(`not in time: ${what}`);
      if (event.atMs > this.nowMs) this.#spins = 0;
      this.#spins += 1;
      if (this.#spins > SPINS_MAX) throw new Error(`turns without end at ${this.nowMs}: ${what}`);
      this.nowMs = Math.max(this.nowMs, event.atMs);
      if (!event.cancelled) event.run();
      // The memory disk answers by microtasks: let them finish.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Waits for something that needs no time to pass, only what is due now. */
  async settle<Value>(promise: Promise<Value>): Promise<Value> {
    let over = false;
    const end = (): void => {
      over = true;
    };
    promise.then(end, end);
    while (!over) {
      const due = this.#events[0];
      if (due !== undefined && due.atMs <= this.nowMs) {
        this.#events.shift();
        if (!due.cancelled) due.run();
      }
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return promise;
  }

  async run(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    let over = false;
    this.at(endMs, () => {
      over = true;
    });
    await this.until(() => over, ms, 'the time itself');
  }
}

export class SimNode {
  readonly index: number;
  readonly nodeId: string;
  readonly sim: HostCluster;
  disk: MemoryDisk = new MemoryDisk();
  /** Added to wall time at the next start. */
  wallOffsetMs = 0;
  /** Every append answers this much later. */
  syncMs = 0;
  calls: NodeCalls | undefined;
  cluster: Cluster | undefined;
  failure: Error | undefined;
  removed = false;
  /** What a stopped process would still find when it goes on; undefined: it runs. */
  #stopped: (() => void)[] | undefined;
  #generation = 0;

  constructor(sim: HostCluster, index: number) {
    this.sim = sim;
    this.index = index;
    this.nodeId = `n${index}`;
  }

  get replicaId(): number {
    return this.index + 1;
  }

  get replica(): NonNullable<ReturnType<Cluster['host']['replicas']['get']>> {
    const replica = this.cluster?.host.replicas.get(0);
    if (replica === undefined) throw new Error(`${this.nodeId} is not running`);
    return replica;
  }

  get leads(): boolean {
    return this.cluster !== undefined && this.replica.leads;
  }

  start(): Promise<void> {
    return this.sim.time.settle(this.#start());
  }

  async #start(): Promise<void> {
    this.#generation += 1;
    const { wal, snapshots } = await this.#openStorage();
    const calls = new NodeCalls({
      clock: this.#clock(),
      scheduler: this.#scheduler(),
      crc32: (bytes) => crc32(bytes),
      status: () => {
        throw new Error('not asked here');
      },
    });
    const cluster = await Cluster.load(this.sim.identityOf(this), {
      config: this.sim.config,
      clock: this.#clock(),
      scheduler: this.#scheduler(),
      log: SILENT,
      wal,
      snapshots,
      transport: this.#transport(),
      configurationCodec,
      calls,
      access: { tlsOn: false, audit: noAudit },
      random: this.sim.random,
      fatal: (error) => {
        this.failure = error;
      },
      onRemoved: () => {
        this.removed = true;
      },
    });
    this.calls = calls;
    this.cluster = cluster;
    cluster.start();
  }

  /** SIGSTOP: timers and messages wait. */
  pause(): void {
    this.#stopped = [];
  }

  /** SIGCONT: what waited runs now, in order. */
  resume(): void {
    const waiting = this.#stopped ?? [];
    this.#stopped = undefined;
    for (const run of waiting) this.sim.time.at(this.sim.time.nowMs, run);
  }

  /** Runs now, or when the process goes on. */
  enter(run: () => void): void {
    if (this.#stopped === undefined) run();
    else this.#stopped.push(run);
  }

  /** Stops at once; unsynced pages survive or not as the seed says. */
  crash(): void {
    this.cluster?.host.stop();
    this.cluster = undefined;
    this.calls = undefined;
    this.#generation += 1;
    this.disk = this.disk.crash(() => this.sim.random() < 0.5);
  }

  async #openStorage(): Promise<{ wal: FileWal; snapshots: SnapshotStore }> {
    const random = randomBytes(this.sim.random);
    const wal = await openTestWal(this.disk.root, {
      environment: { clock: this.#clock(), scheduler: this.#scheduler(), random },
      segmentBytes: SEGMENT_BYTES,
      blockBytesMax: BLOCK_BYTES,
    });
    const snapshots = await openSnapshotStore(this.disk.root, random);
    const { replicaId } = this;
    if (wal.groupLog(0) === undefined) await append(wal, this.sim.firstRecords(replicaId));
    this.#delayAppends(wal);
    return { wal, snapshots };
  }

  #delayAppends(wal: Wal): void {
    const direct = wal.append.bind(wal);
    const alive = this.#alive();
    wal.append = (records, done) => {
      direct(records, (error) => {
        this.sim.time.at(this.sim.time.nowMs + this.syncMs, () => {
          if (alive()) done(error);
        });
      });
    };
  }

  #alive(): () => boolean {
    const generation = this.#generation;
    return () => generation === this.#generation;
  }

  #clock(): Clock {
    return {
      nowMs: () => this.sim.time.nowMs,
      wallMs: () => WALL_START_MS + this.sim.time.nowMs + this.wallOffsetMs,
    };
  }

  #scheduler(): Scheduler {
    const { time } = this.sim;
    const alive = this.#alive();
    const when = (run: () => void) => () => {
      this.enter(() => {
        if (alive()) run();
      });
    };
    return {
      defer: (run) => void time.at(time.nowMs, when(run)),
      after: (ms, run) => time.at(time.nowMs + ms, when(run)),
      every: (ms, run) => {
        let timer: TimerHandle = { cancel: () => undefined };
        const again = (): void => {
          timer = time.at(time.nowMs + ms, when(again));
          run();
        };
        timer = time.at(time.nowMs + ms, when(again));
        return { cancel: () => timer.cancel() };
      },
    };
  }

  #transport(): Transport {
    const alive = this.#alive();
    const queue: { group: number; message: PeerMessage }[] = [];
    return {
      setPeers: () => undefined,
      send: (group, message) => void queue.push({ group, message }),
      flush: () => {
        for (const { group, message } of queue.splice(0)) {
          const target = this.sim.nodes[message.to - 1];
          this.sim.deliver(this, target, () => target?.cluster?.host.receive(group, message));
        }
      },
      sendSnapshot: (group, message, source, done) => {
        const target = this.sim.nodes[message.to - 1];
        const sink = target?.cluster?.host.receiveSnapshot(group, message);
        if (sink === undefined || !this.sim.connected(this, target)) {
          source.close();
          this.sim.time.at(this.sim.time.nowMs + LATENCY_MS, () => alive() && done(false));
        } else pump(source, sink, (ok) => alive() && done(ok));
      },
      forward: (to, call, done) => this.#forward(this.sim.nodes[to - 1], call, done),
      close: () => undefined,
    };
  }

  #forward(
    target: SimNode | undefined,
    call: ForwardedCall,
    done: (answer: ForwardedAnswer | undefined) => void,
  ): void {
    let answered = false;
    const settle = (answer: ForwardedAnswer | undefined): void => {
      if (answered) return;
      answered = true;
      done(answer);
    };
    this.sim.time.at(this.sim.time.nowMs + FORWARD_LOST_MS, () => settle(undefined));
    this.sim.deliver(this, target, () => {
      target?.calls?.forwarded(call, (answer) =>
        this.sim.deliver(target, this, () => settle(answer)),
      );
    });
  }
}

const FORWARD_LOST_MS = 2_000;

function pump(
  source: SnapshotSource,
  sink: { write: Writes; finish: Finish; abort(): void },
  done: (ok: boolean) => void,
): void {
  source.read((error, chunk) => {
    if (error !== undefined) {
      sink.abort();
      done(false);
    } else if (chunk === undefined) {
      sink.finish((finishError) => done(finishError === undefined));
    } else {
      sink.write(chunk, (writeError) => {
        if (writeError === undefined) pump(source, sink, done);
        else done(false);
      });
    }
  });
}
type Writes = (chunk: Uint8Array, done: (error: Error | undefined) => void) => void;
type Finish = (done: (error: Error | undefined) => void) => void;

export interface HostClusterOptions {
  readonly nodes?: number;
  readonly seed?: number;
  readonly config?: Partial<HostConfig>;
  readonly settings?: Parameters<typeof genesisSettings>[0];
  readonly access?: AccessPolicy;
}

export class HostCluster {
  readonly time: VirtualTime = new VirtualTime();
  readonly nodes: SimNode[];
  readonly random: () => number;
  readonly config: HostConfig;
  readonly #genesis: ReturnType<typeof readGenesis>;
  readonly #cut = new Set<string>();

  private constructor(options: HostClusterOptions) {
    const count = options.nodes ?? 3;
    this.random = randomNumbers(options.seed ?? 1);
    this.config = hostConfig(options.config);
    this.nodes = Array.from({ length: count }, (_, index) => new SimNode(this, index));
    const founders = this.nodes.map(({ nodeId, index }) => ({
      nodeId,
      nodeUid: `${index}`.repeat(32),
      clientAddress: `${nodeId}:3000`,
      raftAddress: `${nodeId}:4000`,
    }));
    const settings = genesisSettings(options.settings ?? {});
    this.#genesis = readGenesis(
      newGenesisRecord(founders, { settings, access: options.access ?? openPolicy }),
    );
  }

  static async start(options: HostClusterOptions = {}): Promise<HostCluster> {
    const cluster = new HostCluster(options);
    for (const node of cluster.nodes) await node.start();
    return cluster;
  }

  identityOf(node: SimNode): Parameters<typeof Cluster.load>[0] {
    const { clusterId, groupCount, bytes, founders } = this.#genesis;
    return {
      clusterId,
      nodeId: node.nodeId,
      nodeUid: `${node.index}`.repeat(32),
      replicaId: node.replicaId,
      groupCount,
      genesisRecord: bytes,
      genesis: (group) => this.#genesis.group(group),
      members: founders,
    };
  }

  firstRecords(replicaId: number): Parameters<typeof append>[1] {
    const voters = this.nodes.map((node) => node.replicaId);
    const configuration = { voters, votersOutgoing: [], learners: [], replicaIdMax: voters.length };
    const meta = { lastIncludedIndex: 0, lastIncludedTerm: 0, configuration };
    return {
      group: 0,
      replicaId,
      hardState: { currentTerm: 0, votedFor: 0, commitIndex: 0 },
      entries: [],
      snapshot: { meta, file: '', replacesLog: true },
      tombstone: false,
    };
  }

  deliver(from: SimNode, to: SimNode | undefined, run: () => void): void {
    if (to === undefined) return;
    this.time.at(this.time.nowMs + LATENCY_MS, () => {
      if (this.connected(from, to)) to.enter(run);
    });
  }

  connected(from: SimNode, to: SimNode | undefined): boolean {
    return to?.cluster !== undefined && !this.#cut.has(`${from.index}>${to.index}`);
  }

  /** Cuts both directions between `node` and everybody else; again to heal. */
  isolate(node: SimNode, isolated: boolean): void {
    for (const other of this.nodes) {
      for (const link of [`${node.index}>${other.index}`, `${other.index}>${node.index}`]) {
        if (isolated) this.#cut.add(link);
        else this.#cut.delete(link);
      }
    }
  }

  leader(): SimNode | undefined {
    const leading = this.nodes.filter((node) => node.leads);
    return leading.sort((a, b) => b.replica.term - a.replica.term)[0];
  }

  async waitForLeader(except?: SimNode): Promise<SimNode> {
    const found = (): SimNode | undefined => {
      const leader = this.leader();
      const served = leader?.replica.raft.status().ownTermCommitted === true;
      return served && leader !== except ? leader : undefined;
    };
    await this.time.until(() => found() !== undefined, 5_000, 'a leader');
    return found() as SimNode;
  }

  /** All running replicas have applied what the leader has. */
  async converge(): Promise<void> {
    const same = (): boolean => {
      const running = this.nodes.filter((node) => node.cluster !== undefined);
      const indices = running.map(({ replica }) =>
        replica.restoring ? -1 : replica.store.appliedIndex,
      );
      const last = this.leader()?.replica.raft.status().lastIndex;
      return indices.every((index) => index === last);
    };
    await this.time.until(same, 20_000, 'convergence');
  }
}

function ignore(): void {}
const SILENT: Logger = { error: ignore, warn: ignore, info: ignore, debug: ignore };
