/**
 * The replicated state machine of one group. What one entry does, in this order (R12, R16-R18):
 * cluster time moves up; after a clock fallback every lease restarts; one bounded expiry portion;
 * after a limit was lowered one bounded portion of evictions; recency hints; the command or the
 * batches, ops in order, each with the evictions it causes. The digest is taken after all of it.
 */
import {
  type AccessPolicy,
  type BatchEnvelope,
  Code,
  CodecError,
  decodeEntry,
  decodeOpsForApply,
  type EntryCommand,
  type EntryPayload,
  type Op,
  type OpException,
  type ReadResult,
  type StateDigest,
} from '@cashe/codec';
import { AccessTable } from './access-table.js';
import { type CommandAnswer, commandDone } from './command-answer.js';
import { DigestRing } from './digest-ring.js';
import { DigestSum } from './digest-sum.js';
import { Engine } from './engine/engine.js';
import type { CacheRecord } from './engine/record.js';
import { storedValue } from './engine/value-pages.js';
import { StateMachineError } from './error.js';
import { Hash64 } from './hash.js';
import { EVICTIONS_PER_ENTRY_MAX, EXPIRE_PER_ENTRY_MAX } from './limits.js';
import { NodeTable } from './nodes.js';
import { exceptionOf, noExceptions } from './sessions/answers.js';
import { SessionTable } from './sessions/session-table.js';
import { validateSettings } from './settings.js';
import { SettingsTable } from './settings-table.js';
import { SealedScan } from './snapshot/sealed-scan.js';
import type {
  AppliedEntry,
  BatchAnswer,
  DecodedEntry,
  NodeRecord,
  SessionPosition,
  Settings,
  StateMachine,
  StoreGenesis,
  StoreStats,
} from './types.js';

const noValue: Uint8Array = new Uint8Array(0);
const miss: ReadResult = Object.freeze({
  found: false,
  value: noValue,
  revision: 0,
  version: 0,
  ttlMs: undefined,
  code: Code.UNSPECIFIED,
  message: '',
});
const present: ReadResult = Object.freeze({ ...miss, found: true });
const notARead: ReadResult = Object.freeze({
  ...miss,
  code: Code.INVALID_ARGUMENT,
  message: 'the op is no read',
});
const noAnswers: readonly BatchAnswer[] = Object.freeze([]);

/** A group at genesis; throws a StateMachineError when the settings are not valid. */
export function createStore(genesis: StoreGenesis): StateMachine {
  return new Store(genesis);
}

export class Store implements StateMachine {
  appliedIndex = 0;
  readonly genesis: StoreGenesis;
  readonly engine: Engine;
  readonly sessions: SessionTable;
  readonly nodeTable: NodeTable;
  readonly settingsTable: SettingsTable;
  readonly accessTable: AccessTable;
  private hashOfNodes: Hash64;
  private readonly digests = new DigestRing();
  private readonly scalars = new Hash64();
  private scan: SealedScan | undefined = undefined;

  constructor(genesis: StoreGenesis) {
    const problem = validateSettings(genesis.settings);
    if (problem !== undefined) throw new StateMachineError(`settings: ${problem}`);
    this.genesis = genesis;
    this.engine = new Engine(genesis.settings, genesis.hashSeed);
    this.sessions = new SessionTable(genesis.settings);
    this.nodeTable = new NodeTable(genesis.nodes);
    this.settingsTable = new SettingsTable(genesis.settings);
    this.accessTable = new AccessTable(genesis.access);
    this.hashOfNodes = this.nodeTable.hash();
  }

  apply(index: number, data: Uint8Array, decoded: DecodedEntry | undefined): AppliedEntry {
    this.advanceTo(index);
    const payload = decoded === undefined ? decodePayload(data) : decoded.payload;
    const { header } = payload;
    const { engine } = this;
    engine.nowMs = Math.max(engine.nowMs, header.clusterTimeMs);
    if (header.restartLeases) engine.restartLeases();
    engine.maintain();
    engine.expirePortion(EXPIRE_PER_ENTRY_MAX);
    engine.shrinkPortion(EVICTIONS_PER_ENTRY_MAX);
    this.sessions.trim(engine.nowMs);
    for (const key of header.recencyHints) engine.use(key);
    const { command } = header;
    const answer = command === undefined ? undefined : this.execute(command, index, payload);
    const answers = this.applyBatches(payload, decoded);
    this.digests.put(index, this.sum());
    const metaChanged = answer !== undefined && answer.code === Code.OK && isMeta(command);
    return { answers, command: answer, metaChanged, digest: header.digest };
  }

