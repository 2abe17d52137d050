import { Raft } from '../../src/raft.js';
import type {
  Entry,
  Fetch,
  InstallSnapshotRequest,
  Message,
  RaftConfig,
  Ready,
  ReplicaId,
  SnapshotMeta,
} from '../../src/types.js';
import type { Checker } from './checker.js';
import { Disk, type Machine } from './disk.js';
import { text } from './fixtures.js';

/** A message on the way; a snapshot travels with the state machine's content. */
export interface Packet {
  readonly message: Message;
  readonly machine: Machine | undefined;
}

interface Write {
  readonly ready: Ready;
  readonly machine: Machine | undefined;
  written: boolean;
}

/** One replica with its simulated host: disk with writes under way, state machine, reads. */
export class Node {
  readonly disk: Disk;
  /** Undefined while crashed. */
  raft: Raft | undefined;
  retired = false;
  /** Committed entries handed out and not applied yet. */
  readonly toApply: Entry[] = [];
  readonly #config: RaftConfig;
  readonly #checker: Checker;
  readonly #send: (packet: Packet) => void;
  #machine: string[] = [];
  /** Snapshots received, by the index they end at. */
  readonly #incoming = new Map<number, Machine>();
  /** Reads of the disk that are under way. */
  #fetches: Fetch[] = [];
  #writes: Write[] = [];
  /** For every read in flight: the lowest index that makes its answer linearizable. */
  #reads = new Map<number, number>();
  #lead = 0;
  readsConfirmed = 0;

  constructor(
    config: RaftConfig,
    base: SnapshotMeta,
    checker: Checker,
    send: (packet: Packet) => void,
  ) {
    this.#config = config;
    this.#checker = checker;
    this.#send = send;
    this.disk = new Disk(base);
    this.start();
  }

  get id(): ReplicaId {
    return this.#config.replicaId;
  }

  get writesCount(): number {
    return this.#writes.length;
  }

  get fetchesCount(): number {
    return this.#fetches.length;
  }

