/**
 * Writes on their way into the log: a bounded queue of batches and commands, the builder that
 * turns them into entries, and those that wait for their entry to be applied (R29).
 */
import {
  Code,
  type DerivedLimits,
  type EntryCommand,
  type EntryPayload,
  encodeEntry,
  FORMAT_VERSION,
  type Op,
  type OpException,
  Outcome,
  type StateDigest,
  type Verdict,
  type WriteAnswer,
  type WriteBatch,
} from '@cashe/codec';
import type { LogIndex, Term } from '@cashe/raft';
import type { AppliedEntry, BatchAnswer, DecodedEntry } from '@cashe/store';
import type { HostConfig } from './host-config.js';

/** What became of a command (session, node record): outcome first, detail after. */
export interface CommandResult {
  readonly code: Code;
  readonly outcome: Outcome;
  readonly message: string;
  /** Index of the entry that carried it, when committed: ids are made of it (R8, R14). */
  readonly index: LogIndex;
}

/** A batch the leader has checked and decoded. */
export interface QueuedWrite {
  readonly batch: WriteBatch;
  readonly principal: string;
  readonly ops: readonly (Op | undefined)[];
  readonly verdicts: readonly (Verdict & { readonly message: string })[];
  readonly crc: number;
  readonly deadlineMs: number;
  readonly done: (answer: WriteAnswer) => void;
}

interface QueuedCommand {
  readonly command: EntryCommand;
  readonly deadlineMs: number;
  readonly done: (result: CommandResult) => void;
}

/** What the leader adds to the next entry. */
export interface EntryStamp {
  readonly clusterTimeMs: number;
  readonly restartLeases: boolean;
  readonly recencyHints: readonly string[];
  readonly digest: StateDigest | undefined;
}

/** An encoded entry and who waits for it. */
export interface BuiltEntry {
  readonly data: Uint8Array;
  readonly decoded: DecodedEntry;
  readonly writes: readonly QueuedWrite[];
  readonly command: QueuedCommand | undefined;
}

interface Waiter extends BuiltEntry {
  readonly term: Term;
}

export class Writes {
  readonly #config: HostConfig;
  #queue: QueuedWrite[] = [];
  #head = 0;
  #queueBytes = 0;
  #commands: QueuedCommand[] = [];
  readonly #waiters: Map<LogIndex, Waiter> = new Map();

  constructor(config: HostConfig) {
    this.#config = config;
  }

  get hasQueued(): boolean {
    return this.#queue.length > this.#head || this.#commands.length > 0;
  }

  get waitingCount(): number {
    return this.#waiters.size;
  }

