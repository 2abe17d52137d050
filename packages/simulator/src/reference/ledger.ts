/**
 * The one history of a run: every committed entry in the order of the log, applied once to the
 * reference state machine at the moment when the first replica applies it. Every replica must do
 * with every entry what the reference did, and every call must fit into this history (I1, I6).
 */

import type { AccessPolicy } from '@cashe/codec';
import type { Entry } from '@cashe/raft';
import type { AppliedEntry, BatchAnswer, Settings, StateMachine } from '@cashe/store';
import type { History } from '../checker/history.js';
import { SimulationFailure } from '../failure.js';
import { LeaseCheck } from './lease-check.js';
import type { ReferenceAccess } from './reference-access.js';
import type { Effect, ReferenceRecord } from './reference-cache.js';
import { type ReferenceCounts, type ReferenceResult, ReferenceStore } from './reference-store.js';
import { Timeline } from './timeline.js';

/** A write that took effect. */
export interface Executed {
  readonly index: number;
  readonly key: string;
  readonly revision: number;
}

/** Results that are kept to hold replicas against which are behind. */
const RESULTS_MAX = 200_000;
const COUNTED = [
  'entries',
  'bytes',
  'evictions',
  'expiries',
  'sessions',
  'revision',
  'clusterTimeMs',
] as const;

export class Ledger {
  /** Of the newest entry any replica has applied. */
  index = 0;
  /** Of that entry. */
  term = 0;
  readonly timeline: Timeline = new Timeline();
  readonly leases: LeaseCheck = new LeaseCheck();
  readonly #history: History;
  readonly #reference: ReferenceStore;
  readonly #results: Map<number, ReferenceResult | undefined> = new Map();
  /** Sets by value, deletes by revision. */
  readonly #sets: Map<string, Executed> = new Map();
  readonly #deletes: Map<number, Executed> = new Map();
  readonly #tags: Map<string, number> = new Map();
  /** Where the log stood when a set was called, by its value. */
  readonly #calls: Map<string, number> = new Map();
  /** Of the batch that is being executed. */
  #principal = '';
  #nowMs = 0;

  constructor(settings: Settings, access: AccessPolicy, history: History) {
    this.#history = history;
    this.#reference = new ReferenceStore(settings, access, {
      onEffect: (effect) => this.#onEffect(effect),
      onExecuted: (envelope, tag) => {
        const other = this.#tags.get(tag);
        const { session, sequence } = envelope;
        const which = `batch ${sequence} of session ${session}`;
        if (other !== undefined) refute(`${which} executed at ${other} and at ${this.index}`);
        this.#tags.set(tag, this.index);
        this.#principal = envelope.principal;
      },
    });
  }

  /** A replica has applied an entry. */
  applied(
    nodeId: string,
    entry: Entry,
    { result, store }: { readonly result: AppliedEntry | undefined; readonly store: StateMachine },
    nowMs: number,
  ): void {
    if (entry.index > this.index) this.#advance(nodeId, entry, nowMs);
    const expected = this.#results.get(entry.index);
    if (expected === undefined || result === undefined) return;
    const where = `${nodeId}, entry ${entry.index}`;
    checkAnswers(where, expected.answers, result.answers);
    const { command } = expected;
    if (command !== undefined && command !== result.command?.code) {
      refute(`${where}: the command was answered ${result.command?.code}, expected ${command}`);
    }
    checkCounts(where, expected.counts, store);
    checkIntended(where, expected, store);
  }

  get settings(): Settings {
    return this.#reference.settings;
  }

  get access(): ReferenceAccess {
    return this.#reference.access;
  }

  /** A set of this value was called now. */
  called(value: string): void {
    this.#calls.set(value, this.index);
  }

  setOf(value: string): Executed | undefined {
    return this.#sets.get(value);
  }

  deleteOf(revision: number): Executed | undefined {
    return this.#deletes.get(revision);
  }

  /** The key's state once that entry was applied. */
  at(key: string, index: number): ReferenceRecord | undefined {
    return this.timeline.at(key, index);
  }

  counts(): ReferenceCounts {
    return this.#reference.counts();
  }

  #advance(nodeId: string, entry: Entry, nowMs: number): void {
    if (entry.index !== this.index + 1) {
      refute(`${nodeId} applied entry ${entry.index}, but nobody has applied ${this.index + 1}`);
    }
    this.index = entry.index;
    this.term = entry.term;
    this.#nowMs = nowMs;
    const isNormal = entry.kind === 'normal';
    const result = isNormal ? this.#reference.apply(entry.index, entry.data) : undefined;
    this.#results.set(entry.index, result);
    this.#results.delete(entry.index - RESULTS_MAX);
  }

  /** R40: a policy counts for every call that comes after it, whoever leads then. */
  #checkAllowed(key: string, value: string): void {
    const from = this.#calls.get(value);
    if (from === undefined) return;
    const principal = this.#principal;
    if (this.access.allowed(from, principal, 'write', key)) return;
    refute(`${principal} set ${key} to ${value} at ${this.index}: denied since ${from}`);
  }

  #onEffect(effect: Effect): void {
    const { kind, key, revision, record } = effect;
    this.timeline.add(this.index, effect);
    this.leases.onEffect(effect, this.term, this.#nowMs);
    if (kind === 'set' && record !== undefined) {
      const other = this.#sets.get(record.value);
      if (other !== undefined)
        refute(`${record.value} was set at ${other.index} and ${this.index}`);
      this.#sets.set(record.value, { index: this.index, key, revision });
      this.#checkAllowed(key, record.value);
    } else if (kind === 'delete') {
      this.#deletes.set(revision, { index: this.index, key, revision });
    } else if (kind !== 'restart') {
      // To clients an eviction or expiry is a delete by somebody else, exactly now.
      const call = { client: 'the cluster', kind: 'delete', key, ms: this.#nowMs } as const;
      const id = this.#history.begin(call);
      this.#history.end(id, { ms: this.#nowMs, outcome: 'ok', result: { found: true } });
    }
  }
}

function checkAnswers(
  where: string,
  expected: readonly BatchAnswer[],
  answers: readonly BatchAnswer[],
): void {
  for (const [at, one] of expected.entries()) {
    const other = answers[at];
    const same =
      other !== undefined &&
      other.code === one.code &&
      other.firstRevision === one.firstRevision &&
      other.exceptions.length === one.exceptions.length &&
      one.exceptions.every(({ index, code }, place) => {
        const exception = other.exceptions[place];
        return exception?.index === index && exception.code === code;
      });
    if (!same) {
      const [should, is] = [JSON.stringify(one), JSON.stringify(other)];
      refute(`${where}: batch ${at} was answered ${is}, expected ${should}`);
    }
  }
}

function checkCounts(where: string, expected: ReferenceCounts, store: StateMachine): void {
  const stats = store.stats();
  for (const name of COUNTED) {
    if (stats[name] === expected[name]) continue;
    refute(`${where}: ${name} is ${stats[name]}, expected ${expected[name]}`);
  }
}

function checkIntended(where: string, expected: ReferenceResult, store: StateMachine): void {
  const revision = store.accessRevision();
  if (revision !== expected.accessRevision) {
    refute(`${where}: access revision ${revision}, expected ${expected.accessRevision}`);
  }
  const settings = store.settings();
  for (const [name, value] of Object.entries(expected.settings)) {
    const found = settings[name as keyof Settings];
    if (found !== value) refute(`${where}: ${name} is ${found}, expected ${value}`);
  }
}

function refute(message: string): never {
  throw new SimulationFailure('safety', message);
}
