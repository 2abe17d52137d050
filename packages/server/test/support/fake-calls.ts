import {
  type AccessPolicy,
  type CloseSession,
  Code,
  decodeOps,
  deriveLimits,
  type GroupLeader,
  type Op,
  type OpException,
  type OpenSession,
  Outcome,
  openPolicy,
  type ReadAnswer,
  type ReadBatch,
  type ReadResult,
  type SessionAnswer,
  type WriteAnswer,
  type WriteBatch,
} from '@cashe/codec';
import type { Settings } from '@cashe/store';
import type { Calls, GroupView, HelloView, NodeView, TopologyView } from '../../src/host/calls.js';
import type { AdminAnswer, AdminCall, MemberView } from '../../src/host/ports.js';

interface Stored {
  readonly value: Uint8Array;
  readonly revision: number;
  readonly version: number;
  readonly ttlMs: number | undefined;
}

export const clusterId = '0123456789abcdef0123456789abcdef';
export const nodeUid = 'fedcba9876543210fedcba9876543210';
const valueBytesMax = 1024 * 1024;
const derived = deriveLimits(valueBytesMax);

export const hello: HelloView = {
  clusterId,
  nodeId: 'raft0',
  nodeUid,
  groupCount: 1,
  limits: {
    valueBytesMax,
    keyBytesMax: derived.keyBytesMax,
    opBytesMax: derived.opBytesMax,
    batchBytesMax: derived.batchBytesMax,
    batchOpsMax: derived.batchOpsMax,
    sessionWindow: 64,
  },
  settingsHash: 42,
};

export const leader: GroupLeader = {
  kind: 'leader',
  group: 0,
  term: 3,
  nodeId: 'raft0',
  clientAddress: '127.0.0.1:3000',
};

export const member: MemberView = {
  nodeId: 'raft0',
  nodeUid,
  clientAddress: '127.0.0.1:3000',
  raftAddress: '127.0.0.1:4000',
  replicaId: 1,
  role: 'voter',
  leaving: false,
  leader: true,
  matchIndex: 17,
};

const settings: Settings = {
  entriesMax: 0,
  bytesMax: 256 * 1024 * 1024,
  eviction: 'lru',
  replicationFactor: 3,
  valueBytesMax,
  sessionsMax: 1000,
  sessionWindow: 64,
  sessionBytesMax: 1024,
  sessionIdleMs: 60_000,
};

/** A node with one group that is a map; everything else is what a test makes it. */
export class FakeCalls implements Calls {
  helloView: HelloView | undefined = hello;
  topologyView: TopologyView = {
    clusterId,
    appliedIndex: 17,
    groupCount: 1,
    members: [member],
    leaders: [leader],
  };
  policy: AccessPolicy = openPolicy;
  readonly stored: Map<string, Stored> = new Map();
  readonly principals: Set<string> = new Set();
  readonly adminCalls: { readonly call: AdminCall; readonly remainingMs: number }[] = [];
  readonly writes: WriteBatch[] = [];
  readonly reads: ReadBatch[] = [];
  adminAnswer: AdminAnswer = { kind: 'admin', result: 'members', members: [member] };
  /** Instead of executing a write: its answer; undefined executes it. */
  writeRefusal: Pick<WriteAnswer, 'code' | 'outcome' | 'message'> | undefined;
  readRefusal: Pick<ReadAnswer, 'code' | 'message'> | undefined;
  /** Within the call, as refusals and stale reads are. */
  answersAtOnce = false;
  readonly leaderListeners: Set<(leader: GroupLeader) => void> = new Set();
  readonly topologyListeners: Set<() => void> = new Set();
  readonly servingListeners: Set<(serving: boolean) => void> = new Set();
  #held: (() => void)[] | undefined;
  #onHeld: (() => void)[] = [];
  #revision = 0;
  #session = 0;
  #isServing = true;
  /** By session and sequence, for exactly-once. */
  readonly #answers: Map<string, WriteAnswer> = new Map();

