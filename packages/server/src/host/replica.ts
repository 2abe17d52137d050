/**
 * One replica of a group on this node: the consensus core, the state machine, and what waits
 * between them. The host calls its steps in the order of a turn; nothing here runs on its own.
 */
import { Code, type DerivedLimits, deriveLimits, type EntryCommand } from '@cashe/codec';
import type {
  Entry,
  InstallSnapshotRequest,
  LogIndex,
  RaftCore,
  ReplicaId,
  Role,
  SnapshotMeta,
  SoftState,
} from '@cashe/raft';
import type { StateMachine } from '@cashe/store';
import type { AccessGuard } from './access-guard.js';
import type { ClockedMessage, ClusterClock } from './cluster-clock.js';
import { Freshness } from './freshness.js';
import { LeaderStamp } from './leader-stamp.js';
import type { LogStamp } from './log-stamp.js';
import { Outbox } from './outbox.js';
import type { PeerMessage, SnapshotSink } from './ports.js';
import { BARRIER, type QueuedRead, Reads } from './reads.js';
import type { ReplicaContext, ReplicaView } from './replica-context.js';
import { ReplicaDigests } from './replica-digests.js';
import { ReplicaWatch } from './replica-watch.js';
import { type SnapshotPorts, Snapshots } from './snapshots.js';
import type { SnapshotMarker } from './storage-ports.js';
import { StoredReads } from './stored-reads.js';
import {
  type BuiltEntry,
  type CommandResult,
  clockEntry,
  type EntryStamp,
  type QueuedWrite,
  Writes,
} from './writes.js';

export class Replica implements ReplicaView {
  readonly group: number;
  readonly replicaId: ReplicaId;
  readonly raft: RaftCore;
  readonly clusterClock: ClusterClock;
  readonly #context: ReplicaContext;
  readonly #writes: Writes;
  readonly #reads: Reads;
  readonly #outbox: Outbox;
  readonly #digests: ReplicaDigests;
  readonly #snapshots: Snapshots;
  readonly #storedReads: StoredReads;
  readonly #leaderStamp: LeaderStamp;
  readonly #stamp: LogStamp;
  readonly #watch: ReplicaWatch;
  #store: StateMachine;
  #limits: DerivedLimits;
  #inbox: PeerMessage[] = [];
  #committed: Entry[] = [];
  #committedHead = 0;
  #held: BuiltEntry[] = [];
  #role: Role = 'follower';
  #leaderId: ReplicaId = 0;
  #term = 0;
  readonly #freshness: Freshness = new Freshness();
  #restoring = false;
  #logFull = false;
  #hits = 0;
  #misses = 0;

  constructor(options: {
    readonly group: number;
    readonly replicaId: ReplicaId;
    readonly raft: RaftCore;
    readonly store: StateMachine;
    readonly clusterClock: ClusterClock;
    readonly stamp: LogStamp;
    readonly context: ReplicaContext;
    readonly snapshotPorts: SnapshotPorts;
    /** The snapshot the state machine was restored from at boot. */
    readonly marker: SnapshotMarker | undefined;
  }) {
    this.group = options.group;
    this.replicaId = options.replicaId;
    this.raft = options.raft;
    this.clusterClock = options.clusterClock;
    this.#store = options.store;
    this.#stamp = options.stamp;
    this.#context = options.context;
    this.#watch = new ReplicaWatch(options.group, options.context);
    this.#limits = deriveLimits(options.store.settings().valueBytesMax);
    this.#writes = new Writes(options.context.config);
    this.#reads = new Reads(options.context.config);
    this.#snapshots = new Snapshots(this, options.context, options.snapshotPorts, options.marker);
    this.#storedReads = new StoredReads(this, options.context, options.snapshotPorts.wal);
    this.#outbox = new Outbox(this, options.context, this.#snapshots);
    this.#digests = new ReplicaDigests(this, options.context);
    this.#leaderStamp = new LeaderStamp(this, options.context, this.#digests, options.stamp);
    this.#term = options.raft.status().currentTerm;
  }

