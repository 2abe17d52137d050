// What the clients of a run did and saw, in one total order of calls and returns.

export type HistoryKind = 'set' | 'delete' | 'get' | 'has';

/** R29: committed, not committed, or unknown: took effect at any time after the call, or never. */
export type HistoryOutcome = 'ok' | 'notCommitted' | 'unknown';

/** How long after its execution a set's value expires; max may be Infinity. */
export interface TtlBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface HistoryResult {
  /** The value a get found; undefined for a miss. */
  readonly value?: string | undefined;
  /** Whether a has or a delete found the key. */
  readonly found?: boolean | undefined;
  /** The key's own counter, as of a read that found it or of a set (R19). */
  readonly version?: number | undefined;
  /** The group's revision, of the value read or of the write; undefined if it changed nothing. */
  readonly revision?: number | undefined;
}

export interface HistoryCall {
  readonly client: string;
  readonly key: string;
  readonly kind: HistoryKind;
  readonly ms: number;
  /** What a set writes: never written to the same key before. */
  readonly value?: string | undefined;
  readonly ttl?: TtlBounds | undefined;
}

export interface HistoryReturn {
  readonly ms: number;
  readonly outcome: HistoryOutcome;
  readonly result?: HistoryResult | undefined;
}

export interface HistoryOp {
  readonly id: number;
  readonly client: string;
  readonly key: string;
  readonly kind: HistoryKind;
  readonly value: string | undefined;
  readonly ttl: TtlBounds | undefined;
  readonly callOrder: number;
  readonly callMs: number;
  /** Undefined while the op may still take effect: it has not returned, or nobody knows. */
  readonly returnOrder: number | undefined;
  readonly returnMs: number | undefined;
  readonly outcome: HistoryOutcome;
  readonly result: HistoryResult | undefined;
}

const opsMaxDefault = 1_000_000;

/** Records ops; a call or return that breaks its contract throws: the recording code is wrong. */
export class History {
  readonly #ops: HistoryOp[] = [];
  readonly #ended: Set<number> = new Set();
  readonly #valuesOfKey: Map<string, Set<string>> = new Map();
  readonly #opsMax: number;
  #order = 0;
  #nowMs = 0;

  constructor(opsMax: number = opsMaxDefault) {
    this.#opsMax = opsMax;
  }

  /** Every op so far; one without an end yet has an unknown outcome. */
  get ops(): readonly HistoryOp[] {
    return this.#ops;
  }

  /** True when begin would throw: the workload stops here. */
  get isFull(): boolean {
    return this.#ops.length >= this.#opsMax;
  }

  /** Returns the id that end() takes. */
  begin(call: HistoryCall): number {
    if (this.isFull) throw new RangeError(`the history is full: ${this.#opsMax} ops`);
    if (call.kind === 'set') this.#claimValue(call.key, call.value);
    this.#advance(call.ms);
    const id = this.#ops.length;
    this.#ops.push({
      id,
      client: call.client,
      key: call.key,
      kind: call.kind,
      value: call.value,
      ttl: call.ttl,
      callOrder: this.#order++,
      callMs: call.ms,
      returnOrder: undefined,
      returnMs: undefined,
      outcome: 'unknown',
      result: undefined,
    });
    return id;
  }

  end(id: number, { ms, outcome, result }: HistoryReturn): void {
    const op = this.#ops[id];
    if (op === undefined || this.#ended.has(id)) throw new RangeError(`op ${id} is not open`);
    this.#ended.add(id);
    this.#advance(ms);
    if (outcome === 'unknown') return; // It stays open: it may take effect later.
    const returned = { outcome, result, returnOrder: this.#order++, returnMs: ms };
    this.#ops[id] = { ...op, ...returned };
  }

  /** The checkers tell sets apart by value. */
  #claimValue(key: string, value: string | undefined): void {
    const values = this.#valuesOfKey.get(key) ?? new Set();
    if (value === undefined) throw new TypeError('a set has a value');
    if (values.has(value)) throw new RangeError(`${key} was set to ${value} before`);
    this.#valuesOfKey.set(key, values.add(value));
  }

  /** The times at which values expire are compared with these: one clock for all clients. */
  #advance(ms: number): void {
    if (!(ms >= this.#nowMs)) throw new RangeError(`time goes back from ${this.#nowMs} to ${ms}`);
    this.#nowMs = ms;
  }
}

export function opsByKey(ops: readonly HistoryOp[]): ReadonlyMap<string, readonly HistoryOp[]> {
  const byKey = new Map<string, HistoryOp[]>();
  for (const op of ops) {
    const list = byKey.get(op.key);
    if (list === undefined) byKey.set(op.key, [op]);
    else list.push(op);
  }
  return byKey;
}

/** One line per op, in order of call. */
export function describeOps(ops: readonly HistoryOp[]): string {
  return ops.map(describeOp).join('\n');
}

function describeOp(op: HistoryOp): string {
  const end = op.returnOrder === undefined ? '…' : `${op.returnOrder}`;
  const time = `${op.callMs}-${op.returnMs ?? '…'} ms`;
  const ttl = op.ttl === undefined ? '' : ` ttl ${op.ttl.minMs}..${op.ttl.maxMs} ms`;
  const call = `${op.kind} ${op.key}${op.value === undefined ? '' : `=${op.value}`}${ttl}`;
  return `[${op.callOrder},${end}] ${time} ${op.client}: ${call} → ${describeResult(op)}`;
}

function describeResult({ kind, outcome, result }: HistoryOp): string {
  if (outcome !== 'ok') return outcome === 'unknown' ? 'unknown' : 'not committed';
  const parts: string[] = [];
  if (kind === 'get') parts.push(result?.value ?? 'miss');
  else if (result?.found !== undefined) parts.push(result.found ? 'found' : 'not found');
  if (result?.version !== undefined) parts.push(`version ${result.version}`);
  if (result?.revision !== undefined) parts.push(`revision ${result.revision}`);
  return parts.length === 0 ? 'ok' : parts.join(' ');
}
