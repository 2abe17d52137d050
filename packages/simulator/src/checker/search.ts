// The search for a linearization of one key's history: Wing and Gong's, with Lowe's memoised
// states ("Testing for linearizability", section 2). The model is a register that may be absent.
//
// Three facts keep the search small:
// - A step that leaves every later state as it is (a read that fits, the expiry of a value that
//   was overwritten) may always be taken first, so nothing else is tried in its place.
// - What may never take effect (a write of unknown outcome, an expiry without a latest time) has
//   to take effect only right before an op that sees it: in any linearization it can be moved
//   there, or left out if nothing sees it. It is no candidate of its own but a step's helper;
//   a set and its expiry may help together.
// - Deletes of unknown outcome that may take effect now are alike, so one of them is tried.
import type { Span } from './span.js';

type SearchResult = 'linearizable' | 'violation' | 'inconclusive';

/** The register: the index of the set that wrote the value, or one of these. */
const absent = -1;
/** What a read found that no set of this history wrote. */
const unexplained = -2;

interface Step {
  /** Of a required span. */
  readonly index: number;
  /** Which of the alternatives of this span was taken. */
  readonly variant: number;
  /** Of the optional spans that take effect right before, in this order. */
  readonly helpers: readonly number[];
  readonly before: number;
  readonly after: number;
  readonly isForced: boolean;
}

/** A span as the register sees it. */
interface Move {
  readonly span: Span;
  readonly kind: 'set' | 'delete' | 'expire' | 'read';
  /** set and expire: the value's id; delete and read of anything: undefined. */
  readonly value: number | undefined;
  /** Whether it saw the key; undefined when it does not tell. */
  readonly sees: boolean | undefined;
}

export function search(spans: readonly Span[], configsMax: number): SearchResult {
  return new Search(spans, configsMax).run();
}

function movesOf(spans: readonly Span[]): Move[] {
  const ids = new Map<string | undefined, number>();
  for (const { op } of spans) if (op.kind === 'set') ids.set(op.value, op.id);
  return spans.map((span) => {
    const { op, isExpiry } = span;
    if (isExpiry) return { span, kind: 'expire', value: op.id, sees: undefined };
    if (op.kind === 'set') return { span, kind: 'set', value: op.id, sees: undefined };
    const sees = op.outcome === 'ok' ? op.result?.found : undefined;
    if (op.kind !== 'get') {
      return { span, kind: op.kind === 'delete' ? 'delete' : 'read', value: undefined, sees };
    }
    const found = op.result?.value;
    if (found === undefined) return { span, kind: 'read', value: undefined, sees: false };
    return { span, kind: 'read', value: ids.get(found) ?? unexplained, sees: true };
  });
}

class Search {
  /** In order of start, as the optional ones. */
  readonly #required: readonly Move[];
  readonly #optional: readonly Move[];
  /** Indexes of required moves in order of end, and the inverse. */
  readonly #byEnd: readonly number[];
  readonly #endRank: readonly number[];
  readonly #done: Uint8Array;
  readonly #used: Uint8Array;
  readonly #writers: Set<number> = new Set();
  readonly #seen: Set<string> = new Set();
  readonly #configsMax: number;
  readonly #path: Step[] = [];
  #state: number = absent;
  /** Invariant: every required move before it is done. */
  #firstOpen = 0;
  /** The same in order of end. */
  #firstOpenByEnd = 0;

