/**
 * Read batches on their way to an answer (R4, R13, R17). A linearizable batch passes four gates in
 * order: a ReadIndex round sent after it arrived, the state machine having applied that index, its
 * own session's earlier writes, and no key of it being due but not yet expired in the log.
 */
import {
  Code,
  Consistency,
  type Op,
  type ReadAnswer,
  type ReadBatch,
  type ReadResult,
  type RefusedOp,
} from '@cashe/codec';
import type { LogIndex } from '@cashe/raft';
import type { StateMachine } from '@cashe/store';
import type { AccessGuard } from './access-guard.js';
import type { HostConfig } from './host-config.js';

export interface QueuedRead {
  readonly batch: ReadBatch;
  readonly principal: string;
  /** An op the decoder refused is undefined; its result is in `verdicts`. */
  readonly ops: readonly (Op | undefined)[];
  readonly verdicts: readonly RefusedOp[];
  readonly deadlineMs: number;
  readonly done: (answer: ReadAnswer) => void;
}

interface WaitingRead extends QueuedRead {
  readonly index: LogIndex;
  /** When the wait for the session's writes began; 0 until it did. */
  sinceMs: number;
}

/** What serving needs of the replica. */
interface ReadView {
  readonly store: StateMachine;
  readonly access: AccessGuard;
  /** Leader's cluster time now, ms. */
  readonly clusterTimeMs: number;
  readonly nowMs: number;
  /** A get or getMany found this key: recency (R18). */
  hit(key: string): void;
  miss(): void;
}

interface Served {
  /** A key is due that the log has not expired yet: a clock entry is wanted (R17). */
  readonly due: boolean;
  /** The step's work is used up: some of the rest can be served by the next one. */
  readonly more: boolean;
}

export class Reads {
  readonly #config: HostConfig;
  #queued: QueuedRead[] = [];
  /** By context of the ReadIndex request that covers them. */
  readonly #rounds: Map<number, QueuedRead[]> = new Map();
  #waiting: WaitingRead[] = [];
  #context = 0;
  #count = 0;

  constructor(config: HostConfig) {
    this.#config = config;
  }

  get hasQueued(): boolean {
    return this.#queued.length > 0;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  push(read: QueuedRead): boolean {
    if (this.#count >= this.#config.readBatchesMax) return false;
    this.#count += 1;
    this.#queued.push(read);
    return true;
  }

  /** Everything queued shares one ReadIndex request; `ask` passes its context to the core. */
  startRound(ask: (context: number) => 'accepted' | 'notLeader' | 'full'): void {
    if (this.#queued.length === 0) return;
    this.#context += 1;
    const batches = this.#queued;
    const result = ask(this.#context);
    if (result === 'full') return;
    this.#queued = [];
    if (result === 'accepted') this.#rounds.set(this.#context, batches);
    else for (const read of batches) this.#refuse(read, Code.NOT_LEADER, NOT_LEADER);
  }

  confirmed(context: number, index: LogIndex): void {
    const batches = this.#rounds.get(context);
    if (batches === undefined) return;
    this.#rounds.delete(context);
    for (const read of batches) this.#waiting.push({ ...read, index, sinceMs: 0 });
  }

  aborted(context: number): void {
    const batches = this.#rounds.get(context) ?? [];
    this.#rounds.delete(context);
    for (const read of batches) this.#refuse(read, Code.NOT_LEADER, NOT_LEADER);
  }

  /** Leadership was lost: nothing here can be answered any more. */
  abandon(): void {
    for (const context of [...this.#rounds.keys()]) this.aborted(context);
    const rest = [...this.#queued, ...this.#waiting];
    this.#queued = [];
    this.#waiting = [];
    for (const read of rest) this.#refuse(read, Code.NOT_LEADER, NOT_LEADER);
  }

  /** Answers what can be answered now. */
  serve(view: ReadView): Served {
    const waiting = this.#waiting;
    this.#waiting = [];
    let opsLeft = this.#config.readOpsPerStepMax;
    let due = false;
    for (const read of waiting) {
      if (opsLeft <= 0 || read.index > view.store.appliedIndex) {
        this.#waiting.push(read);
      } else if (read.deadlineMs <= view.nowMs) {
        this.#refuse(read, Code.DEADLINE_EXCEEDED, 'deadline passed before the read was served');
      } else if (!this.#sessionReady(read, view)) {
        this.#holdForSession(read, view.nowMs);
      } else if (read.ops.some((op) => op && view.store.isDue(op.key, view.clusterTimeMs))) {
        due = true;
        this.#waiting.push(read);
      } else {
        opsLeft -= read.ops.length;
        this.#count -= 1;
        read.done(answerRead(read, view, this.#config.readAnswerBytesMax));
      }
    }
    return { due, more: opsLeft <= 0 && this.#waiting.length > 0 };
  }

  #sessionReady(read: WaitingRead, view: ReadView): boolean {
    const { afterSequence, session } = read.batch;
    if (afterSequence === 0) return true;
    const position = view.store.session(session);
    if (position === undefined) return true;
    return position.appliedSequence >= afterSequence || position.firstOutstanding > afterSequence;
  }

  #holdForSession(read: WaitingRead, nowMs: number): void {
    if (read.sinceMs === 0) read.sinceMs = nowMs;
    if (nowMs - read.sinceMs >= this.#config.readWaitMs) {
      this.#refuse(read, Code.RETRY, 'earlier writes of the session have not arrived');
    } else {
      this.#waiting.push(read);
    }
  }

  #refuse(read: QueuedRead, code: Code, message: string): void {
    this.#count -= 1;
    read.done(refusedRead(read.batch, code, message));
  }
}

const NOT_LEADER = 'this node does not lead the group';
const EMPTY: Uint8Array = new Uint8Array(0);

/** Reads every op of the batch at the state, and by the policy, applied now. */
export function answerRead(read: QueuedRead, view: ReadView, bytesMax: number): ReadAnswer {
  const { ops, verdicts } = view.access.checkOps(read.principal, 'read', read);
  const results: ReadResult[] = [];
  let bytes = 0;
  for (const op of ops) {
    if (op === undefined) {
      results.push(opRefusal(Code.INVALID_ARGUMENT, ''));
      continue;
    }
    const result = view.store.read(op, view.clusterTimeMs);
    if (bytes > 0 && bytes + result.value.length > bytesMax) {
      results.push(opRefusal(Code.RETRY, 'the answer is full: ask for the rest again'));
      continue;
    }
    if (op.kind === 'get') {
      if (result.found) view.hit(op.key);
      else view.miss();
    }
    bytes += result.value.length;
    results.push(result);
  }
  for (const { index, code, message } of verdicts) results[index] = opRefusal(code, message);
  return {
    kind: 'read',
    transmission: read.batch.transmission,
    code: Code.OK,
    message: '',
    revision: view.store.stats().revision,
    ageMs: 0,
    results,
  };
}

function opRefusal(code: Code, message: string): ReadResult {
  return { found: false, value: EMPTY, revision: 0, version: 0, ttlMs: undefined, code, message };
}

export function refusedRead(batch: ReadBatch, code: Code, message: string): ReadAnswer {
  return {
    kind: 'read',
    transmission: batch.transmission,
    code,
    message,
    revision: 0,
    ageMs: 0,
    results: [],
  };
}

/** A read of nothing. */
export const BARRIER: ReadBatch = {
  kind: 'read',
  transmission: 0,
  group: 0,
  session: 0,
  afterSequence: 0,
  consistency: Consistency.LINEARIZABLE,
  remainingMs: 0,
  ops: new Uint8Array(0),
};
