import { Raft } from '../../src/raft.js';
import type {
  Configuration,
  ConfigurationCodec,
  Entry,
  EntryKind,
  Fetch,
  HardState,
  Message,
  RaftConfig,
  Ready,
  ReplicaId,
  RestoredState,
  StoredEntries,
} from '../../src/types.js';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);

export const jsonCodec: ConfigurationCodec = {
  encode: (configuration) => bytes(JSON.stringify(configuration)),
  decode: (data) => JSON.parse(text(data)) as Configuration,
};

export const configuration = (
  voters: readonly ReplicaId[],
  more: Partial<Configuration> = {},
): Configuration => {
  const { votersOutgoing = [], learners = [] } = more;
  const replicaIdMax = Math.max(0, ...voters, ...votersOutgoing, ...learners);
  return { voters, votersOutgoing, learners, replicaIdMax, ...more };
};

export const raftConfig = (
  replicaId: ReplicaId,
  overrides: Partial<RaftConfig> = {},
): RaftConfig => ({
  replicaId,
  configurationCodec: jsonCodec,
  seed: replicaId * 7919,
  heartbeatTicks: 4,
  stickinessTicks: 16,
  electionTicksMin: 20,
  electionTicksMax: 32,
  appendBytesMax: 1 << 20,
  inflightAppendsMax: 8,
  inflightBytesMax: 4 << 20,
  applyingBytesMax: 1 << 20,
  tailBytesMax: 8 << 20,
  pendingReadsMax: 64,
  ...overrides,
});

export const entry = (
  index: number,
  term: number,
  kind: EntryKind = 'normal',
  data: Uint8Array = bytes(`${index}@${term}`),
): Entry => ({ index, term, kind, data });

/** Entries whose terms are `terms`, from `first` on. */
export const log = (terms: readonly number[], first = 1): Entry[] =>
  terms.map((term, i) => entry(first + i, term));

export const restored = (
  members: Configuration,
  terms: readonly number[] = [],
  hardState: Partial<HardState> = {},
): RestoredState => ({
  hardState: {
    currentTerm: terms[terms.length - 1] ?? 0,
    votedFor: 0,
    commitIndex: 0,
    ...hardState,
  },
  base: { lastIncludedIndex: 0, lastIncludedTerm: 0, configuration: members },
  entries: log(terms),
  appliedIndex: 0,
});

/** More Readys in a row than any test needs. */
export const readysMax = 1000;

/** One replica with a well-behaved host: what it hands out is collected, durable and applied. */
export class Single {
  readonly raft: Raft;
  readonly readys: Ready[] = [];
  readonly committed: Entry[] = [];
  /** What the log on disk still holds; nothing unless a test says so. */
  stored: (fetch: Fetch) => StoredEntries | undefined = () => undefined;

  constructor(config: RaftConfig, state: RestoredState) {
    this.raft = new Raft(config, state);
  }

  /** Takes one Ready without making anything durable. */
  take(): Ready {
    const ready = this.raft.ready();
    this.raft.checkInvariants();
    this.readys.push(ready);
    return ready;
  }

  /** Takes Readys, makes them durable and applies, until there is nothing left to do. */
  settle(): Message[] {
    const messages: Message[] = [];
    for (let count = 0; this.raft.hasReady(); count += 1) {
      if (count >= readysMax) throw new Error('it always has another Ready');
      const ready = this.take();
      messages.push(...ready.messages);
      this.raft.persisted(ready.number);
      messages.push(...ready.messagesAfterPersist);
      this.committed.push(...ready.committedEntries);
      const last = ready.committedEntries[ready.committedEntries.length - 1];
      if (last !== undefined) this.raft.applied(last.index);
      for (const fetch of ready.fetches) this.raft.fetched(fetch.number, this.stored(fetch));
      this.raft.checkInvariants();
    }
    return messages;
  }

  step(message: Message): Message[] {
    this.raft.step(message);
    this.raft.checkInvariants();
    return this.settle();
  }

  tick(times = 1): Message[] {
    const messages: Message[] = [];
    for (let i = 0; i < times; i += 1) {
      this.raft.tick();
      messages.push(...this.settle());
    }
    return messages;
  }

  /** Ticks until it asks for pre-votes, and returns everything it sent. */
  tickToPreVote(): Message[] {
    for (let i = 0; i < 100; i += 1) {
      const messages = this.tick();
      if (this.raft.status().role !== 'follower') return messages;
    }
    throw new Error('it does not campaign');
  }

  /** Makes it leader with the votes of `voters`; returns the messages of the new leader. */
  elect(voters: readonly ReplicaId[]): Message[] {
    this.tickToPreVote();
    for (const preVote of [true, false]) {
      for (const from of voters) {
        const { currentTerm } = this.raft.status();
        this.raft.step(grant(from, this.raft.status().replicaId, currentTerm, preVote));
      }
      if (preVote) this.settle();
    }
    return this.settle();
  }
}

/** A vote of a replica whose term is that of the request (or one below, for a pre-vote). */
export const grant = (
  from: ReplicaId,
  to: ReplicaId,
  currentTerm: number,
  preVote: boolean,
): Message => ({
  kind: 'requestVoteResponse',
  from,
  to,
  term: currentTerm,
  preVote,
  voteGranted: true,
  requestTerm: preVote ? currentTerm + 1 : currentTerm,
  clusterTimeTerm: 0,
  clusterTime: 0,
});

export const ofKind = <K extends Message['kind']>(
  messages: readonly Message[],
  kind: K,
): Extract<Message, { kind: K }>[] =>
  messages.filter((m): m is Extract<Message, { kind: K }> => m.kind === kind);