  constructor(spans: readonly Span[], configsMax: number) {
    const moves = movesOf(spans);
    this.#required = moves.filter(({ span }) => span.end !== Number.POSITIVE_INFINITY);
    this.#optional = moves.filter(({ span }) => span.end === Number.POSITIVE_INFINITY);
    const ends = this.#required.map(({ span }) => span.end);
    this.#byEnd = ends.map((_, index) => index).sort((a, b) => (ends[a] ?? 0) - (ends[b] ?? 0));
    const endRank: number[] = [];
    this.#byEnd.forEach((index, rank) => {
      endRank[index] = rank;
    });
    this.#endRank = endRank;
    this.#done = new Uint8Array(this.#required.length);
    this.#used = new Uint8Array(this.#optional.length);
    this.#configsMax = configsMax;
  }

  run(): SearchResult {
    let index = 0;
    let variant = 0;
    while (this.#path.length < this.#required.length) {
      const step = this.#nextStep(index, variant);
      if (step !== undefined) {
        this.#take(step);
        if (this.#isNew()) {
          index = this.#firstOpen;
          variant = 0;
          continue;
        }
        if (this.#seen.size >= this.#configsMax) return 'inconclusive';
      }
      const undone = this.#backtrack();
      if (undone === undefined) return 'violation';
      index = undone.index;
      variant = undone.variant + 1;
    }
    return 'linearizable';
  }

  /** Before this position every move has to start that is taken now. */
  #limit(): number {
    const first = this.#byEnd[this.#firstOpenByEnd];
    return first === undefined
      ? Number.POSITIVE_INFINITY
      : (this.#required[first]?.span.end ?? Number.POSITIVE_INFINITY);
  }

  #nextStep(fromIndex: number, fromVariant: number): Step | undefined {
    const limit = this.#limit();
    if (fromIndex === this.#firstOpen && fromVariant === 0) {
      const forced = this.#forcedStep(limit);
      if (forced !== undefined) return forced;
    }
    for (let index = fromIndex; index < this.#required.length; index += 1) {
      const move = this.#required[index];
      if (move === undefined || move.span.start > limit) return undefined;
      if (this.#done[index] === 1) continue;
      const variant = index === fromIndex ? fromVariant : 0;
      const step = this.#stepOf(index, move, variant, limit);
      if (step !== undefined) return step;
    }
    return undefined;
  }

  #forcedStep(limit: number): Step | undefined {
    const state = this.#state;
    for (let index = this.#firstOpen; index < this.#required.length; index += 1) {
      const move = this.#required[index];
      if (move === undefined || move.span.start > limit) return undefined;
      if (this.#done[index] === 1 || !this.#changesNothing(move)) continue;
      return { index, variant: 0, helpers: [], before: state, after: state, isForced: true };
    }
    return undefined;
  }

  #changesNothing(move: Move): boolean {
    if (move.kind === 'read') return this.#isLegal(move, this.#state);
    if (move.kind === 'delete') return move.sees === false && this.#state === absent;
    return move.kind === 'expire' && move.value !== this.#state && this.#hasSet(move.value);
  }

  #stepOf(index: number, move: Move, variant: number, limit: number): Step | undefined {
    const before = this.#state;
    if (this.#isLegal(move, before)) {
      if (variant > 0) return undefined;
      const after = afterOf(move, before);
      return { index, variant, helpers: [], before, after, isForced: false };
    }
    const helpers = this.#alternatives(move, limit)[variant];
    if (helpers === undefined) return undefined;
    let after = before;
    for (const helper of helpers) {
      const helping = this.#optional[helper];
      if (helping !== undefined) after = afterOf(helping, after);
    }
    return { index, variant, helpers, before, after: afterOf(move, after), isForced: false };
  }

  #isLegal(move: Move, state: number): boolean {
    if (move.kind === 'expire') return this.#hasSet(move.value);
    if (move.sees !== undefined && move.sees !== (state !== absent)) return false;
    return move.kind !== 'read' || move.value === undefined || move.value === state;
  }

  #hasSet(value: number | undefined): boolean {
    return value !== undefined && this.#writers.has(value);
  }

  /** The unused optional moves that make an illegal move legal when they come right before it. */
  #alternatives(move: Move, limit: number): (readonly number[])[] {
    if (move.sees === undefined) return [];
    const sets = new Map<number | undefined, number>();
    const expiries: number[] = [];
    for (let index = 0; index < this.#optional.length; index += 1) {
      const helper = this.#optional[index];
      if (helper === undefined || helper.span.start > limit) break;
      if (this.#used[index] === 1) continue;
      if (helper.kind === 'set') sets.set(helper.value, index);
      else if (helper.kind === 'expire' && helper.value !== this.#state) expiries.push(index);
      else if (!move.sees) return [[index]];
    }
    if (!move.sees) {
      return expiries.flatMap((expiry) => {
        const writer = sets.get(this.#optional[expiry]?.value);
        return writer === undefined ? [] : [[writer, expiry]];
      });
    }
    const fitting = move.value === undefined ? [...sets.values()] : [sets.get(move.value)];
    return fitting.flatMap((index) => (index === undefined ? [] : [[index]]));
  }

  #take(step: Step): void {
    this.#path.push(step);
    this.#done[step.index] = 1;
    this.#mark(this.#required[step.index], true);
    for (const helper of step.helpers) {
      this.#used[helper] = 1;
      this.#mark(this.#optional[helper], true);
    }
    this.#state = step.after;
    while (this.#done[this.#firstOpen] === 1) this.#firstOpen += 1;
    while (this.#done[this.#byEnd[this.#firstOpenByEnd] ?? -1] === 1) this.#firstOpenByEnd += 1;
  }

  /** Undoes steps up to the last that has alternatives; undefined when none has. */
  #backtrack(): Step | undefined {
    for (;;) {
      const step = this.#path.pop();
      if (step === undefined) return undefined;
      this.#undo(step);
      if (!step.isForced) return step;
    }
  }

  #undo(step: Step): void {
    this.#done[step.index] = 0;
    this.#mark(this.#required[step.index], false);
    for (const helper of step.helpers) {
      this.#used[helper] = 0;
      this.#mark(this.#optional[helper], false);
    }
    this.#state = step.before;
    this.#firstOpen = Math.min(this.#firstOpen, step.index);
    this.#firstOpenByEnd = Math.min(this.#firstOpenByEnd, this.#endRank[step.index] ?? 0);
  }

  #mark(move: Move | undefined, isTaken: boolean): void {
    if (move?.kind !== 'set' || move.value === undefined) return;
    if (isTaken) this.#writers.add(move.value);
    else this.#writers.delete(move.value);
  }

  /** Remembers the configuration; false when the search was here before or is out of memory. */
  #isNew(): boolean {
    if (this.#seen.size >= this.#configsMax) return false;
    const size = this.#seen.size;
    return this.#seen.add(this.#configuration()).size > size;
  }

  /** Which moves were made and what the register holds: all that the rest depends on. */
  #configuration(): string {
    const limit = this.#limit();
    const done = bitsOf(this.#required, this.#done, this.#firstOpen, limit);
    const used = bitsOf(this.#optional, this.#used, 0, limit);
    return `${this.#firstOpen} ${this.#state} ${done} ${used}`;
  }
}

function afterOf(move: Move, state: number): number {
  if (move.kind === 'set') return move.value ?? absent;
  if (move.kind === 'delete') return absent;
  return move.kind === 'expire' && move.value === state ? absent : state;
}

/** The flags as text; no move that starts after the limit was made. */
function bitsOf(moves: readonly Move[], flags: Uint8Array, from: number, limit: number): string {
  let text = '';
  let word = 1;
  for (let index = from; index < moves.length; index += 1) {
    if ((moves[index]?.span.start ?? limit) > limit) break;
    word = word * 2 + (flags[index] ?? 0);
    if (word < 0x8000) continue;
    text += String.fromCharCode(word);
    word = 1;
  }
  return text + String.fromCharCode(word);
}
