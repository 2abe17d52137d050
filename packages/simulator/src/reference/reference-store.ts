/** The reference state machine of one group: committed entries in, what must be answered out. */
import {
  type AccessPolicy,
  type BatchEnvelope,
  Code,
  decodeEntry,
  decodeOpsForApply,
  type EntryCommand,
  type Op,
  type SettingsChanges,
} from '@cashe/codec';
import { type BatchAnswer, changedSettings, type Settings } from '@cashe/store';
import { ReferenceAccess } from './reference-access.js';
import { type Effect, ReferenceCache } from './reference-cache.js';
import { ReferenceSessions } from './reference-sessions.js';

/** What one entry must have done, and what the group must count after it. */
export interface ReferenceResult {
  readonly answers: readonly BatchAnswer[];
  /** Code of a command; undefined for any other entry, and for commands about nodes. */
  readonly command: Code | undefined;
  readonly counts: ReferenceCounts;
  readonly settings: Settings;
  readonly accessRevision: number;
}

export interface ReferenceCounts {
  readonly entries: number;
  readonly bytes: number;
  readonly evictions: number;
  readonly expiries: number;
  readonly sessions: number;
  readonly revision: number;
  readonly clusterTimeMs: number;
}

interface ReferenceListener {
  onEffect(effect: Effect): void;
  /** A batch executes; its tag is unlike that of any other batch. */
  onExecuted(envelope: BatchEnvelope, tag: string): void;
}

const TAG_BYTES = 8;

export class ReferenceStore {
  readonly access: ReferenceAccess;
  readonly #cache: ReferenceCache;
  readonly #sessions: ReferenceSessions;
  readonly #listener: ReferenceListener;
  #settings: Settings;

  constructor(settings: Settings, access: AccessPolicy, listener: ReferenceListener) {
    this.#settings = settings;
    this.access = new ReferenceAccess(access);
    this.#cache = new ReferenceCache(settings, (effect) => listener.onEffect(effect));
    this.#sessions = new ReferenceSessions(settings);
    this.#listener = listener;
  }

  apply(index: number, data: Uint8Array): ReferenceResult {
    const { header, batches } = decodeEntry(data);
    const cache = this.#cache;
    cache.nowMs = Math.max(cache.nowMs, header.clusterTimeMs);
    if (header.restartLeases) cache.restartLeases();
    cache.expire();
    cache.shrink();
    this.#sessions.trim(cache.nowMs);
    for (const key of header.recencyHints) cache.use(key);
    const command = this.#execute(header.command, index);
    const answers = header.envelopes.map((envelope, at) => {
      return this.#answer(envelope, batches[at] ?? new Uint8Array(0));
    });
    const [settings, accessRevision] = [this.#settings, this.access.revision];
    return { answers, command, counts: this.counts(), settings, accessRevision };
  }

  counts(): ReferenceCounts {
    const { entries, bytes, evictions, expiries, revision, nowMs } = this.#cache;
    const sessions = this.#sessions.size;
    return { entries, bytes, evictions, expiries, sessions, revision, clusterTimeMs: nowMs };
  }

  #execute(command: EntryCommand | undefined, index: number): Code | undefined {
    const { nowMs } = this.#cache;
    if (command?.kind === 'openSession') return this.#sessions.open(index, command.owner, nowMs);
    if (command?.kind === 'changeSettings') return this.#change(command.changes);
    if (command?.kind === 'setAccess') return this.access.set(command, index);
    if (command?.kind !== 'closeSession') return undefined;
    return this.#sessions.close(command.session, command.principal);
  }

  /** Leaders propose only what is valid. */
  #change(changes: SettingsChanges): Code {
    this.#settings = changedSettings(this.#settings, changes);
    this.#cache.settings = this.#settings;
    this.#sessions.settings = this.#settings;
    return Code.OK;
  }

  get settings(): Settings {
    return this.#settings;
  }

  #answer(envelope: BatchEnvelope, bytes: Uint8Array): BatchAnswer {
    const { nowMs } = this.#cache;
    const known = this.#sessions.admit(envelope, nowMs);
    if (known !== undefined) return known;
    const tag = bytes.subarray(bytes.length - TAG_BYTES).join();
    this.#listener.onExecuted(envelope, tag);
    const ops = decodeOpsForApply(bytes, envelope.opCount, envelope.verdicts);
    const codes = new Map(envelope.verdicts.map(({ index, code }) => [index, code]));
    let firstRevision = 0;
    const exceptions: { readonly index: number; readonly code: Code; readonly message: string }[] =
      [];
    for (const [index, op] of ops.entries()) {
      const code = codes.get(index) ?? this.#executeOp(op);
      if (code !== Code.OK) exceptions.push({ index, code, message: '' });
      else if (firstRevision === 0) firstRevision = this.#cache.revision;
    }
    const answer = { code: Code.OK, firstRevision, exceptions };
    this.#sessions.remember(envelope, answer, nowMs);
    return answer;
  }

  #executeOp(op: Op | undefined): Code {
    if (op?.kind === 'set') return this.#cache.set(op);
    return op === undefined ? Code.OK : this.#cache.delete(op.key);
  }
}
