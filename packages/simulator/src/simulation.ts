/**
 * One run: the safety phase, in which everything may break, then the liveness phase, in which all
 * is healed and the cluster must elect, answer and converge within stated bounds.
 */
import { type AccessPolicy, openPolicy } from '@cashe/codec';
import type { Founder } from '@cashe/server/simulation';
import type { Settings } from '@cashe/store';
import { checkNotCommitted } from './call-check.js';
import { type CallRecord, describe } from './call-record.js';
import { checkExactlyOnce } from './checker/exactly-once.js';
import { History } from './checker/history.js';
import { checkLinearizability, linearizabilityLimits } from './checker/linearizability.js';
import { SimulationFailure } from './failure.js';
import { runningMembers } from './members.js';
import { MembershipNemesis } from './membership-nemesis.js';
import { Nemesis } from './nemesis.js';
import { Network } from './network.js';
import { Operator } from './operator.js';
import { OperatorNemesis } from './operator-nemesis.js';
import { SeededRandom } from './random.js';
import { Ledger } from './reference/ledger.js';
import { namesOf, RunClients } from './run-clients.js';
import { plannedSwarm, type RunPlan } from './run-plan.js';
import type { RunStats } from './run-stats.js';
import { SimNode } from './sim-node.js';
import type { SimulatedNode } from './simulated-node.js';
import { type Swarm, swarmOf } from './swarm.js';
import { settingsOf } from './swarm-workload.js';
import { Traps } from './traps.js';
import { VirtualTime } from './virtual-time.js';
import { Watch } from './watch.js';
import type { World } from './world.js';

/** After everything is healed: a leader that has committed an entry of its own term (I15). */
const LEADER_WITHIN_MS = 5_000;
/**
 * A write and a read through every single node: a pipeline of two appends of 1 KiB takes that long
 * to bring up a follower that was away.
 */
const ANSWERS_WITHIN_MS = 15_000;
const CONVERGENCE_WITHIN_MS = 20_000;
/** Lost members removed, learners promoted, whoever was on the way in or out has arrived (R26). */
const MEMBERS_WITHIN_MS = 30_000;
/** Every call settles by its deadline, so this ends. */
const SETTLE_WITHIN_MS = 15_000;
/** A key that needs more is undecided here; the ledger has decided it all the same. */
const SEARCH_LIMITS = { ...linearizabilityLimits, configsMax: 20_000 };
/** Events between two looks at all replicas, and between two scans of their state machines. */
const LOOK_EVENTS = 64;
const LOOK_INSIDE_EVENTS = 20_000;

export type Tracer = (atMs: number, line: string) => void;

export interface SimulationResult {
  readonly stats: RunStats;
  readonly digest: string;
}

export class Simulation implements World {
  readonly time: VirtualTime = new VirtualTime();
  readonly random: SeededRandom;
  readonly swarm: Swarm;
  readonly network: Network;
  readonly watch: Watch = new Watch();
  readonly traps: Traps = new Traps();
  readonly history: History = new History();
  readonly nodes: SimNode[] = [];
  readonly founders: readonly Founder[];
  readonly settings: Settings;
  readonly access: AccessPolicy = openPolicy;
  readonly #skipFaults: ReadonlySet<number>;
  #faultCount = 0;
  readonly #nemesis: Nemesis;
  readonly #membership: MembershipNemesis;
  readonly #operators: OperatorNemesis;
  readonly ledger: Ledger;
  #clients: RunClients | undefined;
  #undecided = 0;
  readonly #tracer: Tracer | undefined;
  #failure: SimulationFailure | undefined;
  #stepped: SimulatedNode | undefined;

  constructor(plan: RunPlan, tracer: Tracer | undefined) {
    this.#tracer = tracer;
    this.random = new SeededRandom(plan.seed);
    this.#skipFaults = plan.skipFaults;
    this.swarm = plannedSwarm(swarmOf(this.random.fork()), plan);
    this.network = new Network(this.time, this.random.fork(), this.swarm.network);
    const { nodeCount } = this.swarm;
    for (let index = 0; index < nodeCount; index += 1) this.addNode();
    this.founders = this.nodes.map(({ nodeId, clientAddress, raftAddress }) => {
      return { id: nodeId, client: clientAddress, raft: raftAddress };
    });
    this.settings = settingsOf(this.swarm, this.swarm.replicationFactor);
    this.ledger = new Ledger(this.settings, this.access, this.history);
    this.ledger.leases.clockErrorMs = () => {
      return this.nodes.reduce((sum, { clock }) => sum + clock.errorMs(), 0);
    };
    // Before the clients: fewer of them must not change the faults.
    this.#nemesis = new Nemesis(this, namesOf(this));
    this.#membership = new MembershipNemesis(this);
    this.#operators = new OperatorNemesis(this);
    this.trace(() => `swarm ${JSON.stringify(this.swarm)}`);
  }

