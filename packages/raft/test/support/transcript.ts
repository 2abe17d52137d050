import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { isVoter, memberIds } from '../../src/configuration.js';
import type {
  Configuration,
  MembershipChange,
  Message,
  RaftConfig,
  RaftStatus,
  ReplicaId,
} from '../../src/types.js';
import { Checker } from './checker.js';
import { bytes, configuration, log, raftConfig, readysMax } from './fixtures.js';
import { Node, type Packet } from './node.js';
import { describeMessage, type NameOf, type Summary, summarize } from './transcript-text.js';

/** What a replica holds when the scenario begins. */
interface Start {
  readonly terms: readonly number[];
  readonly currentTerm: number;
  readonly commitIndex?: number;
}

interface Scenario {
  readonly members: Configuration;
  readonly starts?: ReadonlyMap<ReplicaId, Start>;
  readonly name?: NameOf;
  readonly overrides?: Partial<RaftConfig>;
}

const campaignTicksMax = 100;
const deliveriesMax = 2000;

/**
 * Replicas with well-behaved hosts and a network in order, driven step by step. Every step leaves
 * its heading, every message that arrives or is lost a line, every change of a replica a line
 * below. Heartbeats that change nothing are not shown. The checker of the random tests watches.
 */
export class Transcript {
  readonly nodes = new Map<ReplicaId, Node>();
  readonly #checker = new Checker();
  readonly #name: NameOf;
  readonly #overrides: Partial<RaftConfig>;
  readonly #lines: string[] = [];
  readonly #shown = new Map<ReplicaId, Summary>();
  readonly #cut = new Set<string>();
  /** Messages lost in this step, with their number. */
  readonly #lost = new Map<string, number>();
  #packets: Packet[] = [];