  skip(index: number): void {
    this.advanceTo(index);
    this.digests.put(index, this.sum());
  }

  read(op: Op, hideDueAtMs: number): ReadResult {
    const atMs = Math.max(this.engine.nowMs, hideDueAtMs);
    const record = this.engine.find(op.key, atMs);
    switch (op.kind) {
      case 'get':
        return record === undefined ? miss : this.hit(record, atMs);
      case 'has':
        return record === undefined ? miss : present;
      default:
        return notARead;
    }
  }

  isDue(key: string, clusterTimeMs: number): boolean {
    const record = this.engine.find(key, this.engine.nowMs);
    return record !== undefined && this.engine.isExpired(record, clusterTimeMs);
  }

  nextExpiryMs(): number {
    return this.engine.nextExpiryMs();
  }

  needsClock(): boolean {
    return this.engine.hasLeases || this.sessions.size > 0;
  }

  session(id: number): SessionPosition | undefined {
    return this.sessions.position(id);
  }

  settings(): Settings {
    return this.settingsTable.current;
  }

  settingsHash(): number {
    const { high, low } = this.settingsTable.hash;
    return (high ^ low) >>> 0;
  }

  settingsRevision(): number {
    return this.settingsTable.revision;
  }

  access(): AccessPolicy {
    return this.accessTable.policy;
  }

  accessRevision(): number {
    return this.accessTable.revision;
  }

  nodes(): readonly NodeRecord[] {
    return this.nodeTable.records;
  }

  stats(): StoreStats {
    const { engine, sessions } = this;
    return {
      entries: engine.entries,
      bytes: engine.bytes,
      evictions: engine.evictions,
      expiries: engine.expiries,
      sessions: sessions.size,
      sessionBytes: sessions.bytes,
      revision: engine.revision,
      clusterTimeMs: engine.nowMs,
    };
  }

  digest(): StateDigest {
    const { high, low } = this.sum();
    return { index: this.appliedIndex, high: high >>> 0, low: low >>> 0 };
  }

  digestAt(index: number): StateDigest | undefined {
    return this.digests.at(index);
  }

  seal(): void {
    if (this.scan !== undefined) throw new StateMachineError('a seal is already held');
    this.engine.seal();
    this.sessions.list.seal();
    this.scan = new SealedScan(this);
  }

  scanSealed(bytesMax: number): Uint8Array | undefined {
    if (this.scan === undefined) throw new StateMachineError('nothing is sealed');
    const bytes = this.scan.next(bytesMax);
    if (bytes === undefined) this.unseal();
    return bytes;
  }

  unseal(): void {
    this.scan = undefined;
    this.engine.unseal();
    this.sessions.list.unseal();
  }

  /** For the restorer: the state is complete as of `index`. */
  finishRestore(index: number): void {
    this.appliedIndex = index;
    this.hashOfNodes = this.nodeTable.hash();
    this.digests.put(index, this.sum());
  }

  /** Running sums of records and sessions, with everything that is a single value (R12). */
  sum(): DigestSum {
    const { engine, scalars } = this;
    scalars.start(this.genesis.groupId);
    scalars.integer(engine.nowMs);
    scalars.integer(engine.revision);
    scalars.integer(engine.evictions);
    scalars.integer(engine.expiries);
    scalars.integer(engine.list.moves);
    scalars.integer(this.sessions.list.moves);
    scalars.integer(this.settingsTable.revision);
    scalars.integer(this.accessTable.revision);
    if (engine.restartBoundary !== 0) {
      scalars.integer(engine.restartAtMs);
      scalars.integer(engine.restartWalked);
      scalars.integer(engine.restartBoundary);
    }
    scalars.finish();
    const sum = new DigestSum();
    sum.add(scalars);
    sum.add(engine.sum);
    sum.add(this.sessions.sum);
    sum.add(this.settingsTable.hash);
    sum.add(this.accessTable.hash);
    sum.add(this.hashOfNodes);
    return sum;
  }

  private advanceTo(index: number): void {
    if (index !== this.appliedIndex + 1) {
      throw new StateMachineError(`entry ${index} does not follow entry ${this.appliedIndex}`);
    }
    this.appliedIndex = index;
  }