  get store(): StateMachine {
    return this.#store;
  }
  get limits(): DerivedLimits {
    return this.#limits;
  }
  get access(): AccessGuard {
    return this.#context.access;
  }
  get leads(): boolean {
    return this.#role === 'leader';
  }
  get isSettled(): boolean {
    return this.#leaderStamp.isSettled;
  }
  get leaderId(): ReplicaId {
    return this.#leaderId;
  }
  get term(): number {
    return this.#term;
  }
  get readAnswerBytesMax(): number {
    return this.#context.config.readAnswerBytesMax;
  }
  get hits(): number {
    return this.#hits;
  }
  get misses(): number {
    return this.#misses;
  }
  get snapshotIndex(): LogIndex {
    return this.#snapshots.index;
  }
  get restoring(): boolean {
    return this.#restoring;
  }

  // ---- what others put in; each wakes the host ----

  receive(message: PeerMessage): void {
    if (this.#inbox.length >= this.#context.config.inboxMax) return;
    // The log takes no entries until a snapshot frees some of it (R6): as if they were lost. When
    // none can, what fills it is not committed, and needs the leader's entries to be.
    const canShrink = this.#logFull && this.snapshotIndex < this.#store.appliedIndex;
    if (canShrink && message.kind === 'appendEntriesRequest' && message.entries.length > 0) return;
    this.#inbox.push(message);
    this.#context.wake();
  }

  /** A snapshot begins to arrive; undefined: another one is still arriving. */
  receiveSnapshot(message: InstallSnapshotRequest): SnapshotSink | undefined {
    return this.#snapshots.receive(message, () => this.receive(message));
  }

  write(write: QueuedWrite): boolean {
    this.#context.wake();
    return this.#watch.write(write, this.#writes);
  }

  read(read: QueuedRead): boolean {
    this.#context.wake();
    return this.#watch.read(read, this.#reads);
  }

  /** Answers once everything committed before now is applied here (leader only). */
  barrier(deadlineMs: number, done: (code: Code, message: string) => void): boolean {
    return this.read({
      batch: BARRIER,
      principal: '',
      ops: [],
      verdicts: [],
      deadlineMs,
      done: (answer) => done(answer.code, answer.message),
    });
  }

  command(
    command: EntryCommand,
    deadlineMs: number,
    done: (result: CommandResult) => void,
  ): boolean {
    this.#context.wake();
    return this.#writes.pushCommand(command, deadlineMs, done);
  }

  /** A STALE lookup: counted, but no use for eviction (R18). */
  countLookup(found: boolean): void {
    if (found) this.#hits += 1;
    else this.#misses += 1;
  }

  setLogFull(full: boolean): void {
    this.#logFull = full;
  }

  // ---- the steps of a turn, in order ----

  /** Group commit made every Ready up to `number` durable. */
  durable(number: number): void {
    this.#outbox.release(number);
    this.#watch.persisted(() => this.raft.status().persistedIndex);
  }

  /** Handles received messages; true when some are left for the next turn. */
  stepInbox(): boolean {
    this.#storedReads.deliver();
    const count = Math.min(this.#inbox.length, this.#context.config.inboxPerStepMax);
    if (count === 0) return false;
    const messages = this.#inbox.splice(0, count);
    const nowMs = this.#context.clock.nowMs();
    for (const message of messages) this.#step(message, nowMs);
    return this.#inbox.length > 0;
  }

  #step(message: PeerMessage, nowMs: number): void {
    if (message.to === this.replicaId) this.#observe(message, nowMs);
    this.#watch.stepped(message);
    // Even if it is meant for another replica: the core may know that its sender is gone (R8).
    const isDigest = message.kind === 'digestReport' || message.kind === 'digestVerdict';
    if (!isDigest) this.raft.step(message);
  }

  #observe(message: PeerMessage, nowMs: number): void {
    switch (message.kind) {
      case 'digestReport':
        this.#digests.onReport(message);
        break;
      case 'digestVerdict':
        this.#digests.onVerdict(message);
        break;
      case 'requestVoteResponse':
        this.clusterClock.observeVote(message.clusterTime, message.clusterTimeTerm);
        break;
      case 'appendEntriesRequest':
        if (message.term >= this.#term) this.#hear(message, message.leaderCommit, nowMs);
        break;
      case 'heartbeatRequest':
        if (message.term >= this.#term) this.#hear(message, message.commitIndex, nowMs);
        break;
      case 'installSnapshotRequest':
        if (message.term >= this.#term) this.#hear(message, 0, nowMs);
        break;
      default:
        break;
    }
  }

  /** A message of the current leader: its clock, and how far it has committed (R16, R24). */
  #hear(from: ClockedMessage, commitIndex: LogIndex, nowMs: number): void {
    this.clusterClock.observe(from.clusterTime, from.term, nowMs);
    if (commitIndex !== 0) this.#freshness.heard(commitIndex, nowMs);
  }

  /**
   * Time since this replica held all that the leader had committed when last heard (R24);
   * undefined while it has not heard from one since it started.
   */
  ageMs(): number | undefined {
    if (this.leads) return 0;
    return this.#freshness.ageMs(this.#context.clock.nowMs());
  }

  tick(): void {
    this.raft.tick();
    this.#maybeClock(false);
    this.#snapshots.tick();
  }

  /** Proposes what is queued and asks for a read point; `stalled`: the disk is too slow (R9). */
  propose(stalled: boolean): void {
    if (!this.leads) {
      if (this.#writes.hasQueued) this.#refuseWrites(Code.NOT_LEADER, 'this node does not lead');
      if (this.#reads.hasQueued) this.#reads.abandon();
      return;
    }
    if (stalled) {
      this.#refuseWrites(Code.BUSY, "the leader's disk has not answered for a second");
    } else if (this.#held.length > 0) {
      this.#append(this.#held);
    } else if (this.isSettled && this.#writes.hasQueued) {
      const nowMs = this.#context.clock.nowMs();
      const stamp = (room: number): EntryStamp => this.#leaderStamp.next(room);
      const permit = (write: QueuedWrite): QueuedWrite => this.access.permit(write);
      this.#append(this.#writes.take(nowMs, this.#limits, stamp, permit));
    }
    this.#reads.startRound((context) => this.raft.readIndex(context));
  }

  /** Takes one Ready: sends, queues for the disk, hands out what is committed and confirmed. */
  takeReady(): void {
    if (!this.raft.hasReady()) return;
    const ready = this.raft.ready();
    if (ready.softState !== undefined) this.#onSoftState(ready.softState);
    if (ready.entries.length > 0) this.#stamp.appended(ready.entries);
    this.#outbox.send(ready);
    this.#storedReads.start(ready.fetches);
    if (ready.snapshot !== undefined) this.#startRestore(ready.snapshot);
    this.#watch.committed(ready.committedEntries);
    for (const entry of ready.committedEntries) this.#committed.push(entry);
    for (const state of ready.readStates) this.#reads.confirmed(state.context, state.index);
    for (const context of ready.readsAborted) this.#reads.aborted(context);
  }

  /** Applies committed entries and serves reads, both bounded; true when work is left (R34). */
  applyAndServe(): boolean {
    if (this.#restoring) return false;
    const applied = this.#apply();
    if (applied > 0) {
      this.raft.applied(this.#store.appliedIndex);
      if (this.#leaderStamp.applied(this.#store.appliedIndex)) this.#context.wake();
    }
    this.#freshness.applied(this.#store.appliedIndex);
    const more = this.#serveReads();
    return more || this.#committed.length > this.#committedHead || this.raft.hasReady();
  }

  // ---- leader ----

  #refuseWrites(code: Code, message: string): void {
    const held = this.#held;
    this.#held = [];
    this.#writes.refuse(held, code, message);
    this.#writes.refuseQueued(code, message);
  }

  #append(built: BuiltEntry[]): LogIndex {
    if (built.length === 0) return 0;
    const result = this.raft.propose(built.map((entry) => entry.data));
    this.#held = [];
    if (result.kind === 'appended') {
      this.#writes.appended(built, result.term, result.firstIndex);
      const headers = built.map((entry) => entry.decoded.payload.header);
      this.#leaderStamp.appended(headers, result.firstIndex);
      this.#watch.appended(built, result.firstIndex);
      return result.firstIndex;
    }
    if (result.kind === 'notLeader') {
      this.#writes.refuse(built, Code.NOT_LEADER, 'this node does not lead');
    } else if (result.reason === 'tailFull') {
      // R6: proposals wait until the tail can shrink; the queue behind them is bounded.
      this.#held = built;
    } else {
      this.#writes.refuse(built, Code.BUSY, 'leadership is being handed over');
    }
    return 0;
  }

  /** Proposes an entry for the clock's sake when one is due (R16, R17). */
  #maybeClock(readWaits: boolean): void {
    if (!this.leads || this.#restoring || this.#held.length > 0) return;
    if (!this.#leaderStamp.clockDue(readWaits)) return;
    this.#leaderStamp.clockProposed(this.#append([clockEntry(this.#leaderStamp.next(0))]));
  }

  #onSoftState(state: SoftState): void {
    const led = this.leads;
    this.#role = state.role;
    this.#leaderId = state.leaderId;
    this.#term = state.term;
    this.#storedReads.forget();
    if (this.leads && !led) this.#leaderStamp.lead();
    if (led && !this.leads) {
      this.#refuseWrites(Code.NOT_LEADER, 'this node no longer leads');
      this.#writes.abandon();
      this.#reads.abandon();
      this.#leaderStamp.stepDown();
    }
    this.#context.onLeadership(this, state);
  }

  /**
   * An admitted node's replica id is the index of its entry (R8), and founders have 1 to n: fills
   * a log that is still shorter than that. False when the leader cannot append now.
   */
  makeRoomForIds(): boolean {
    const { lastIndex, configuration } = this.raft.status();
    const missing = configuration.replicaIdMax - lastIndex;
    if (missing <= 0) return true;
    if (this.#restoring || this.#held.length > 0) return false;
    const built = Array.from({ length: missing }, () => clockEntry(this.#leaderStamp.next(0)));
    this.#context.wake();
    return this.#append(built) > 0;
  }

  // ---- state machine ----

  /** Units of work: one per 64 bytes of entry plus a constant; about one per op. */
  #apply(): number {
    let budget = this.#context.config.appliedOpsPerStepMax;
    let count = 0;
    while (budget > 0 && this.#committedHead < this.#committed.length) {
      const entry = this.#committed[this.#committedHead] as Entry;
      this.#committedHead += 1;
      budget -= 16 + (entry.data.length >> 6);
      count += 1;
      this.#applyEntry(entry);
    }
    if (this.#committedHead === this.#committed.length) {
      this.#committed = [];
      this.#committedHead = 0;
    }
    return count;
  }

  #applyEntry(entry: Entry): void {
    const { index, term, kind, data } = entry;
    const decoded = this.#writes.decodedAt(index, term);
    const result = kind === 'normal' ? this.#store.apply(index, data, decoded) : undefined;
    if (result === undefined) this.#store.skip(index);
    this.#context.onApplied?.(this.group, entry, result, this.#store);
    this.#writes.applied(index, term, result);
    if (result?.metaChanged === true || kind === 'configuration') this.#context.onMembership(this);
    if (result !== undefined) this.#digests.applied(index, result.digest);
  }

  #serveReads(): boolean {
    if (!this.#reads.hasWaiting) return false;
    const nowMs = this.#context.clock.nowMs();
    const { due, more } = this.#reads.serve({
      store: this.#store,
      access: this.#context.access,
      clusterTimeMs: this.clusterClock.stamp(nowMs),
      nowMs,
      hit: (key) => {
        this.#hits += 1;
        this.#leaderStamp.hints.note(key);
      },
      miss: () => {
        this.#misses += 1;
      },
    });
    if (due) this.#maybeClock(true);
    return more;
  }

  #startRestore(meta: SnapshotMeta): void {
    this.#restoring = true;
    this.#committed = [];
    this.#committedHead = 0;
    this.#stamp.installed(meta.lastIncludedTerm);
    this.#snapshots.restore(meta, (store) => {
      this.#store = store;
      this.#limits = deriveLimits(store.settings().valueBytesMax);
      this.#restoring = false;
      this.raft.applied(store.appliedIndex);
      this.#context.onMembership(this);
      this.#context.wake();
    });
  }
}
