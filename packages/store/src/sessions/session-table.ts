/**
 * Exactly-once (R14). For a batch with sequence s and firstOutstanding f against a session with
 * firstOutstanding F and highest executed sequence A, let G = max(F, f). The first rule that
 * matches decides; only the last two have an effect, and only the last executes:
 *
 *   no such session                    SESSION_UNKNOWN
 *   principal is not the owner         SESSION_CONFLICT
 *   f > s or s < G                     STALE: the client itself calls s settled
 *   s <= A, same CRC                   the remembered answer; G becomes F
 *   s <= A, other CRC                  SESSION_CONFLICT
 *   s >= G + window                    TOO_MANY
 *   s > max(A + 1, G)                  OUT_OF_ORDER: something between is missing and not settled
 *   no room for one more answer        RESOURCE_EXHAUSTED
 *   else                               executed; G becomes F, s becomes A, the answer is remembered
 *
 * Invariant: the sequences from F to A are all remembered. It holds for a new session (F = 1,
 * A = 0). Raising F drops from the front. Executing s needs s <= max(A + 1, G): if s = A + 1 the
 * run grows by one at its end; if s = G > A + 1 everything below G was settled by the client and
 * is dropped, and the run is s alone. So `s <= A` after `s >= G` means remembered: a number that
 * was skipped is below F for ever and is STALE, and no number can be executed twice.
 *
 * A refused batch changes nothing of its session, not even lastUsedMs and F: a conflicting one may
 * be forged and a reordered one old, and what they say is repeated by the next one executed.
 *
 * Bounds. Idle means: no batch executed or answered again for sessionIdleMs of cluster time. Only
 * idle sessions are evicted, longest idle first, and only to make room; else opening is refused.
 * When the remembered bytes have reached sessionBytesMax, a batch is refused unless what its own f
 * frees or the eviction of idle sessions makes room; so the table exceeds the bound by at most one
 * answer, and it forgets nothing that a live client may still ask for. It can stay full only as
 * long as its sessions are in use: acknowledging, closing or falling idle frees it. The same goes
 * for limits that were lowered: above sessionsMax idle sessions go with every entry, the others
 * stay while they are in use.
 */
import { type BatchEnvelope, Code, keyBytesOf } from '@cashe/codec';
import { DigestSum, type Hashed } from '../digest-sum.js';
import { StateMachineError } from '../error.js';
import { Hash64 } from '../hash.js';
import { SESSIONS_EVICTED_PER_STEP_MAX } from '../limits.js';
import { SealableList } from '../sealable-list.js';
import type { BatchAnswer, SessionPosition, Settings } from '../types.js';
import { answerBytes, SESSION_OVERHEAD_BYTES } from './answer-bytes.js';
import { refusalOf } from './answers.js';
import { type RememberedBatch, Session } from './session.js';

export class SessionTable {
  bytes = 0;
  readonly sum: DigestSum = new DigestSum();
  readonly list: SealableList<Session> = new SealableList(0);
  private readonly sessions = new Map<number, Session>();
  settings: Settings;
  private readonly hash: Hash64 = new Hash64();

  constructor(settings: Settings) {
    this.settings = settings;
  }

  get size(): number {
    return this.sessions.size;
  }

  get(id: number): Session | undefined {
    return this.sessions.get(id);
  }

  position(id: number): SessionPosition | undefined {
    const session = this.sessions.get(id);
    if (session === undefined) return undefined;
    const { appliedSequence, firstOutstanding } = session;
    return { appliedSequence, firstOutstanding };
  }

