/** What metrics and traces see of one replica: batches accepted, entries appended, and how far. */
import { Code, type ReadAnswer } from '@cashe/codec';
import type { Entry, LogIndex } from '@cashe/raft';
import type { HostObserver } from './observer.js';
import type { PeerMessage } from './ports.js';
import { BARRIER, type QueuedRead, type Reads } from './reads.js';
import type { ReplicaContext } from './replica-context.js';
import type { HostTracer, WriteTrace } from './tracer.js';
import type { BuiltEntry, QueuedWrite, Writes } from './writes.js';

interface Followed {
  readonly trace: WriteTrace;
  /** 0 until it is appended. */
  index: LogIndex;
  isSynced: boolean;
  isCommitted: boolean;
}

/** Batches followed at a time; more are served without spans of their own. */
const followedMax = 1024;

export class ReplicaWatch {
  readonly #group: number;
  readonly #observer: HostObserver | undefined;
  readonly #tracer: HostTracer | undefined;
  /** Sampled batches by their `done`; while there are none, each event costs one comparison. */
  readonly #followed = new Map<QueuedWrite['done'], Followed>();

  constructor(group: number, { observer, tracer }: Pick<ReplicaContext, 'observer' | 'tracer'>) {
    this.#group = group;
    this.#observer = observer;
    this.#tracer = tracer;
  }

  /** Queues the batch; false when the queue is full. */
  write(write: QueuedWrite, queue: Writes): boolean {
    this.#observer?.batch('write', write.ops.length);
    const { traceparent } = write.batch;
    if (traceparent === undefined || this.#followed.size >= followedMax) return queue.push(write);
    const trace = this.#tracer?.write(this.#group, traceparent, write.ops.length);
    if (trace === undefined) return queue.push(write);
    const done: QueuedWrite['done'] = (answer) => {
      this.#followed.delete(done);
      trace.answered(answer.code);
      write.done(answer);
    };
    const queued = queue.push({ ...write, done });
    const start = { trace, index: 0, isSynced: false, isCommitted: false };
    if (queued) this.#followed.set(done, start);
    else trace.answered(Code.BUSY);
    return queued;
  }

  read(read: QueuedRead, queue: Reads): boolean {
    if (read.batch !== BARRIER) this.#observer?.batch('read', read.ops.length);
    const { traceparent } = read.batch;
    if (traceparent === undefined) return queue.push(read);
    const trace = this.#tracer?.read(this.#group, traceparent, read.ops.length);
    if (trace === undefined) return queue.push(read);
    const done = (answer: ReadAnswer): void => {
      trace.answered(answer.code);
      read.done(answer);
    };
    const queued = queue.push({ ...read, done });
    if (!queued) trace.answered(Code.BUSY);
    return queued;
  }

  appended(built: readonly BuiltEntry[], firstIndex: LogIndex): void {
    if (this.#observer !== undefined) observeProposed(this.#observer, built);
    if (this.#followed.size === 0) return;
    for (const [i, { writes }] of built.entries()) {
      for (const write of writes) {
        const followed = this.#followed.get(write.done);
        if (followed === undefined) continue;
        followed.index = firstIndex + i;
        followed.trace.appended(followed.index);
      }
    }
  }

  /** Everything up to `index` is durable here. */
  persisted(index: () => LogIndex): void {
    if (this.#followed.size === 0) return;
    const persisted = index();
    for (const followed of this.#followed.values()) {
      if (followed.isSynced || followed.index === 0 || followed.index > persisted) continue;
      followed.isSynced = true;
      followed.trace.synced();
    }
  }

  /** An answer of a follower, before the core sees it. */
  stepped(message: PeerMessage): void {
    if (this.#followed.size === 0) return;
    if (message.kind !== 'appendEntriesResponse' || !message.success) return;
    for (const { index, isCommitted, trace } of this.#followed.values()) {
      if (index === 0 || index > message.matchIndex || isCommitted) continue;
      trace.acknowledged(message.from);
    }
  }

  committed(entries: readonly Entry[]): void {
    if (this.#followed.size === 0) return;
    const last = entries.at(-1)?.index ?? 0;
    for (const followed of this.#followed.values()) {
      if (followed.isCommitted || followed.index === 0 || followed.index > last) continue;
      followed.isCommitted = true;
      followed.trace.committed();
    }
  }
}

/** Entries that only carry the clock or a command are no batches of anybody. */
function observeProposed(observer: HostObserver, built: readonly BuiltEntry[]): void {
  for (const { writes } of built) {
    if (writes.length === 0) continue;
    let opCount = 0;
    for (const { ops } of writes) opCount += ops.length;
    observer.proposed(writes.length, opCount);
  }
}
