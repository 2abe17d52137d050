/**
 * What the session table must answer (R14), written down a second time and plainly: every executed
 * batch is kept by its number until its client has called it settled.
 */
import { type BatchEnvelope, Code } from '@cashe/codec';
import { type BatchAnswer, SESSIONS_EVICTED_PER_STEP_MAX, type Settings } from '@cashe/store';

interface ReferenceSession {
  readonly owner: string;
  firstOutstanding: number;
  appliedSequence: number;
  lastUsedMs: number;
  readonly answers: Map<number, { readonly crc: number; readonly answer: BatchAnswer }>;
}

export class ReferenceSessions {
  /** The longest idle first. */
  readonly #sessions: Map<number, ReferenceSession> = new Map();
  settings: Settings;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  get size(): number {
    return this.#sessions.size;
  }

  open(id: number, owner: string, nowMs: number): Code {
    for (let gone = 0; this.#sessions.size >= this.settings.sessionsMax; gone += 1) {
      const isEnough = gone === SESSIONS_EVICTED_PER_STEP_MAX;
      if (isEnough || !this.#evictIdle(nowMs)) return Code.RESOURCE_EXHAUSTED;
    }
    this.#sessions.set(id, {
      owner,
      firstOutstanding: 1,
      appliedSequence: 0,
      lastUsedMs: nowMs,
      answers: new Map(),
    });
    return Code.OK;
  }

  /** What a lowered limit has no room for goes as soon as it is idle, so many at once. */
  trim(nowMs: number): void {
    for (let gone = 0; gone < SESSIONS_EVICTED_PER_STEP_MAX; gone += 1) {
      const isAbove = this.#sessions.size > this.settings.sessionsMax;
      if (!isAbove || !this.#evictIdle(nowMs)) return;
    }
  }

  close(id: number, principal: string): Code {
    const session = this.#sessions.get(id);
    if (session === undefined) return Code.SESSION_UNKNOWN;
    if (session.owner !== principal) return Code.SESSION_CONFLICT;
    this.#sessions.delete(id);
    return Code.OK;
  }

  /** The answer to a batch that must not execute; undefined: it must. */
  admit(envelope: BatchEnvelope, nowMs: number): BatchAnswer | undefined {
    const { sequence, firstOutstanding, crc, principal } = envelope;
    const session = this.#sessions.get(envelope.session);
    if (session === undefined) return refusal(Code.SESSION_UNKNOWN);
    if (session.owner !== principal) return refusal(Code.SESSION_CONFLICT);
    const first = Math.max(session.firstOutstanding, firstOutstanding);
    if (sequence < first) return refusal(Code.STALE);
    if (sequence <= session.appliedSequence) {
      const executed = session.answers.get(sequence);
      if (executed?.crc !== crc) return refusal(Code.SESSION_CONFLICT);
      this.#use(envelope.session, session, first, nowMs);
      return executed.answer;
    }
    if (sequence >= first + this.settings.sessionWindow) return refusal(Code.TOO_MANY);
    const isGap = sequence > Math.max(session.appliedSequence + 1, first);
    return isGap ? refusal(Code.OUT_OF_ORDER) : undefined;
  }

  remember(envelope: BatchEnvelope, answer: BatchAnswer, nowMs: number): void {
    const session = this.#sessions.get(envelope.session);
    if (session === undefined) return;
    session.appliedSequence = envelope.sequence;
    session.answers.set(envelope.sequence, { crc: envelope.crc, answer });
    const first = Math.max(session.firstOutstanding, envelope.firstOutstanding);
    this.#use(envelope.session, session, first, nowMs);
  }

  #use(id: number, session: ReferenceSession, first: number, nowMs: number): void {
    session.firstOutstanding = first;
    for (const sequence of session.answers.keys()) {
      if (sequence < first) session.answers.delete(sequence);
    }
    session.lastUsedMs = nowMs;
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
  }

  #evictIdle(nowMs: number): boolean {
    const [longest] = this.#sessions;
    if (longest === undefined) return false;
    const [id, { lastUsedMs }] = longest;
    if (lastUsedMs + this.settings.sessionIdleMs > nowMs) return false;
    return this.#sessions.delete(id);
  }
}

function refusal(code: Code): BatchAnswer {
  return { code, firstRevision: 0, exceptions: [] };
}
