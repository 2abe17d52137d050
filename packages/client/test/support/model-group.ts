import {
  Code,
  decodeOps,
  deriveLimits,
  type Op,
  type OpException,
  type OpsKind,
  Outcome,
  type ReadAnswer,
  type ReadResult,
  type WriteAnswer,
} from '@cashe/codec';
import type { Request } from './fake-net.js';

type Write = Pick<Request<'write'>, 'session' | 'sequence' | 'firstOutstanding' | 'ops'>;
type Body = Omit<WriteAnswer, 'kind' | 'transmission'>;

interface ModelSession {
  firstOutstanding: number;
  readonly executed: Map<number, { readonly bytes: string; readonly answer: Body }>;
}

export interface AppliedOp {
  readonly kind: string;
  readonly key: string;
  readonly value: string;
  readonly ttlMs: number;
  readonly keepTtl: boolean;
}

interface ModelEntry {
  readonly value: Uint8Array;
  readonly revision: number;
  readonly version: number;
}

/** One group as R14 describes it: no faults of its own, every call is an applied log entry. */
export class ModelGroup {
  readonly applied: AppliedOp[] = [];
  readonly entries = new Map<string, ModelEntry>();
  readonly #sessions = new Map<number, ModelSession>();
  readonly #window: number;
  readonly #valueBytesMax: number;
  #lastSession = 0;
  #revision = 0;

  constructor(window: number, valueBytesMax = 64 * 1024) {
    this.#window = window;
    this.#valueBytesMax = valueBytesMax;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  open(): number {
    this.#lastSession += 1;
    this.#sessions.set(this.#lastSession, { firstOutstanding: 1, executed: new Map() });
    return this.#lastSession;
  }

  close(session: number): void {
    this.#sessions.delete(session);
  }

  evictAll(): void {
    this.#sessions.clear();
  }

  write({ session, sequence, firstOutstanding, ops }: Write): Body {
    const state = this.#sessions.get(session);
    if (state === undefined) return refusal(Code.SESSION_UNKNOWN);
    state.firstOutstanding = Math.max(state.firstOutstanding, firstOutstanding);
    for (const known of state.executed.keys()) {
      if (known < state.firstOutstanding) state.executed.delete(known);
    }
    if (sequence < state.firstOutstanding) return refusal(Code.STALE);
    if (sequence >= state.firstOutstanding + this.#window) return refusal(Code.TOO_MANY);
    const bytes = Buffer.from(ops).toString('hex');
    const known = state.executed.get(sequence);
    if (known !== undefined) {
      return known.bytes === bytes ? known.answer : refusal(Code.SESSION_CONFLICT);
    }
    for (let earlier = state.firstOutstanding; earlier < sequence; earlier++) {
      if (!state.executed.has(earlier)) return refusal(Code.OUT_OF_ORDER);
    }
    const answer = this.#execute(ops);
    state.executed.set(sequence, { bytes, answer });
    return answer;
  }

  /** undefined: the read has to wait for writes of its session (R13). */
  read({
    session,
    afterSequence,
    ops,
  }: Request<'read'>): Omit<ReadAnswer, 'kind' | 'transmission'> {
    if (afterSequence > 0) {
      const state = this.#sessions.get(session);
      if (state === undefined) return readRefusal(Code.SESSION_UNKNOWN);
      for (let earlier = state.firstOutstanding; earlier <= afterSequence; earlier++) {
        if (!state.executed.has(earlier)) return readRefusal(Code.RETRY);
      }
    }
    const decoded = decodedOps(ops, 'read', this.#valueBytesMax);
    return {
      code: Code.OK,
      message: '',
      revision: this.#revision,
      ageMs: 0,
      results: decoded.map(({ key }) => resultOf(this.entries.get(key))),
    };
  }

  #execute(ops: Uint8Array): Body {
    const firstRevision = this.#revision + 1;
    const exceptions: OpException[] = [];
    const decoded = decodedOps(ops, 'write', this.#valueBytesMax);
    for (const [index, { kind, key, value, ttlMs, keepTtl }] of decoded.entries()) {
      this.applied.push({ kind, key, value: Buffer.from(value).toString(), ttlMs, keepTtl });
      if (kind === 'delete' && !this.entries.delete(key)) {
        exceptions.push({ index, code: Code.NOT_FOUND, message: '' });
        continue;
      }
      this.#revision += 1;
      if (kind === 'delete') continue;
      const version = (this.entries.get(key)?.version ?? 0) + 1;
      this.entries.set(key, { value: value.slice(), revision: this.#revision, version });
    }
    return { code: Code.OK, outcome: Outcome.COMMITTED, message: '', firstRevision, exceptions };
  }
}

export function decodedOps(bytes: Uint8Array, kind: OpsKind, valueBytesMax = 64 * 1024): Op[] {
  const decoded = decodeOps(bytes, { kind, limits: deriveLimits(valueBytesMax) });
  if (decoded.kind === 'refused') throw new Error(decoded.message);
  return decoded.ops.map((op) => {
    if (op === undefined) throw new Error(JSON.stringify(decoded.verdicts));
    return op;
  });
}

export function refusal(code: Code, outcome: Outcome = Outcome.NOT_COMMITTED): Body {
  return { code, outcome, message: '', firstRevision: 0, exceptions: [] };
}

export function readRefusal(code: Code): Omit<ReadAnswer, 'kind' | 'transmission'> {
  return { code, message: '', revision: 0, ageMs: 0, results: [] };
}

function resultOf(entry: ModelEntry | undefined): ReadResult {
  return {
    found: entry !== undefined,
    value: entry?.value ?? new Uint8Array(0),
    revision: entry?.revision ?? 0,
    version: entry?.version ?? 0,
    ttlMs: undefined,
    code: Code.UNSPECIFIED,
    message: '',
  };
}