  constructor({ members, starts, name, overrides }: Scenario) {
    this.#name = name ?? String;
    this.#overrides = overrides ?? {};
    for (const id of memberIds(members)) this.#add(id, members, starts?.get(id));
    this.states();
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  /** Messages sent and neither arrived nor lost. */
  get pending(): number {
    return this.#packets.length;
  }

  status(id: ReplicaId): RaftStatus {
    const status = this.nodes.get(id)?.raft?.status();
    if (status === undefined) throw new Error(`replica ${id} is down`);
    return status;
  }

  /** The leader of the highest term, if there is one. */
  get leader(): ReplicaId {
    const leaders = this.#running()
      .map((node) => this.status(node.id))
      .filter(({ role }) => role === 'leader')
      .sort((a, b) => b.currentTerm - a.currentTerm);
    return leaders[0]?.replicaId ?? 0;
  }

  note(line: string): void {
    this.#lines.push('', `# ${line}`);
  }

  /** Every replica as it is now. */
  states(): void {
    for (const [id, node] of this.nodes) {
      const summary = summarize(node, this.#name);
      this.#lines.push(`  ${this.#name(id)}: ${this.#fields(summary)}`);
      this.#shown.set(id, summary);
    }
  }

  /** The election timeout of `id` passes, nobody else's: the voters tick until it asks. */
  campaign(id: ReplicaId): void {
    this.#step(`election timeout at ${this.#name(id)}`, () => {
      const ticking = this.#running().filter((node) => {
        const { role, configuration: members } = this.status(node.id);
        return role !== 'leader' && isVoter(members, node.id);
      });
      const others = ticking.filter((node) => node.id !== id);
      for (const node of others) this.#act(node, (raft) => raft.setMayCampaign(false));
      for (let ticks = 0; this.status(id).role === 'follower'; ticks += 1) {
        if (ticks >= campaignTicksMax) throw new Error(`${id} does not campaign`);
        for (const node of ticking) this.#act(node, (raft) => raft.tick());
      }
      for (const node of others) node.act((raft) => raft.setMayCampaign(true));
    });
  }

  /** Everybody ticks `ticks` times and messages arrive at once. */
  elapse(ticks: number): void {
    this.#step(`${ticks} ticks pass`, () => {
      for (let tick = 0; tick < ticks; tick += 1) {
        for (const node of this.#running()) this.#act(node, (raft) => raft.tick());
        this.#deliver(deliveriesMax);
      }
    });
  }

  /** Time passes until the condition holds; says how much of it. */
  elapseUntil(what: string, ticksMax: number, condition: () => boolean): void {
    this.#step(`time passes until ${what}`, () => {
      for (let tick = 0; !condition(); tick += 1) {
        if (tick >= ticksMax) throw new Error(`not within ${ticksMax} ticks: ${what}`);
        for (const node of this.#running()) this.#act(node, (raft) => raft.tick());
        this.#deliver(deliveriesMax);
      }
    });
  }

  /** Messages arrive in the order they were sent until none is left. */
  settle(): void {
    this.#step('messages arrive', () => {
      this.#deliver(deliveriesMax);
      if (this.#packets.length > 0) throw new Error('the replicas do not come to rest');
    });
  }

  /** Messages arrive one by one until the condition holds. */
  arriveUntil(what: string, condition: () => boolean): void {
    this.#step(`messages arrive until ${what}`, () => {
      while (!condition()) {
        if (this.#packets.length === 0) throw new Error(`nothing arrives any more: ${what}`);
        this.#deliver(1);
      }
    });
  }

  /** The next `count` messages arrive. */
  arrive(count: number): void {
    this.#step(`${count} messages arrive`, () => this.#deliver(count));
  }

  /** Runs steps that leave no line; the next states() shows where they led. */
  silently(action: () => void): void {
    const { length } = this.#lines;
    action();
    this.#lines.length = length;
  }

  propose(id: ReplicaId, ...payloads: readonly string[]): void {
    const what = payloads.length === 1 ? payloads[0] : `${payloads.length} entries`;
    this.#step(`propose ${what} at ${this.#name(id)}`, () => {
      this.#act(this.#node(id), (raft) => {
        this.#lines.push(`  ${raft.propose(payloads.map(bytes)).kind}`);
      });
    });
  }

  change(id: ReplicaId, wanted: MembershipChange): void {
    const what = Object.values(wanted).map((value) => JSON.stringify(value));
    this.#step(`change at ${this.#name(id)}: ${what.join(' ')}`, () => {
      this.#act(this.#node(id), (raft) => {
        const result = raft.changeMembership(wanted, raft.status().configurationIndex);
        this.#lines.push(
          `  ${result.kind === 'refused' ? `refused: ${result.reason}` : result.kind}`,
        );
      });
    });
  }

  /** A blank replica, which its first leader will tell who the members are. */
  join(id: ReplicaId): void {
    this.#step(`${this.#name(id)} starts, blank`, () => {
      this.#add(id, configuration([]), undefined);
      this.#show(this.#node(id));
    });
  }

  /** Forgets the log up to what is applied, in favour of a snapshot. */
  compact(id: ReplicaId): void {
    this.#step(`snapshot at ${this.#name(id)}`, () => {
      this.#node(id).compact();
      this.#show(this.#node(id));
    });
  }

  /** What was on its way from it still arrives, unless it is said to be lost. */
  crash(id: ReplicaId, losing = false): void {
    this.#step(`${this.#name(id)} crashes`, () => {
      this.#node(id).crash(0);
      this.#show(this.#node(id));
      if (!losing) return;
      for (const { message } of this.#packets) if (message.from === id) this.#lose(message);
      this.#packets = this.#packets.filter(({ message }) => message.from !== id);
    });
  }

  start(id: ReplicaId): void {
    this.#step(`${this.#name(id)} starts`, () => {
      this.#node(id).start();
      this.#show(this.#node(id));
    });
  }

  /** Cuts the links between `id` and `others`, both ways; what is on them is lost. */
  cut(id: ReplicaId, others: readonly ReplicaId[]): void {
    const names = others.map(this.#name).join(' ');
    this.#step(`${this.#name(id)} and ${names} no longer hear each other`, () => {
      for (const other of others) {
        this.#cut.add(`${id}>${other}`);
        this.#cut.add(`${other}>${id}`);
      }
    });
  }

  heal(): void {
    this.#step('all links work', () => this.#cut.clear());
  }

  #add(id: ReplicaId, members: Configuration, start: Start | undefined): void {
    const base = { lastIncludedIndex: 0, lastIncludedTerm: 0, configuration: members };
    const send = (packet: Packet): number => this.#packets.push(packet);
    const node = new Node(raftConfig(id, this.#overrides), base, this.#checker, send);
    if (start !== undefined) {
      const { terms, currentTerm, commitIndex = 0 } = start;
      node.crash(0);
      node.disk.hardState = { currentTerm, votedFor: 0, commitIndex };
      node.disk.entries = log(terms);
      node.start();
    }
    this.nodes.set(id, node);
    this.#work(node);
  }

  #node(id: ReplicaId): Node {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no replica ${id}`);
    return node;
  }

  #running(): Node[] {
    return [...this.nodes.values()].filter((node) => node.raft !== undefined);
  }

  #act(node: Node, action: Parameters<Node['act']>[0]): void {
    node.act(action);
    this.#work(node);
    this.#show(node);
  }

  /** The host's part: what is handed out becomes durable, leaves and is applied. */
  #work(node: Node): void {
    for (let count = 0; node.raft?.hasReady() === true; count += 1) {
      if (count >= readysMax) throw new Error(`${node.id} always has another Ready`);
      node.takeReady();
      node.completeWrites(node.writesCount);
      node.apply(Number.MAX_SAFE_INTEGER);
      node.completeFetches(node.fetchesCount);
    }
  }

  #deliver(max: number): void {
    for (let count = 0; count < max; count += 1) {
      const packet = this.#packets.shift();
      if (packet === undefined) return;
      this.#deliverOne(packet);
    }
  }

  #deliverOne(packet: Packet): void {
    const { message } = packet;
    const { from, to, kind } = message;
    const receiver = this.nodes.get(to);
    const arrives = !this.#cut.has(`${from}>${to}`) && receiver?.raft !== undefined;
    if (arrives) {
      const line = this.#lines.push(`  ${describeMessage(message, this.#name)}`) - 1;
      const sent = this.#packets.length;
      receiver.receive(packet);
      this.#work(receiver);
      const changed = this.#show(receiver);
      const quiet = isHeartbeat(message) && !changed && !this.#caused(sent, message);
      if (quiet) this.#lines.splice(line, 1);
    } else {
      this.#lose(message);
    }
    if (kind !== 'installSnapshotRequest') return;
    const sender = this.#node(from);
    if (sender.raft !== undefined) this.#act(sender, (raft) => raft.reportSnapshot(to, arrives));
  }

  #lose(message: Message): void {
    const text = describeMessage(message, this.#name);
    this.#lost.set(text, (this.#lost.get(text) ?? 0) + 1);
  }

  /** Whether it was answered by more than a heartbeat is. */
  #caused(sent: number, message: Message): boolean {
    const answers = message.kind === 'heartbeatRequest' ? 1 : 0;
    return this.#packets.length > sent + answers;
  }

  #step(heading: string, action: () => void): void {
    this.#lines.push(`> ${heading}`);
    action();
    for (const [text, count] of this.#lost) {
      this.#lines.push(`  lost: ${text}${count > 1 ? ` (${count} times)` : ''}`);
    }
    this.#lost.clear();
  }

  /** One line for what changed at a replica since it was shown last; false when nothing did. */
  #show(node: Node): boolean {
    const summary = summarize(node, this.#name);
    const before = this.#shown.get(node.id);
    this.#shown.set(node.id, summary);
    const changed = [...summary].filter(([field, value]) => before?.get(field) !== value);
    if (changed.length === 0) return false;
    this.#lines.push(`      ${this.#name(node.id)}: ${this.#fields(changed)}`);
    return true;
  }

  #fields(fields: Iterable<readonly [string, string]>): string {
    return [...fields].map(([field, value]) => field + value).join(', ');
  }
}

function isHeartbeat({ kind }: Message): boolean {
  return kind === 'heartbeatRequest' || kind === 'heartbeatResponse';
}

export const transcriptFolder: string = join(__dirname, '..', 'transcripts');

/**
 * Compares a transcript with the committed one. UPDATE_TRANSCRIPTS=1 writes it instead, except in
 * CI, where a transcript that differs is a failure.
 */
export function expectTranscript(name: string, text: string): void {
  const file = join(transcriptFolder, `${name}.txt`);
  const update = process.env['UPDATE_TRANSCRIPTS'] === '1' && process.env['CI'] === undefined;
  if (update) writeFileSync(file, text);
  expect(existsSync(file) ? readFileSync(file, 'utf8') : 'no such transcript').toBe(text);
}
