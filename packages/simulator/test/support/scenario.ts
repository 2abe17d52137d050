// A scripted cluster: the same simulation as a run's, without faults but those the script causes.
import type { WriteAnswer } from '@cashe/codec';
import type { CallKind, CallRecord, CallSpec } from '../../src/call-record.js';
import { SimClient } from '../../src/client.js';
import { currentLeader } from '../../src/members.js';
import { planOf } from '../../src/run-plan.js';
import type { SimNode } from '../../src/sim-node.js';
import { Simulation } from '../../src/simulation.js';
import type { Swarm } from '../../src/swarm.js';
import { UnaryClient, UnaryFronts } from '../../src/unary-client.js';
import { RawSession } from './raw-session.js';

const WAIT_MS = 5_000;

export class Scenario {
  readonly simulation: Simulation;
  readonly #records: CallRecord[][] = [];
  readonly #fronts: UnaryFronts;
  #clients = 0;

  private constructor(simulation: Simulation) {
    this.simulation = simulation;
    this.#fronts = new UnaryFronts(simulation);
  }

  /** Three nodes on a good network with a leader, unless `fixed` says otherwise. */
  static async start(fixed: Partial<Swarm> = {}, seed = 1): Promise<Scenario> {
    const calm = { nodeCount: 3, replicationFactor: 3, valueBytes: 12 };
    const plan = { ...planOf(seed), steady: true, fixed: { ...calm, ...fixed } };
    const scenario = new Scenario(new Simulation(plan, undefined));
    for (const node of scenario.nodes) node.start();
    await scenario.leader();
    return scenario;
  }

  get nodes(): readonly SimNode[] {
    return this.simulation.nodes;
  }

  async leader(): Promise<SimNode> {
    const find = (): SimNode | undefined => {
      return currentLeader(this.nodes.filter(({ isUp }) => isUp)) as SimNode | undefined;
    };
    await this.simulation.until(() => find() !== undefined, WAIT_MS, 'a leader');
    return find() as SimNode;
  }

  async follower(): Promise<SimNode> {
    const leader = await this.leader();
    return this.nodes.find((node) => node !== leader) as SimNode;
  }

  /** An SDK client of these nodes, or of all. */
  client(nodes: readonly SimNode[] = this.nodes): SimClient {
    const endpoints = nodes.map(({ clientAddress }) => clientAddress);
    const client = new SimClient(this.simulation, this.#name(), endpoints, endpoints.length);
    this.#records.push(client.records as CallRecord[]);
    return client;
  }

  unary(node: () => SimNode): UnaryClient {
    const client = new UnaryClient(this.simulation, this.#name(), this.#fronts, node);
    this.#records.push(client.records as CallRecord[]);
    return client;
  }

  async session(node: SimNode): Promise<RawSession> {
    const session = new RawSession(this.simulation, this.#name());
    await this.answer<void>((done) => session.open(node, done));
    return session;
  }

  write(
    session: RawSession,
    node: SimNode,
    batch: Parameters<RawSession['write']>[1],
  ): Promise<WriteAnswer> {
    return this.answer((done) => session.write(node, batch, done));
  }

  /** One call for one key. */
  async call(
    client: Pick<SimClient, 'call'>,
    kind: CallKind,
    key: string,
    options: Partial<CallSpec> = {},
  ): Promise<CallRecord> {
    const spec = { kind, key, ttlMs: 0, keepTtl: false, isStale: false, ...options };
    const [record] = await this.answer<readonly CallRecord[]>((done) => {
      client.call([spec], WAIT_MS, done);
    });
    return record as CallRecord;
  }

  /** Runs until `ask` has its answer. */
  async answer<Answer>(ask: (done: (answer: Answer) => void) => void): Promise<Answer> {
    const answers: Answer[] = [];
    ask((answer) => answers.push(answer));
    await this.simulation.until(() => answers.length > 0, 2 * WAIT_MS, 'an answer');
    return answers[0] as Answer;
  }

  /** Ends a process as a power loss does, and starts it again when asked. */
  crash(node: SimNode): void {
    node.crash(() => false);
  }

  separate(one: SimNode, others: readonly SimNode[]): void {
    for (const other of others) {
      this.simulation.network.cut(one.nodeId, other.nodeId);
      this.simulation.network.cut(other.nodeId, one.nodeId);
    }
  }

  /** Everybody is up and agrees, and everything that was ever answered holds. */
  async finish(): Promise<void> {
    this.simulation.network.heal();
    for (const node of this.nodes) node.start();
    await this.leader();
    await this.simulation.until(() => this.nodes.every(({ isUp }) => isUp), WAIT_MS, 'all nodes');
    await this.simulation.verify(this.#records.flat());
  }

  #name(): string {
    this.#clients += 1;
    return `s${this.#clients}`;
  }
}
