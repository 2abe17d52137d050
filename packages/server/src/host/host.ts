/**
 * The turn loop: one thread serves every replica of this node. I/O callbacks only enqueue and wake
 * it; a turn steps all replicas, sends one batch per peer and starts one write with one sync for
 * all of them, then applies what is committed and answers.
 */
import type { InstallSnapshotRequest, ReplicaId, SoftState } from '@cashe/raft';
import type { AccessGuard } from './access-guard.js';
import { GroupCommit } from './group-commit.js';
import type { HostConfig } from './host-config.js';
import type { HostObserver } from './observer.js';
import type {
  Clock,
  Logger,
  PeerMessage,
  Scheduler,
  SnapshotSink,
  TimerHandle,
  Transport,
} from './ports.js';
import type { Replica } from './replica.js';
import type { ApplyObserver, ReplicaContext, ReplicaView } from './replica-context.js';
import type { Wal } from './storage-ports.js';
import { TermGate } from './term-gate.js';
import type { HostTracer } from './tracer.js';

interface HostPorts {
  readonly config: HostConfig;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly transport: Transport;
  readonly wal: Wal;
  readonly access: AccessGuard;
  /** The node must stop at once: its disk or its state cannot be trusted (R10, R12, R39). */
  readonly fatal: (error: Error) => void;
  readonly onLeadership: (replica: ReplicaView, state: SoftState) => void;
  readonly onMembership: (replica: ReplicaView) => void;
  readonly onApplied?: ApplyObserver;
  readonly observer?: HostObserver;
  readonly tracer?: HostTracer;
  /** Once per tick, after the replicas' own. */
  readonly onTick: () => void;
}

/** Ticks missed from which the node first drains its sockets before it may campaign (R7). */
const STALL_TICKS = 2;
/** Turns that drain them. */
const QUIET_TURNS = 2;

export class Host {
  readonly commit: GroupCommit;
  readonly context: ReplicaContext;
  readonly #ports: HostPorts;
  readonly #replicas: Map<number, Replica> = new Map();
  readonly #terms: TermGate;
  #scheduled = false;
  #ticker: TimerHandle | undefined;
  /** When the next tick is due, and when the last one ran. */
  #nextTickMs = 0;
  #tickedAtMs = 0;
  #quietTurns = 0;
  #stalled = false;
  /** Too slow or without space to lead at all: stalled, but not merely at the log's bound. */
  #unfit = false;
  #stopped = false;

  constructor(ports: HostPorts) {
    this.#ports = ports;
    this.#terms = new TermGate(ports.clock, ports.log);
    this.commit = new GroupCommit({
      wal: ports.wal,
      nowMs: () => ports.clock.nowMs(),
      onDurable: () => this.wake(),
      onFailed: (error) => this.fatal(error),
      observer: ports.observer,
    });
    this.context = {
      config: ports.config,
      clock: ports.clock,
      log: ports.log,
      transport: ports.transport,
      commit: this.commit,
      access: ports.access,
      wake: () => this.wake(),
      fatal: (error) => this.fatal(error),
      onLeadership: ports.onLeadership,
      onMembership: ports.onMembership,
      onApplied: ports.onApplied,
      observer: ports.observer,
      tracer: ports.tracer,
    };
  }

  get replicas(): ReadonlyMap<number, Replica> {
    return this.#replicas;
  }

  /** True while the disk is too slow or too full to take proposals (R9). */
  get stalled(): boolean {
    return this.#stalled;
  }

  add(replica: Replica): void {
    this.#replicas.set(replica.group, replica);
    this.wake();
  }

  start(): void {
    this.#tickedAtMs = this.#ports.clock.nowMs();
    this.#nextTickMs = this.#tickedAtMs + this.#ports.config.tickMs;
    this.#ticker = this.#ports.scheduler.every(this.#ports.config.tickMs, () => this.wake());
    this.wake();
  }

  /** No turn runs after this. */
  stop(): void {
    this.#stopped = true;
    this.#ticker?.cancel();
  }

  wake(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#ports.scheduler.defer(() => this.#turn());
  }

  fatal(error: Error): void {
    if (this.#stopped) return;
    this.stop();
    this.#ports.fatal(error);
  }

  // ---- what the transport enqueues ----

  receive(group: number, message: PeerMessage): void {
    this.#receiver(group, message)?.receive(message);
  }

  receiveSnapshot(group: number, message: InstallSnapshotRequest): SnapshotSink | undefined {
    return this.#receiver(group, message)?.receiveSnapshot(message);
  }

  #receiver(group: number, message: PeerMessage): Replica | undefined {
    const replica = this.#replicas.get(group);
    if (replica === undefined) return undefined;
    return this.#terms.admits(message, group, replica.term) ? replica : undefined;
  }