  start(): void {
    if (this.raft !== undefined || this.retired) return;
    this.raft = new Raft(this.#config, this.disk.restore());
    this.#machine = [...this.disk.machine];
  }

  /** Loses everything but what is on disk; `kept` writes under way had reached it unnoticed. */
  crash(kept: number): void {
    if (this.raft === undefined) return;
    for (const write of this.#writes.slice(0, kept)) this.#toDisk(write);
    this.raft = undefined;
    this.#writes = [];
    this.toApply.length = 0;
    this.#reads.clear();
    this.#incoming.clear();
    this.#fetches = [];
    this.#lead = 0;
  }

  /** Runs `action` on the core and checks every invariant after it. */
  act(action: (raft: Raft) => void): void {
    if (this.raft === undefined) return;
    action(this.raft);
    this.raft.checkInvariants();
    this.#observe(this.raft);
  }

  receive(packet: Packet): void {
    if (this.raft === undefined) return;
    const { message, machine } = packet;
    if (message.kind === 'installSnapshotRequest' && machine !== undefined) {
      this.#incoming.set(message.snapshot.lastIncludedIndex, machine);
    }
    this.act((raft) => raft.step(packet.message));
  }

  read(context: number): void {
    const required = this.#checker.commitIndex;
    this.act((raft) => {
      if (raft.readIndex(context) === 'accepted') this.#reads.set(context, required);
    });
  }

  /** Takes one Ready: sends what may leave, queues the write, keeps what is to be applied. */
  takeReady(): void {
    const { raft } = this;
    if (raft === undefined || !raft.hasReady()) return;
    const ready = raft.ready();
    raft.checkInvariants();
    if (ready.snapshot !== undefined) {
      this.toApply.length = 0;
      this.#checker.snapshots += 1;
      this.#machine = [...(this.#incoming.get(ready.snapshot.lastIncludedIndex) ?? [])];
      raft.applied(ready.snapshot.lastIncludedIndex);
    }
    this.#recordEntries(ready.entries);
    for (const message of ready.messages) this.#dispatch(raft, message);
    this.toApply.push(...ready.committedEntries);
    for (const { context, index } of ready.readStates) this.#confirmed(context, index);
    for (const context of ready.readsAborted) this.#reads.delete(context);
    const machine = ready.snapshot === undefined ? undefined : [...this.#machine];
    this.#writes.push({ ready, machine, written: false });
    this.#fetches.push(...ready.fetches);
  }

  /** The first `count` writes under way reach the disk; what waited for them leaves. */
  completeWrites(count: number): void {
    const done = this.#writes.splice(0, count);
    const last = done[done.length - 1];
    if (last === undefined || this.raft === undefined) return;
    for (const write of done) {
      this.#toDisk(write);
      for (const message of write.ready.messagesAfterPersist) this.#dispatch(this.raft, message);
    }
    this.act((raft) => raft.persisted(last.ready.number));
  }

  /** The first `count` reads under way come back. */
  completeFetches(count: number): void {
    for (const fetch of this.#fetches.splice(0, count)) {
      const stored = this.disk.read(fetch);
      if (stored !== undefined) this.#checker.fetches += 1;
      this.act((raft) => raft.fetched(fetch.number, stored));
    }
  }

  apply(count: number): void {
    const { raft } = this;
    const entries = this.toApply.splice(0, count);
    const last = entries[entries.length - 1];
    if (raft === undefined || last === undefined) return;
    for (const entry of entries) {
      if (entry.index !== this.#machine.length + 1) throw new Error('applied out of order');
      this.#checker.applied(entry, raft.status().currentTerm);
      this.#machine.push(entry.kind + text(entry.data));
    }
    this.act((core) => core.applied(last.index));
  }

  /** Takes a snapshot of what is applied and durable, and forgets the log below it. */
  compact(): void {
    this.act((raft) => {
      const { appliedIndex, persistedIndex, firstIndex } = raft.status();
      // A snapshot was received and is not restored or not durable yet.
      if (Math.min(appliedIndex, persistedIndex) < firstIndex - 1) return;
      const meta = this.#snapshotMeta(raft);
      this.disk.compact(meta, this.#machine.slice(0, meta.lastIncludedIndex));
      raft.compact(meta.lastIncludedIndex);
    });
  }

  /** The applied state, to be compared with others'. */
  content(): string {
    return this.#machine.join();
  }

  appliedCount(): number {
    return this.#machine.length;
  }

  #snapshotMeta(raft: Raft): SnapshotMeta {
    const { appliedIndex, persistedIndex } = raft.status();
    return raft.snapshotMeta(Math.min(appliedIndex, persistedIndex));
  }

  #toDisk(write: Write): void {
    if (!write.written) this.disk.write(write.ready, write.machine);
    write.written = true;
  }

  #dispatch(raft: Raft, message: Message): void {
    if (message.kind !== 'installSnapshotRequest') this.#send({ message, machine: undefined });
    else this.#sendSnapshot(raft, message);
  }

  /**
   * As the contract allows, now and then the one on disk, which is older than the one asked for and
   * has its entries behind it; else a newer one, if there is one.
   */
  #sendSnapshot(raft: Raft, message: InstallSnapshotRequest): void {
    const { base, machine: stored } = this.disk;
    if (base.lastIncludedIndex % 2 === 1) {
      this.#send({ message: { ...message, snapshot: base }, machine: stored });
      return;
    }
    const applied = this.#machine.length;
    const lowest = message.snapshot.lastIncludedIndex;
    const meta = this.#snapshotMeta(raft);
    const snapshot = meta.lastIncludedIndex > lowest ? meta : message.snapshot;
    if (snapshot.lastIncludedIndex > applied) throw new Error('snapshot of what is not applied');
    const machine = this.#machine.slice(0, snapshot.lastIncludedIndex);
    this.#send({ message: { ...message, snapshot }, machine });
  }

  #recordEntries(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    let prevTerm = this.#termAt(first.index - 1);
    for (const entry of entries) {
      if (prevTerm !== undefined) this.#checker.appended(entry, prevTerm);
      prevTerm = entry.term;
    }
  }

  /** Term of the entry at `index`, from what is being written or on disk. */
  #termAt(index: number): number | undefined {
    for (let i = this.#writes.length - 1; i >= 0; i -= 1) {
      const ready = this.#writes[i]?.ready;
      const first = ready?.entries[0]?.index ?? Number.MAX_SAFE_INTEGER;
      if (first <= index) return ready?.entries[index - first]?.term;
      if (ready?.snapshot !== undefined) {
        const { lastIncludedIndex, lastIncludedTerm } = ready.snapshot;
        return index === lastIncludedIndex ? lastIncludedTerm : undefined;
      }
    }
    const { base, entries } = this.disk;
    if (index === base.lastIncludedIndex) return base.lastIncludedTerm;
    return entries[index - 1 - base.lastIncludedIndex]?.term;
  }

  #confirmed(context: number, index: number): void {
    const required = this.#reads.get(context);
    if (required === undefined) throw new Error('a read was confirmed that nobody asked for');
    if (index < required) throw new Error(`stale read: ${index} < ${required}`);
    this.#reads.delete(context);
    this.readsConfirmed += 1;
  }

  #observe(raft: Raft): void {
    const status = raft.status();
    if (status.removed) {
      this.#checker.gone(this.id);
      // What may leave at once still leaves: a removed leader names its successor.
      this.takeReady();
      this.crash(0);
      this.retired = true;
      return;
    }
    if (status.role !== 'leader' || this.#lead === status.currentTerm) return;
    this.#lead = status.currentTerm;
    this.#checker.leads(status.currentTerm, this.id);
    this.#checker.hasCommitted(status.currentTerm, status.lastIndex, (index) =>
      index < status.firstIndex ? undefined : this.#termAt(index),
    );
  }
}
