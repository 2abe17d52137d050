import { Random } from '../../src/random.js';
import type {
  MembershipChange,
  RaftConfig,
  ReplicaId,
  RestoredState,
  SnapshotMeta,
} from '../../src/types.js';
import { Checker } from './checker.js';
import { bytes, configuration, raftConfig } from './fixtures.js';
import { Node, type Packet } from './node.js';

const packetsMax = 400;
const nodesMax = 9;

/** How likely each kind of event is; drawn per seed, so that seeds differ in kind ("swarm"). */
export interface Weather {
  readonly drop: number;
  readonly duplicate: number;
  readonly crash: number;
  /** A crash and at once a start: the group stays able to work while it forgets. */
  readonly reboot: number;
  readonly partition: number;
  readonly membership: number;
  readonly slowDisk: boolean;
  readonly slowApply: boolean;
}

/** Several replicas, the network between them and a seeded source of trouble. */
export class Cluster {
  readonly nodes = new Map<ReplicaId, Node>();
  readonly checker = new Checker();
  readonly random: Random;
  readonly #overrides: Partial<RaftConfig>;
  readonly #seed: number;
  #packets: Packet[] = [];
  /** Unordered pairs `a-b` (one-way: `a>b`) that cannot talk. */
  readonly #cut = new Set<string>();
  #proposed = 0;
  #nextId: ReplicaId;
  #context = 0;

  constructor(seed: number, voters: readonly ReplicaId[], overrides: Partial<RaftConfig> = {}) {
    this.random = new Random(seed);
    this.#seed = seed;
    this.#overrides = overrides;
    const members = configuration(voters);
    this.checker.members = voters;
    for (const id of voters) this.#add(id, members);
    this.#nextId = members.replicaIdMax + 1;
  }

  get leader(): Node | undefined {
    let best: Node | undefined;
    let term = 0;
    for (const node of this.running()) {
      const status = node.raft?.status();
      if (status?.role !== 'leader' || status.currentTerm < term) continue;
      best = node;
      term = status.currentTerm;
    }
    return best;
  }

  running(): Node[] {
    return [...this.nodes.values()].filter((node) => node.raft !== undefined);
  }

  get readsConfirmed(): number {
    return [...this.nodes.values()].reduce((sum, node) => sum + node.readsConfirmed, 0);
  }