  hello(): HelloView | undefined {
    return this.helloView;
  }

  write(batch: WriteBatch, principal: string, done: (answer: WriteAnswer) => void): void {
    this.principals.add(principal);
    this.writes.push(batch);
    this.#later(() => done(this.#executeWrite(batch)));
  }

  read(batch: ReadBatch, principal: string, done: (answer: ReadAnswer) => void): void {
    this.principals.add(principal);
    this.reads.push(batch);
    this.#later(() => done(this.#executeRead(batch)));
  }

  open(open: OpenSession, _principal: string, done: (answer: SessionAnswer) => void): void {
    this.#session += 1;
    const { transmission } = open;
    const session = this.#session;
    setImmediate(() =>
      done({ kind: 'session', transmission, code: Code.OK, message: '', session }),
    );
  }

  close(close: CloseSession, _principal: string, done: (answer: SessionAnswer) => void): void {
    const { transmission, session } = close;
    setImmediate(() =>
      done({ kind: 'session', transmission, code: Code.OK, message: '', session }),
    );
  }

  admin(
    call: AdminCall,
    principal: string,
    remainingMs: number,
    done: (answer: AdminAnswer) => void,
  ): void {
    this.principals.add(principal);
    this.adminCalls.push({ call, remainingMs });
    this.#later(() => done(this.adminAnswer));
  }

  access(): AccessPolicy {
    return this.policy;
  }

  checkView(): undefined {
    return undefined;
  }

  checkNodeAdmin(): undefined {
    return undefined;
  }

  status(): NodeView {
    return {
      clusterId: this.helloView?.clusterId ?? '',
      nodeId: 'raft0',
      nodeUid,
      clientAddress: '127.0.0.1:3000',
      raftAddress: '127.0.0.1:4000',
      formatVersionMax: 1,
      waitingFor: this.helloView === undefined ? 'founder raft1' : '',
      groups: this.helloView === undefined ? [] : [groupView],
      members: [member],
      settings: this.helloView === undefined ? undefined : settings,
      uptimeMs: 1234.5,
    };
  }

  topology(): TopologyView {
    return this.topologyView;
  }

  serving(): boolean {
    return this.#isServing;
  }

  leaders(): readonly GroupLeader[] {
    return [leader];
  }

  onLeader(listener: (leader: GroupLeader) => void): () => void {
    this.leaderListeners.add(listener);
    return () => this.leaderListeners.delete(listener);
  }

  onTopology(listener: () => void): () => void {
    this.topologyListeners.add(listener);
    return () => this.topologyListeners.delete(listener);
  }

  onServing(listener: (serving: boolean) => void): () => void {
    this.servingListeners.add(listener);
    return () => this.servingListeners.delete(listener);
  }

  pushLeader(next: GroupLeader): void {
    for (const listener of this.leaderListeners) listener(next);
  }

  setServing(serving: boolean): void {
    this.#isServing = serving;
    for (const listener of this.servingListeners) listener(serving);
  }

  setTopology(next: TopologyView): void {
    this.topologyView = next;
    for (const listener of this.topologyListeners) listener();
  }

  /** Forgets what was written and answers changes with the members again. */
  reset(): void {
    this.stored.clear();
    this.#revision = 0;
    this.adminAnswer = { kind: 'admin', result: 'members', members: [member] };
  }

  /** From now on nothing is answered until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const run of held) run();
  }

  get heldCount(): number {
    return this.#held?.length ?? 0;
  }

  /** Resolves once something is held. */
  async held(): Promise<void> {
    if (this.heldCount > 0) return;
    await new Promise<void>((resolve) => this.#onHeld.push(resolve));
  }

  #later(run: () => void): void {
    if (this.#held === undefined) {
      if (this.answersAtOnce) run();
      else setImmediate(run);
      return;
    }
    this.#held.push(run);
    const waiting = this.#onHeld;
    this.#onHeld = [];
    for (const resolve of waiting) resolve();
  }