  open(id: number, owner: string, nowMs: number): Code {
    const { sessionsMax, sessionBytesMax } = this.settings;
    const session = new Session(id, owner, keyBytesOf(owner));
    const bytes = sessionBytes(session);
    let evicted = 0;
    while (this.sessions.size >= sessionsMax || this.bytes + bytes > sessionBytesMax) {
      if (evicted++ === SESSIONS_EVICTED_PER_STEP_MAX) return Code.RESOURCE_EXHAUSTED;
      if (!this.evictIdle(nowMs, undefined)) return Code.RESOURCE_EXHAUSTED;
    }
    session.lastUsedMs = nowMs;
    this.sessions.set(id, session);
    this.bytes += bytes;
    this.list.append(session);
    this.sum.add(this.digestOf(session));
    return Code.OK;
  }

  /** After sessionsMax was lowered: idle sessions go until it holds, so many per entry. */
  trim(nowMs: number): void {
    for (let evicted = 0; evicted < SESSIONS_EVICTED_PER_STEP_MAX; evicted++) {
      if (this.sessions.size <= this.settings.sessionsMax) return;
      if (!this.evictIdle(nowMs, undefined)) return;
    }
  }

  close(id: number, principal: string): Code {
    const session = this.sessions.get(id);
    if (session === undefined) return Code.SESSION_UNKNOWN;
    if (session.owner !== principal) return Code.SESSION_CONFLICT;
    this.remove(session);
    return Code.OK;
  }

  /** The answer to a batch that is not to be executed; undefined: execute, then `remember`. */
  admit(envelope: BatchEnvelope, nowMs: number): BatchAnswer | undefined {
    const { sequence, firstOutstanding } = envelope;
    const session = this.sessions.get(envelope.session);
    if (session === undefined) return refusalOf(Code.SESSION_UNKNOWN);
    if (session.owner !== envelope.principal) return refusalOf(Code.SESSION_CONFLICT);
    const first = Math.max(session.firstOutstanding, firstOutstanding);
    if (sequence < first) return refusalOf(Code.STALE);
    if (sequence <= session.appliedSequence) return this.repeat(session, envelope, nowMs);
    if (sequence >= first + this.settings.sessionWindow) return refusalOf(Code.TOO_MANY);
    if (sequence > Math.max(session.appliedSequence + 1, first)) {
      return refusalOf(Code.OUT_OF_ORDER);
    }
    return this.makeRoom(session, first, nowMs) ? undefined : refusalOf(Code.RESOURCE_EXHAUSTED);
  }

  /** Records that an admitted batch was executed. */
  remember(envelope: BatchEnvelope, answer: BatchAnswer, nowMs: number): void {
    const found = this.sessions.get(envelope.session);
    if (found === undefined) throw new StateMachineError('an executed batch has no session');
    const session = this.take(found);
    this.forgetBelow(session, Math.max(session.firstOutstanding, envelope.firstOutstanding));
    session.appliedSequence = envelope.sequence;
    this.addBatch(session, envelope.sequence, envelope.crc, answer);
    this.putBack(session, nowMs);
  }

  /** Adds a batch of a snapshot, or of `remember`, to the end of the session's run. */
  addBatch(session: Session, sequence: number, crc: number, answer: BatchAnswer): void {
    const bytes = answerBytes(answer);
    const { high, low } = this.hashBatch(session.id, sequence, crc, answer);
    const batch = { crc, answer, bytes, digestHigh: high, digestLow: low };
    session.batches.push(batch);
    this.bytes += bytes;
    this.sum.add(termOf(batch));
  }

  /** Adds a session of a snapshot, still without its batches; false when it cannot be. */
  restore(session: Session): boolean {
    if (this.sessions.has(session.id) || !this.list.appendRestored(session)) return false;
    this.sessions.set(session.id, session);
    this.bytes += sessionBytes(session);
    this.sum.add(this.digestOf(session));
    return true;
  }

  /** The digest of one session without its batches. Valid until the next call. */
  digestOf(session: Session): Hash64 {
    const { hash } = this;
    hash.start(1);
    hash.text(session.owner);
    hash.integer(session.id);
    hash.integer(session.firstOutstanding);
    hash.integer(session.appliedSequence);
    hash.integer(session.lastUsedMs);
    hash.integer(session.stamp);
    hash.finish();
    return hash;
  }