  /** False when the queue is full: the caller answers BUSY. */
  push(write: QueuedWrite): boolean {
    const queued = this.#queue.length - this.#head;
    const bytes = this.#queueBytes + write.batch.ops.length;
    if (queued >= this.#config.proposalsMax) return false;
    if (bytes > this.#config.proposalBytesMax && queued > 0) return false;
    this.#queue.push(write);
    this.#queueBytes = bytes;
    return true;
  }

  pushCommand(
    command: EntryCommand,
    deadlineMs: number,
    done: (result: CommandResult) => void,
  ): boolean {
    if (this.#commands.length >= this.#config.proposalsMax) return false;
    this.#commands.push({ command, deadlineMs, done });
    return true;
  }

  /**
   * Takes what is queued into entries: batches into as few as the limits allow, each command into
   * one of its own. What has passed its deadline is answered instead: it was never proposed.
   * `permit` gives a verdict to each op that may not be executed: as late as that, so that the
   * policy in force decides and not the one from when the batch came (R40).
   */
  take(
    nowMs: number,
    limits: DerivedLimits,
    stamp: (roomBytes: number) => EntryStamp,
    permit: (write: QueuedWrite) => QueuedWrite,
  ): BuiltEntry[] {
    const built: BuiltEntry[] = [];
    // Commands take at most half of a step, so that they cannot starve batches.
    while (built.length < this.#config.entriesPerStepMax / 2) {
      const command = this.#takeCommand(nowMs);
      if (command === undefined) break;
      built.push(buildEntry([], command, stamp(0)));
    }
    while (built.length < this.#config.entriesPerStepMax) {
      const writes = this.#takeBatches(nowMs, limits, permit);
      if (writes.length === 0) break;
      const used = writes.reduce((sum, write) => sum + sizeOf(write), HEADER_BYTES);
      built.push(buildEntry(writes, undefined, stamp(limits.entryBytesMax - used)));
    }
    return built;
  }

  #takeCommand(nowMs: number): QueuedCommand | undefined {
    let command = this.#commands.shift();
    while (command !== undefined && command.deadlineMs <= nowMs) {
      command.done(refusedCommand(Code.DEADLINE_EXCEEDED, 'deadline passed before proposing'));
      command = this.#commands.shift();
    }
    return command;
  }

  #takeBatches(
    nowMs: number,
    limits: DerivedLimits,
    permit: (write: QueuedWrite) => QueuedWrite,
  ): QueuedWrite[] {
    const writes: QueuedWrite[] = [];
    let bytes = 0;
    let ops = 0;
    while (this.#head < this.#queue.length) {
      const next = permit(this.#queue[this.#head] as QueuedWrite);
      this.#queue[this.#head] = next;
      const size = sizeOf(next);
      if (writes.length > 0 && bytes + size > limits.entryBytesMax - HEADER_BYTES) break;
      if (writes.length > 0 && ops + next.ops.length > this.#config.entryOpsMax) break;
      this.#head += 1;
      this.#queueBytes -= next.batch.ops.length;
      if (next.deadlineMs <= nowMs) {
        next.done(refusedWrite(next, Code.DEADLINE_EXCEEDED, 'deadline passed before proposing'));
        continue;
      }
      writes.push(next);
      bytes += size;
      ops += next.ops.length;
    }
    // What was taken must not stay referenced when the queue never runs empty.
    if (this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return writes;
  }

  /** The entries were appended from `firstIndex` on. */
  appended(built: readonly BuiltEntry[], term: Term, firstIndex: LogIndex): void {
    for (const [i, entry] of built.entries()) {
      this.#waiters.set(firstIndex + i, { ...entry, term });
    }
  }

  /** The core did not append: nothing happened to any of them. */
  refuse(built: readonly BuiltEntry[], code: Code, message: string): void {
    for (const entry of built) {
      for (const write of entry.writes) write.done(refusedWrite(write, code, message));
      entry.command?.done(refusedCommand(code, message));
    }
  }

  /** Refuses everything queued and not yet proposed. */
  refuseQueued(code: Code, message: string): void {
    const queued = this.#queue.slice(this.#head);
    const commands = this.#commands;
    this.#queue = [];
    this.#head = 0;
    this.#queueBytes = 0;
    this.#commands = [];
    for (const write of queued) write.done(refusedWrite(write, code, message));
    for (const command of commands) command.done(refusedCommand(code, message));
  }

  /** What the leader decoded for the entry committed at `index`, when it is still that entry. */
  decodedAt(index: LogIndex, term: Term): DecodedEntry | undefined {
    const waiter = this.#waiters.get(index);
    return waiter !== undefined && waiter.term === term ? waiter.decoded : undefined;
  }

  /** The entry of `term` at `index` was applied (R29: another term proves "not committed"). */
  applied(index: LogIndex, term: Term, result: AppliedEntry | undefined): void {
    const waiter = this.#waiters.get(index);
    if (waiter === undefined) return;
    this.#waiters.delete(index);
    if (waiter.term !== term || result === undefined) {
      this.refuse([waiter], Code.NOT_LEADER, 'another leader wrote this log position');
      return;
    }
    for (const [i, write] of waiter.writes.entries()) {
      write.done(answerOf(write, result.answers[i] as BatchAnswer));
    }
    waiter.command?.done(commandAnswer(result, index));
  }

  /**
   * Leadership was lost: what was appended may or may not commit. The waiters stay no longer; a
   * retransmission with the same number finds out (R15).
   */
  abandon(): void {
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    const message = 'leadership was lost after the batch was proposed';
    for (const waiter of waiters) {
      for (const write of waiter.writes) {
        write.done(writeAnswer(write, Code.UNKNOWN_OUTCOME, Outcome.UNKNOWN, message));
      }
      waiter.command?.done({
        code: Code.UNKNOWN_OUTCOME,
        outcome: Outcome.UNKNOWN,
        message,
        index: 0,
      });
    }
  }
}

/** Upper bounds of what the header adds: itself without hints, an envelope, a verdict. */
const HEADER_BYTES = 64;
const ENVELOPE_BYTES = 192;
const VERDICT_BYTES = 16;

function sizeOf(write: QueuedWrite): number {
  return write.batch.ops.length + ENVELOPE_BYTES + write.verdicts.length * VERDICT_BYTES;
}

function buildEntry(
  writes: readonly QueuedWrite[],
  command: QueuedCommand | undefined,
  stamp: EntryStamp,
): BuiltEntry {
  const payload: EntryPayload = {
    header: {
      formatVersion: FORMAT_VERSION,
      clusterTimeMs: stamp.clusterTimeMs,
      restartLeases: stamp.restartLeases,
      envelopes: writes.map(envelopeOf),
      recencyHints: stamp.recencyHints,
      digest: stamp.digest,
      command: command?.command,
    },
    batches: writes.map((write) => write.batch.ops),
  };
  const decoded = { payload, ops: writes.map((write) => write.ops) };
  return { data: encodeEntry(payload), decoded, writes, command };
}

function envelopeOf(write: QueuedWrite): EntryPayload['header']['envelopes'][number] {
  const { batch } = write;
  return {
    session: batch.session,
    sequence: batch.sequence,
    firstOutstanding: batch.firstOutstanding,
    crc: write.crc,
    principal: write.principal,
    opCount: write.ops.length,
    verdicts: write.verdicts,
  };
}

/** An entry that only carries the clock (and hints, digest). */
export function clockEntry(stamp: EntryStamp): BuiltEntry {
  return buildEntry([], undefined, stamp);
}

function writeAnswer(
  write: { readonly batch: WriteBatch },
  code: Code,
  outcome: Outcome,
  message: string,
): WriteAnswer {
  return {
    kind: 'write',
    transmission: write.batch.transmission,
    code,
    outcome,
    message,
    firstRevision: 0,
    exceptions: [],
  };
}

/** An answer to a batch that was not, and through this transmission never will be, executed. */
export function refusedWrite(
  write: { readonly batch: WriteBatch },
  code: Code,
  message: string,
): WriteAnswer {
  return writeAnswer(write, code, Outcome.NOT_COMMITTED, message);
}

function refusedCommand(code: Code, message: string): CommandResult {
  return { code, outcome: Outcome.NOT_COMMITTED, message, index: 0 };
}

function commandAnswer(result: AppliedEntry, index: LogIndex): CommandResult {
  const answer = result.command ?? { code: Code.OK, message: '' };
  const outcome = answer.code === Code.OK ? Outcome.COMMITTED : Outcome.NOT_COMMITTED;
  return { code: answer.code, outcome, message: answer.message, index };
}

function answerOf(write: QueuedWrite, answer: BatchAnswer): WriteAnswer {
  if (answer.code !== Code.OK) {
    return refusedWrite(write, answer.code, REFUSALS[answer.code] ?? '');
  }
  return {
    kind: 'write',
    transmission: write.batch.transmission,
    code: Code.OK,
    outcome: Outcome.COMMITTED,
    message: '',
    firstRevision: answer.firstRevision,
    exceptions:
      write.verdicts.length === 0 ? answer.exceptions : explained(answer.exceptions, write),
  };
}

/**
 * Puts the leader's own words to the ops it refused: they name the limit or the right. The batch
 * may have been executed by an earlier transmission, when other ops were refused, or none.
 */
function explained(exceptions: readonly OpException[], write: QueuedWrite): OpException[] {
  const verdicts = new Map(write.verdicts.map((verdict) => [verdict.index, verdict]));
  return exceptions.map((exception) => {
    const verdict = verdicts.get(exception.index);
    return verdict?.code === exception.code
      ? { ...exception, message: verdict.message }
      : exception;
  });
}

const REFUSALS: Partial<Record<Code, string>> = {
  [Code.SESSION_UNKNOWN]: 'no such session: closed, or evicted while idle',
  [Code.STALE]: 'the sequence is below first_outstanding',
  [Code.TOO_MANY]: "the sequence is beyond the session's window",
  [Code.SESSION_CONFLICT]: 'the sequence was used for other bytes, or by another principal',
  [Code.OUT_OF_ORDER]: 'an earlier sequence is missing',
  [Code.RESOURCE_EXHAUSTED]: 'the sessions of this group remember too much',
};
