/** One node of a host cluster: the real host, replicas and log, over ports the test controls. */
import { crc32 } from 'node:zlib';
import { Code } from '@cashe/codec';
import type { HostConfig } from '../../src/host/host-config.js';
import { Cluster, NodeCalls, noAudit } from '../../src/host/index.js';
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
import { notForwarded } from '../../src/rpc/forward-codec.js';
import { configurationCodec } from '../../src/rpc/index.js';
import type { FileWal } from '../../src/wal/file-wal.js';
import { openSnapshotStore } from '../../src/wal/snapshot-store.js';
import { MemoryDisk } from './memory-disk.js';
import type { VirtualTime } from './virtual-time.js';
import { append, openTestWal, randomBytes } from './wal.js';

/** How long a message between two nodes takes. */
export const LATENCY_MS = 1;
const FORWARD_LOST_MS = 2_000;
const BLOCK_BYTES = 64 * 1024;
const SEGMENT_BYTES = 512 * 1024;
const WALL_START_MS = 1_700_000_000_000;

/** What a node shares with the others: time, randomness, configuration, genesis, network. */
interface Surroundings {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly config: HostConfig;
  readonly nodes: readonly SimNode[];
  identityOf(node: SimNode): Parameters<typeof Cluster.load>[0];
  firstRecords(replicaId: number): Parameters<typeof append>[1];
  deliver(from: SimNode, to: SimNode | undefined, run: () => void): void;
  connected(from: SimNode, to: SimNode | undefined): boolean;
}

export class SimNode {
  readonly index: number;
  readonly nodeId: string;
  readonly sim: Surroundings;
  disk: MemoryDisk = new MemoryDisk();
  /** Added to wall time at the next start. */
  wallOffsetMs = 0;
  /** Every append answers this much later. */
  syncMs = 0;
  /** False: it hears the others, but its own connections are not there (yet). */
  reachesOthers = true;
  calls: NodeCalls | undefined;
  cluster: Cluster | undefined;
  failure: Error | undefined;
  removed = false;
  /** What a stopped process would still find when it goes on; undefined: it runs. */
  #stopped: (() => void)[] | undefined;
  #generation = 0;

  constructor(sim: Surroundings, index: number) {
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
    if (!this.reachesOthers) {
      done(notForwarded(call, Code.UNAVAILABLE, 'the node is not reachable'));
      return;
    }
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

function ignore(): void {}
const SILENT: Logger = { error: ignore, warn: ignore, info: ignore, debug: ignore };