  private repeat(session: Session, envelope: BatchEnvelope, nowMs: number): BatchAnswer {
    const offset = envelope.sequence - (session.appliedSequence - session.batches.length + 1);
    const batch = session.batches[offset];
    if (batch === undefined) throw new StateMachineError('an executed batch is not remembered');
    if (batch.crc !== envelope.crc) return refusalOf(Code.SESSION_CONFLICT);
    const taken = this.take(session);
    this.forgetBelow(taken, Math.max(taken.firstOutstanding, envelope.firstOutstanding));
    this.putBack(taken, nowMs);
    return batch.answer;
  }

  private makeRoom(session: Session, first: number, nowMs: number): boolean {
    const { sessionBytesMax } = this.settings;
    if (this.bytes < sessionBytesMax) return true;
    const below = Math.min(first - session.firstOutstanding, session.batches.length);
    let freed = 0;
    for (let at = 0; at < below; at++) freed += session.batches[at]!.bytes;
    let evicted = 0;
    while (this.bytes - freed >= sessionBytesMax) {
      if (evicted++ === SESSIONS_EVICTED_PER_STEP_MAX) return false;
      if (!this.evictIdle(nowMs, session)) return false;
    }
    return true;
  }

  /** The list is in order of last use: its coldest session is the longest idle one. */
  private evictIdle(nowMs: number, spared: Session | undefined): boolean {
    const coldest = this.list.coldest();
    const isSpared = coldest !== undefined && coldest === spared;
    const session = isSpared ? this.list.liveAfter(coldest) : coldest;
    if (session === undefined) return false;
    if (session.lastUsedMs + this.settings.sessionIdleMs > nowMs) return false;
    this.remove(session);
    return true;
  }

  private remove(session: Session): void {
    for (const batch of session.batches) this.dropBatch(batch);
    this.sum.subtract(this.digestOf(session));
    this.bytes -= sessionBytes(session);
    this.sessions.delete(session.id);
    if (this.list.isPreImage(session)) this.list.leaveGhost(session);
    else this.list.unlink(session);
  }

  /** Takes a session out of list and digest to change it; of a pre-image the ghost stays. */
  private take(session: Session): Session {
    this.sum.subtract(this.digestOf(session));
    if (!this.list.isPreImage(session)) {
      this.list.unlink(session);
      return session;
    }
    const clone = session.clone();
    this.list.leaveGhost(session);
    this.sessions.set(clone.id, clone);
    return clone;
  }

  private putBack(session: Session, nowMs: number): void {
    session.lastUsedMs = nowMs;
    this.list.append(session);
    this.sum.add(this.digestOf(session));
  }

  private forgetBelow(session: Session, first: number): void {
    const { batches } = session;
    const count = Math.min(first - session.firstOutstanding, batches.length);
    session.firstOutstanding = first;
    if (count === 0) return;
    for (let at = 0; at < count; at++) this.dropBatch(batches[at]!);
    if (count === batches.length) batches.length = 0;
    else batches.splice(0, count);
  }

  private dropBatch(batch: RememberedBatch): void {
    this.bytes -= batch.bytes;
    this.sum.subtract(termOf(batch));
  }

  private hashBatch(id: number, sequence: number, crc: number, answer: BatchAnswer): Hash64 {
    const { hash } = this;
    hash.start(2);
    hash.integer(id);
    hash.integer(sequence);
    hash.word(crc);
    hash.integer(answer.firstRevision);
    for (const exception of answer.exceptions) {
      hash.word(exception.index);
      hash.word(exception.code);
      hash.text(exception.message);
    }
    hash.finish();
    return hash;
  }
}

function termOf(batch: RememberedBatch): Hashed {
  return { high: batch.digestHigh, low: batch.digestLow };
}

function sessionBytes(session: Session): number {
  return SESSION_OVERHEAD_BYTES + session.ownerBytes;
}