  async run(): Promise<SimulationResult> {
    for (const node of this.nodes) node.start();
    const nemesis = this.#nemesis;
    const clients = new RunClients(this);
    this.#clients = clients;
    clients.start();
    nemesis.start();
    this.#membership.start();
    this.#operators.start();
    await this.pass(this.swarm.safetyMs);
    this.trace(() => 'everything is healed');
    this.#membership.stop();
    this.#operators.stop();
    nemesis.heal();
    const operator = new Operator(this);
    operator.start();
    clients.stop();
    await this.until(() => this.#hasLeader(), LEADER_WITHIN_MS, 'a leader');
    await this.until(() => clients.openCalls === 0, SETTLE_WITHIN_MS, 'the answers to all calls');
    await this.until(
      () => operator.unfinished() === undefined,
      MEMBERS_WITHIN_MS,
      () => {
        return `members in order: ${operator.unfinished()}`;
      },
    );
    await this.#probe(clients);
    await this.verify(clients.records);
    return { stats: this.stats(), digest: this.#digest() };
  }

  /** After the last call: all replicas agree, and the whole history holds. */
  async verify(records: readonly CallRecord[]): Promise<void> {
    await this.until(() => this.#hasConverged(), CONVERGENCE_WITHIN_MS, 'convergence');
    this.watch.look(this.nodes);
    this.watch.lookInside(this.nodes);
    checkNotCommitted(records, this.ledger);
    this.#checkHistory();
  }

  /** Of the run so far. */
  stats(): RunStats {
    const records = this.#clients?.records ?? [];
    return {
      virtualMs: this.time.nowMs,
      events: this.time.events,
      calls: records.length,
      unknown: records.filter(({ outcome }) => outcome === 'unknown').length,
      elections: this.watch.elections,
      faultCount: this.#faultCount,
      faults: new Map<string, number>([
        ...this.#nemesis.counts,
        ...this.#membership.counts,
        ...this.#operators.counts,
      ]),
      undecided: this.#undecided,
    };
  }

  addNode(): SimNode {
    const node = new SimNode(this, this.nodes.length);
    this.nodes.push(node);
    return node;
  }

  stepped(node: SimulatedNode): void {
    this.#stepped = node;
  }

  nextFault(): number | undefined {
    this.#faultCount += 1;
    return this.#skipFaults.has(this.#faultCount) ? undefined : this.#faultCount;
  }

  fail(failure: SimulationFailure): void {
    this.#failure ??= failure;
  }

  trace(line: () => string): void {
    this.#tracer?.(this.time.nowMs, line());
  }

  /** Runs for so long. */
  async pass(ms: number): Promise<void> {
    let isOver = false;
    this.time.after(ms, () => {
      isOver = true;
    });
    await this.until(() => isOver, ms + 1, 'the time itself');
  }

  /** Runs until `done`; the run has failed when that takes longer. */
  async until(done: () => boolean, withinMs: number, what: string | (() => string)): Promise<void> {
    const endMs = this.time.nowMs + withinMs;
    while (!done()) {
      if (!this.time.step() || this.time.nowMs > endMs) {
        this.#traceReplicas();
        const missing = typeof what === 'string' ? what : what();
        throw new SimulationFailure('liveness', `not within ${withinMs} ms: ${missing}`);
      }
      // Only opening a node waits by promises; all of them settle before the next event.
      if (this.nodes.some(({ isBooting }) => isBooting)) {
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      if (this.#stepped !== undefined) this.watch.stepped(this.#stepped);
      this.#stepped = undefined;
      if (this.time.events % LOOK_EVENTS === 0) this.watch.look(this.nodes);
      if (this.time.events % LOOK_INSIDE_EVENTS === 0) this.watch.lookInside(this.nodes);
      if (this.#failure !== undefined) throw this.#failure;
    }
  }

  #traceReplicas(): void {
    for (const { nodeId, replica, cluster } of this.nodes) {
      const { stalled } = cluster?.host ?? {};
      const view = { stalled, restoring: replica?.restoring, ...replica?.raft.status() };
      this.trace(() => `${nodeId} ${JSON.stringify(view)}`);
    }
  }

  #hasLeader(): boolean {
    return this.nodes.some(({ replica }) => {
      return replica?.leads === true && replica.raft.status().ownTermCommitted;
    });
  }

  async #probe(clients: RunClients): Promise<void> {
    const members = runningMembers(this.nodes);
    const probe = clients.probe(members, ANSWERS_WITHIN_MS);
    const withinMs = 3 * members.length * ANSWERS_WITHIN_MS;
    await this.until(() => probe.isDone(), withinMs, 'answers through every node');
    const refused = probe.refused();
    if (refused !== undefined) throw new SimulationFailure('liveness', describe(refused));
  }

  #hasConverged(): boolean {
    const members = runningMembers(this.nodes);
    const last = members[0]?.replica?.raft.status().lastIndex;
    return members.every(({ replica }) => {
      if (replica === undefined || replica.restoring) return false;
      return replica.store.appliedIndex === last && replica.raft.status().lastIndex === last;
    });
  }

  #checkHistory(): void {
    // What the log never held took no effect: nothing is left of it for the search to consider.
    const ops = this.history.ops.filter(({ kind, outcome, value }) => {
      if (kind !== 'set' || outcome !== 'unknown') return true;
      return this.ledger.setOf(value ?? '') !== undefined;
    });
    for (const result of [checkLinearizability(ops, SEARCH_LIMITS), checkExactlyOnce(ops)]) {
      if (result.kind === 'violation') throw new SimulationFailure('safety', result.text);
      if (result.kind === 'inconclusive') this.#undecided += result.keys.length;
    }
  }

  #digest(): string {
    const digest = runningMembers(this.nodes)[0]?.replica?.store.digest();
    this.time.note(digest?.high ?? 0);
    this.time.note(digest?.low ?? 0);
    return this.time.hash.toString(16).padStart(8, '0');
  }
}