  unreachable(peer: ReplicaId): void {
    for (const replica of this.#replicas.values()) replica.raft.reportUnreachable(peer);
  }

  /** The peer's process is gone: whoever follows it may look for a new leader at once (R7). */
  refused(peer: ReplicaId): void {
    for (const replica of this.#replicas.values()) replica.raft.forgetLeader(peer);
    this.wake();
  }

  // ---- the turn ----

  #turn(): void {
    this.#scheduled = false;
    if (this.#stopped) return;
    try {
      this.#run();
    } catch (error) {
      // A broken invariant: nothing this process does from here on can be trusted (R10).
      this.fatal(error as Error);
    }
  }

  #run(): void {
    let more = false;
    this.commit.deliver();
    for (const replica of this.#replicas.values()) more = replica.stepInbox() || more;
    more = this.#maybeTick() || more;
    for (const replica of this.#replicas.values()) {
      replica.propose(this.#stalled);
      replica.takeReady();
    }
    // It stopped on the way: nothing leaves any more, and the log is another's to write.
    if (this.#stopped) return;
    this.#ports.transport.flush();
    this.commit.flush();
    for (const replica of this.#replicas.values()) more = replica.applyAndServe() || more;
    if (this.#quietTurns > 0) this.#endQuietTurn();
    if (more) this.wake();
  }

  /**
   * At most one tick per turn, after what was received; a few late ones are made up for in the
   * turns that follow, more are dropped: a stall is no silence of the leader (R7).
   */
  #maybeTick(): boolean {
    const { tickMs } = this.#ports.config;
    const nowMs = this.#ports.clock.nowMs();
    if (nowMs < this.#nextTickMs) return false;
    const lateTicks = (nowMs - this.#tickedAtMs) / tickMs - 1;
    this.#tickedAtMs = nowMs;
    this.#nextTickMs = Math.max(this.#nextTickMs + tickMs, nowMs - STALL_TICKS * tickMs);
    this.#tick(lateTicks);
    return nowMs >= this.#nextTickMs;
  }

  #tick(lateTicks: number): void {
    if (lateTicks > STALL_TICKS) {
      this.#quietTurns = QUIET_TURNS;
      this.#setMayCampaign();
    }
    this.#watchDisk();
    for (const replica of this.#replicas.values()) replica.tick();
    this.#ports.onTick();
  }

  #endQuietTurn(): void {
    this.#quietTurns -= 1;
    if (this.#quietTurns === 0) this.#setMayCampaign();
    else this.wake();
  }

  #setMayCampaign(): void {
    const may = this.#quietTurns === 0 && !this.#unfit;
    for (const replica of this.#replicas.values()) replica.raft.setMayCampaign(may);
  }

  #watchDisk(): void {
    const { state } = this.#ports.wal.status();
    if (state === 'failed') {
      this.fatal(new Error('the log could not be written or prepared: it is never retried'));
      return;
    }
    const waitingMs = Math.round(this.commit.waitingMs());
    // A log at its bound (R6) may be the newest: unless it leads, nothing commits what fills it.
    const unfit = waitingMs > this.#ports.config.slowSyncMs || state === 'waitingForSpace';
    const stalled = unfit || state !== 'ready';
    for (const replica of this.#replicas.values()) replica.setLogFull(state === 'full');
    if (stalled && this.#replicas.size > 0) this.#handOver();
    if (unfit !== this.#unfit) {
      this.#unfit = unfit;
      this.#setMayCampaign();
    }
    if (stalled === this.#stalled) return;
    this.#stalled = stalled;
    if (stalled) this.#ports.log.warn('disk stalled: no proposals taken', { waitingMs, state });
    else this.#ports.log.info('disk answers again');
  }

  /** R9: only to a follower whose disk has just shown that it works. */
  #handOver(): void {
    const ticks = this.#ports.config.slowSyncMs / this.#ports.config.tickMs;
    for (const replica of this.#replicas.values()) {
      if (!replica.leads) continue;
      const { progress, transferTarget } = replica.raft.status();
      if (transferTarget !== 0) continue;
      const to = progress.find(
        (peer) => !peer.learner && peer.matchIndex > 0 && peer.appendSilentTicks < ticks,
      );
      if (to !== undefined) replica.raft.transferLeadership(to.replicaId);
    }
  }
}