  #executeWrite(batch: WriteBatch): WriteAnswer {
    const { transmission } = batch;
    const rest = { kind: 'write', transmission, firstRevision: 0, exceptions: [] } as const;
    if (this.writeRefusal !== undefined) return { ...rest, ...this.writeRefusal };
    const number = `${batch.session}/${batch.sequence}`;
    const known = this.#answers.get(number);
    if (known !== undefined) return { ...known, transmission };
    const decoded = decodeOps(batch.ops, { kind: 'write', limits: derived });
    if (decoded.kind === 'refused') {
      const { code, message } = decoded;
      return { ...rest, code, message, outcome: Outcome.NOT_COMMITTED };
    }
    const exceptions: OpException[] = [];
    const firstRevision = this.#revision + 1;
    decoded.ops.forEach((op, index) => {
      const verdict = decoded.verdicts.find((one) => one.index === index);
      if (verdict !== undefined) exceptions.push(verdict);
      else if (op?.kind === 'set') this.#set(op);
      else if (op?.kind === 'delete' && !this.#delete(op)) {
        exceptions.push({ index, code: Code.NOT_FOUND, message: '' });
      }
    });
    const outcome = Outcome.COMMITTED;
    const answer = { ...rest, code: Code.OK, outcome, message: '', firstRevision, exceptions };
    this.#answers.set(number, answer);
    return answer;
  }

  #set({ key, value, ttlMs, keepTtl }: Op): void {
    const before = this.stored.get(key);
    this.#revision += 1;
    this.stored.set(key, {
      value: Uint8Array.from(value),
      revision: this.#revision,
      version: (before?.version ?? 0) + 1,
      ttlMs: keepTtl ? before?.ttlMs : ttlMs || undefined,
    });
  }

  #delete({ key }: Op): boolean {
    if (!this.stored.delete(key)) return false;
    this.#revision += 1;
    return true;
  }

  #executeRead(batch: ReadBatch): ReadAnswer {
    const { transmission } = batch;
    const rest = { kind: 'read', transmission, revision: this.#revision, ageMs: 0 } as const;
    if (this.readRefusal !== undefined) return { ...rest, ...this.readRefusal, results: [] };
    const decoded = decodeOps(batch.ops, { kind: 'read', limits: derived });
    if (decoded.kind === 'refused') return { ...rest, ...decoded, kind: 'read', results: [] };
    const results = decoded.ops.map((op) => (op === undefined ? miss : this.#get(op)));
    return { ...rest, code: Code.OK, message: '', results };
  }

  #get({ key, kind }: Op): ReadResult {
    const stored = this.stored.get(key);
    if (stored === undefined) return miss;
    if (kind === 'has') return { ...miss, found: true };
    return { ...miss, ...stored, found: true };
  }
}

const miss: ReadResult = {
  found: false,
  value: new Uint8Array(0),
  revision: 0,
  version: 0,
  ttlMs: undefined,
  code: Code.UNSPECIFIED,
  message: '',
};

const configuration = { voters: [1], votersOutgoing: [], learners: [], replicaIdMax: 1 };

const groupView: GroupView = {
  group: 0,
  raft: {
    replicaId: 1,
    role: 'leader',
    currentTerm: 3,
    votedFor: 1,
    leaderId: 1,
    leaderSilentTicks: 0,
    commitIndex: 18,
    appliedIndex: 17,
    persistedIndex: 18,
    firstIndex: 1,
    lastIndex: 19,
    tailBytes: 100,
    ownTermCommitted: true,
    configuration,
    configurationIndex: 0,
    configurationCommitted: configuration,
    removed: false,
    transferTarget: 0,
    progress: [],
  },
  leader,
  digest: { index: 17, high: 0xab, low: 0xffffffff },
  snapshotIndex: 5,
  stats: {
    entries: 2,
    bytes: 300,
    evictions: 4,
    expiries: 5,
    sessions: 6,
    sessionBytes: 7,
    revision: 8,
    clusterTimeMs: 9,
  },
  hits: 10,
  misses: 11,
};
