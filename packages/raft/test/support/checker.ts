import type { Entry, LogIndex, ReplicaId, Term } from '../../src/types.js';
import { jsonCodec, text } from './fixtures.js';

interface Committed {
  readonly term: Term;
  readonly data: string;
  /** Term of the first replica seen to consider it committed. */
  readonly inTerm: Term;
}

/** The history of the whole group; every method throws when the group contradicts it. */
export class Checker {
  readonly #leaders = new Map<Term, ReplicaId>();
  readonly #entries = new Map<string, { data: string; prevTerm: Term }>();
  readonly #committed: Committed[] = [];
  #configurations = 0;
  snapshots = 0;
  /** Reads of stored entries that found some. */
  fetches = 0;
  readonly #gone = new Set<ReplicaId>();
  /** The members of the last committed configuration that is not joint. */
  members: readonly ReplicaId[] = [];

  /** How much happened: leaders seen, configurations committed, snapshots installed. */
  get coverage(): {
    leaders: number;
    configurations: number;
    snapshots: number;
    fetches: number;
  } {
    const { size: leaders } = this.#leaders;
    const { snapshots, fetches } = this;
    return { leaders, configurations: this.#configurations, snapshots, fetches };
  }

  get commitIndex(): LogIndex {
    return this.#committed.length;
  }

  /** Election Safety (Figure 3): at most one leader per term. */
  leads(term: Term, id: ReplicaId): void {
    const leader = this.#leaders.get(term) ?? id;
    if (leader !== id) throw new Error(`two leaders in term ${term}: ${leader} and ${id}`);
    this.#leaders.set(term, id);
  }

  /** Leader Completeness (Figure 3), for what is in the new leader's memory. */
  hasCommitted(leaderTerm: Term, lastIndex: LogIndex, termAt: (i: LogIndex) => Term | undefined) {
    this.#committed.forEach((committed, i) => {
      if (committed.inTerm >= leaderTerm) return;
      const term = termAt(i + 1);
      if (i + 1 > lastIndex || (term !== undefined && term !== committed.term)) {
        throw new Error(`leader of term ${leaderTerm} lacks committed entry ${i + 1}`);
      }
    });
  }

  /** Log Matching (Figure 3): (index, term) determines the entry and its predecessor's term. */
  appended(entry: Entry, prevTerm: Term): void {
    const key = `${entry.index}:${entry.term}`;
    const data = entry.kind + text(entry.data);
    const known = this.#entries.get(key) ?? { data, prevTerm };
    if (known.data !== data || known.prevTerm !== prevTerm) {
      throw new Error(`two different entries (index:term) ${key}`);
    }
    this.#entries.set(key, known);
  }

  /** State Machine Safety (Figure 3): nobody applies another entry at this index. */
  applied(entry: Entry, inTerm: Term): void {
    const data = entry.kind + text(entry.data);
    const known = this.#committed[entry.index - 1];
    if (known === undefined) {
      if (entry.index !== this.#committed.length + 1) throw new Error('a gap in what is applied');
      this.#committed.push({ term: entry.term, data, inTerm });
      if (entry.kind === 'configuration') this.#configured(entry);
    } else if (known.term !== entry.term || known.data !== data) {
      throw new Error(`two different committed entries at ${entry.index}`);
    }
  }

  /** The content of a state machine that applied everything up to `index`. */
  contentAt(index: LogIndex): string {
    return this.#committed
      .slice(0, index)
      .map(({ data }) => data)
      .join();
  }

  /** A replica was told that it is no member. */
  gone(id: ReplicaId): void {
    this.#gone.add(id);
  }

  /** R8: ids are never reused, so who was told GONE is no member once all is applied. */
  finish(): void {
    for (const id of this.#gone) {
      if (this.members.includes(id)) throw new Error(`member ${id} was told it is gone`);
    }
  }

  #configured(entry: Entry): void {
    this.#configurations += 1;
    const { voters, votersOutgoing, learners } = jsonCodec.decode(entry.data);
    if (votersOutgoing.length === 0) this.members = [...voters, ...learners];
  }
}