  /** One random event. */
  disturb(weather: Weather): void {
    if (this.#trouble(weather)) return;
    const dice = this.random.between(0, 999);
    if (dice < 70) this.#pick(this.running())?.act((raft) => raft.tick());
    else if (dice < 100) this.tickAll();
    else if (dice < 430) this.#deliverSome(weather);
    else if (dice < 640) this.#pick(this.running())?.takeReady();
    else if (dice < 800) this.#write(weather);
    else if (dice < 870) this.#pick(this.running())?.apply(weather.slowApply ? 1 : 100);
    else if (dice < 930) this.proposeAnywhere();
    else if (dice < 960) this.#readAnywhere();
    else if (dice < 970) this.#pick(this.running())?.completeFetches(1);
    else if (dice < 980) this.#start();
    else this.#nudge();
  }

  tickAll(): void {
    for (const node of this.running()) node.act((raft) => raft.tick());
  }

  /** Ends all trouble: everybody runs and hears everybody. */
  heal(): void {
    this.#cut.clear();
    for (const node of this.nodes.values()) {
      node.start();
      node.act((raft) => {
        raft.setMayCampaign(true);
        raft.compact(raft.status().appliedIndex);
      });
    }
  }

  /** Delivers, writes and applies until nothing is left to do. */
  settle(): void {
    // A long log may travel in messages of one entry, one after the other.
    for (let round = 0; round < 2000; round += 1) {
      for (const node of this.running()) {
        node.takeReady();
        node.completeWrites(node.writesCount);
        node.apply(1000);
        node.completeFetches(node.fetchesCount);
      }
      const packets = this.#packets;
      this.#packets = [];
      for (const packet of packets) this.#deliver(packet);
      if (packets.length === 0 && this.running().every((n) => !n.raft?.hasReady())) return;
    }
    throw new Error('the cluster does not come to rest');
  }

  /** Ticks and settles until `condition` holds; throws after `ticksMax`. */
  runUntil(what: string, ticksMax: number, condition: () => boolean): number {
    for (let ticks = 0; ticks < ticksMax; ticks += 1) {
      if (condition()) return ticks;
      this.tickAll();
      this.settle();
    }
    throw new Error(`not within ${ticksMax} ticks: ${what}`);
  }

  propose(node: Node): boolean {
    let appended = false;
    node.act((raft) => {
      this.#proposed += 1;
      appended = raft.propose([bytes(`p${this.#proposed}`)]).kind === 'appended';
    });
    return appended;
  }

  /** Even a deposed leader gets proposals, as long as it believes in itself. */
  proposeAnywhere(): void {
    const leaders = this.running().filter((node) => node.raft?.status().role === 'leader');
    const node = this.#pick(leaders);
    if (node !== undefined) this.propose(node);
  }

  change(node: Node, change: MembershipChange): boolean {
    let appended = false;
    node.act((raft) => {
      const { configurationIndex } = raft.status();
      appended = raft.changeMembership(change, configurationIndex).kind === 'appended';
    });
    if (appended && change.kind === 'addLearner') this.#join(change.replicaId);
    return appended;
  }

  /** Cuts the link in both directions. */
  cut(a: ReplicaId, b: ReplicaId): void {
    this.#cut.add(`${a}>${b}`);
    this.#cut.add(`${b}>${a}`);
  }

  isolate(id: ReplicaId): void {
    for (const other of this.nodes.keys()) if (other !== id) this.cut(id, other);
  }

  #add(id: ReplicaId, members: SnapshotMeta['configuration']): void {
    const base: RestoredState['base'] = {
      lastIncludedIndex: 0,
      lastIncludedTerm: 0,
      configuration: members,
    };
    const config = raftConfig(id, { ...this.#overrides, seed: this.#seed * 31 + id });
    const send = (packet: Packet): void => this.#enqueue(packet);
    this.nodes.set(id, new Node(config, base, this.checker, send));
  }

  #join(id: ReplicaId): void {
    if (this.nodes.has(id)) return;
    this.#add(id, configuration([], { replicaIdMax: 0 }));
    this.#nextId = Math.max(this.#nextId, id + 1);
  }

  #enqueue(packet: Packet): void {
    if (this.#packets.length >= packetsMax) {
      const [lost] = this.#packets.splice(this.random.between(0, this.#packets.length - 1), 1);
      if (lost !== undefined) this.#lose(lost);
    }
    this.#packets.push(packet);
  }