  private hit(record: CacheRecord, atMs: number): ReadResult {
    const expireAtMs = this.engine.expiryOf(record);
    return {
      found: true,
      value: storedValue(record),
      revision: record.revision,
      version: record.version,
      ttlMs: expireAtMs === 0 ? undefined : expireAtMs - atMs,
      code: Code.UNSPECIFIED,
      message: '',
    };
  }

  private execute(command: EntryCommand, index: number, payload: EntryPayload): CommandAnswer {
    const { nowMs } = this.engine;
    if (command.kind === 'openSession') {
      const code = this.sessions.open(index, command.owner, nowMs);
      return code === Code.OK ? commandDone : { code, message: 'too many sessions are in use' };
    }
    if (command.kind === 'closeSession') {
      const code = this.sessions.close(command.session, command.principal);
      return code === Code.OK ? commandDone : { code, message: '' };
    }
    if (command.kind === 'changeSettings') return this.changeSettings(command);
    if (this.genesis.groupId !== 0) {
      return { code: Code.INVALID_ARGUMENT, message: 'only group 0 records nodes and access' };
    }
    if (command.kind === 'setAccess') return this.accessTable.apply(command);
    const answer = this.nodeTable.apply(command, index, payload.header.formatVersion);
    if (answer.code === Code.OK) this.hashOfNodes = this.nodeTable.hash();
    return answer;
  }

  private changeSettings(
    command: Extract<EntryCommand, { kind: 'changeSettings' }>,
  ): CommandAnswer {
    const answer = this.settingsTable.apply(command, this.genesis.groupId);
    this.engine.settings = this.settings();
    this.sessions.settings = this.settings();
    return answer;
  }

  private applyBatches(
    payload: EntryPayload,
    decoded: DecodedEntry | undefined,
  ): readonly BatchAnswer[] {
    const { envelopes } = payload.header;
    if (envelopes.length === 0) return noAnswers;
    const answers: BatchAnswer[] = [];
    for (let at = 0; at < envelopes.length; at++) {
      const envelope = envelopes[at]!;
      let answer = this.sessions.admit(envelope, this.engine.nowMs);
      if (answer === undefined) {
        const ops = decoded?.ops[at] ?? decodeBatch(payload.batches[at], envelope);
        answer = this.executeBatch(envelope, ops);
        this.sessions.remember(envelope, answer, this.engine.nowMs);
      }
      answers.push(answer);
    }
    return answers;
  }

  private executeBatch(envelope: BatchEnvelope, ops: readonly (Op | undefined)[]): BatchAnswer {
    const { verdicts } = envelope;
    let exceptions: OpException[] | undefined;
    let firstRevision = 0;
    let verdictAt = 0;
    for (let index = 0; index < ops.length; index++) {
      const op = ops[index];
      let code: Code;
      if (verdictAt < verdicts.length && verdicts[verdictAt]!.index === index) {
        code = verdicts[verdictAt++]!.code;
      } else {
        code = this.executeOp(op);
      }
      if (code !== Code.OK) {
        exceptions ??= [];
        exceptions.push(exceptionOf(index, code));
      } else if (firstRevision === 0) {
        firstRevision = this.engine.revision;
      }
    }
    return { code: Code.OK, firstRevision, exceptions: exceptions ?? noExceptions };
  }

  private executeOp(op: Op | undefined): Code {
    if (op === undefined) throw new StateMachineError('an op without a verdict is missing');
    switch (op.kind) {
      case 'set':
        return this.engine.set(op);
      case 'delete':
        return this.engine.delete(op.key);
      default:
        throw new StateMachineError(`a write batch holds a ${op.kind}`);
    }
  }
}

function isMeta(command: EntryCommand | undefined): boolean {
  return command !== undefined && command.kind !== 'openSession' && command.kind !== 'closeSession';
}

function decodePayload(data: Uint8Array): EntryPayload {
  try {
    return decodeEntry(data);
  } catch (error) {
    throw asCorruption(error);
  }
}

function decodeBatch(
  bytes: Uint8Array | undefined,
  envelope: BatchEnvelope,
): readonly (Op | undefined)[] {
  if (bytes === undefined) throw new StateMachineError('an envelope has no batch');
  try {
    return decodeOpsForApply(bytes, envelope.opCount, envelope.verdicts);
  } catch (error) {
    throw asCorruption(error);
  }
}

function asCorruption(error: unknown): unknown {
  if (!(error instanceof CodecError)) return error;
  return new StateMachineError(error.message, { cause: error });
}