  #deliver(packet: Packet): void {
    const { from, to, kind } = packet.message;
    if (this.#cut.has(`${from}>${to}`)) {
      this.#lose(packet);
      return;
    }
    this.nodes.get(to)?.receive(packet);
    if (kind === 'installSnapshotRequest') {
      this.nodes.get(from)?.act((raft) => raft.reportSnapshot(to, true));
    }
  }

  #lose(packet: Packet): void {
    const { from, to, kind } = packet.message;
    if (kind !== 'installSnapshotRequest') return;
    this.nodes.get(from)?.act((raft) => raft.reportSnapshot(to, false));
  }

  #deliverSome(weather: Weather): void {
    const count = this.random.between(1, 10);
    for (let i = 0; i < count; i += 1) this.#deliverOne(weather);
  }

  #deliverOne(weather: Weather): void {
    if (this.#packets.length === 0) return;
    // Mostly in order, since most transports are; any order is allowed.
    const first = this.random.between(0, 3) === 0 ? this.#packets.length - 1 : 3;
    const at = this.random.between(0, Math.min(first, this.#packets.length - 1));
    const [packet] = this.#packets.splice(at, 1);
    if (packet === undefined) return;
    if (this.random.between(0, 99) < weather.duplicate) this.#enqueue(packet);
    if (this.random.between(0, 99) < weather.drop) this.#lose(packet);
    else this.#deliver(packet);
  }

  #write(weather: Weather): void {
    const node = this.#pick(this.running());
    const all = node?.writesCount ?? 0;
    node?.completeWrites(weather.slowDisk ? Math.min(1, all) : all);
  }

  /** What the weather brings, each in so many of 1,000 events. */
  #trouble({ crash, reboot, partition, membership }: Weather): boolean {
    const dice = this.random.between(0, 999);
    if (dice < crash) this.#crash();
    else if (dice < crash + reboot) this.#crash()?.start();
    else if (dice < crash + reboot + partition) this.#partition();
    else if (dice < crash + reboot + partition + membership) this.#reconfigure();
    else return false;
    return true;
  }

  #crash(): Node | undefined {
    const node = this.#pick(this.running());
    // Mostly everything that was under way is lost.
    const kept = this.random.between(0, 2) > 0 ? 0 : (node?.writesCount ?? 0);
    node?.crash(this.random.between(0, kept));
    return node;
  }

  #start(): void {
    this.#pick([...this.nodes.values()].filter((node) => node.raft === undefined))?.start();
  }

  #partition(): void {
    this.#cut.clear();
    const ids = [...this.nodes.keys()];
    const mode = this.random.between(0, 5);
    if (mode === 0 || mode > 3) return;
    for (const a of ids) {
      for (const b of ids) {
        // Halves by parity, one-way links at random, or an isolated replica.
        const halves = mode === 1 && a % 2 !== b % 2;
        const oneWay = mode === 2 && this.random.between(0, 3) === 0;
        const isolated = mode === 3 && (a === ids[0]) !== (b === ids[0]);
        if (halves || oneWay || isolated) this.#cut.add(`${a}>${b}`);
      }
    }
  }

  #reconfigure(): void {
    const node = this.leader;
    const status = node?.raft?.status();
    if (node === undefined || status === undefined) return;
    const { voters, learners } = status.configuration;
    const members = [...voters, ...learners];
    const someone = this.#pick(members) ?? 0;
    const kind = this.random.between(0, 3);
    if (kind === 0 && this.nodes.size < nodesMax) {
      this.change(node, { kind: 'addLearner', replicaId: this.#nextId });
    } else if (kind === 1) {
      this.change(node, { kind: 'removeLearner', replicaId: someone });
    } else if (kind === 2 && voters.length > 2) {
      this.change(node, { kind: 'removeVoter', replicaId: someone });
    } else {
      const wanted = members.filter(() => this.random.between(0, 2) > 0);
      const rest = members.filter((id) => !wanted.includes(id) && this.random.between(0, 1) > 0);
      this.change(node, { kind: 'joint', voters: wanted, learners: rest });
    }
  }

  #readAnywhere(): void {
    this.#context += 1;
    const leaders = this.running().filter((node) => node.raft?.status().role === 'leader');
    this.#pick(leaders)?.read(this.#context);
  }

  #nudge(): void {
    const node = this.#pick(this.running());
    const target = this.#pick([...this.nodes.keys()]) ?? 0;
    switch (this.random.between(0, 5)) {
      case 0:
        node?.compact();
        break;
      case 1:
        this.leader?.act((raft) => raft.transferLeadership(target));
        break;
      case 2:
        node?.act((raft) => raft.reportUnreachable(target));
        break;
      case 3:
        node?.act((raft) => raft.forgetLeader(raft.status().leaderId));
        break;
      default:
        node?.act((raft) => raft.setMayCampaign(this.random.between(0, 3) > 0));
    }
  }

  #pick<T>(items: readonly T[]): T | undefined {
    if (items.length === 0) return undefined;
    return items[this.random.between(0, items.length - 1)];
  }
}
