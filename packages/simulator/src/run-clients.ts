/** All clients of a run: what they are, how they start and end, and the probes after the faults. */
import type { CallRecord, CallSpec } from './call-record.js';
import { type RunClient, SimClient } from './client.js';
import { RogueClient } from './rogue-client.js';
import type { SimulatedNode } from './simulated-node.js';
import { UnaryClient, UnaryFronts } from './unary-client.js';
import type { World } from './world.js';

const plain = { ttlMs: 0, keepTtl: false, isStale: false } as const;
/** What a full cache under `noeviction` answers for good. */
const FULL = 'RESOURCE_EXHAUSTED';

export class RunClients {
  readonly #world: World;
  readonly #clients: readonly RunClient[];
  readonly #probes: SimClient[] = [];

  constructor(world: World) {
    this.#world = world;
    const { clientCount, unaryCount } = world.swarm;
    const endpoints = world.nodes.map(({ nodeId }) => `${nodeId}:3000`);
    const fronts = new UnaryFronts(world);
    const random = world.random.fork();
    this.#clients = namesOf(world).map((name, index) => {
      if (index < clientCount) return new SimClient(world, name, endpoints, endpoints.length);
      if (index >= clientCount + unaryCount) return new RogueClient(world, name);
      return new UnaryClient(world, name, fronts, () => random.pick(world.nodes));
    });
  }

  get records(): readonly CallRecord[] {
    return [...this.#clients, ...this.#probes].flatMap(({ records }) => records);
  }

  get openCalls(): number {
    return this.#clients.reduce((sum, { openCalls }) => sum + openCalls, 0);
  }

  start(): void {
    for (const client of this.#clients) client.startWorkload();
  }

  stop(): void {
    for (const client of this.#clients) client.stopWorkload();
  }

  /**
   * A new client of each node alone sets and gets: its calls are forwarded where they must be
   * (R30). One node after the other: where sessions are few, a probe must not cost another its own.
   * Returns what tells whether all are answered, and the first that was not served.
   */
  probe(
    nodes: readonly SimulatedNode[],
    waitMs: number,
  ): { isDone(): boolean; refused(): CallRecord | undefined } {
    const answered: Probed[] = [];
    const probeFrom = (index: number): void => {
      const node = nodes[index];
      if (node === undefined) return;
      const { nodeId, replicaId } = node;
      const probe = new SimClient(this.#world, `p${nodeId}`, [`${nodeId}:3000`], 1);
      this.#probes.push(probe);
      const call = (kind: CallSpec['kind'], then: () => void): void =>
        probe.call([{ kind, key: `probe-${nodeId}`, ...plain }], waitMs, (records) => {
          for (const record of records) answered.push({ node, replicaId, record });
          then();
        });
      call('set', () => call('get', () => probeFrom(index + 1)));
    };
    probeFrom(0);
    return {
      isDone: () => answered.length === 2 * nodes.length,
      refused: () => answered.find(wasRefused)?.record,
    };
  }
}

interface Probed {
  readonly node: SimulatedNode;
  /** What the node was when it was asked. */
  readonly replicaId: number;
  readonly record: CallRecord;
}

/** Who was asked to leave before the probe may have left during it: that is no refusal. */
function wasRefused({ node, replicaId, record }: Probed): boolean {
  const isStill = node.isUp && node.replicaId === replicaId;
  return isStill && record.outcome !== 'committed' && record.code !== FULL;
}

/** Of the places that the network may cut off, beside the nodes. */
export function namesOf({ swarm }: Pick<World, 'swarm'>): readonly string[] {
  const names = (letter: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${letter}${index}`);
  return [
    ...names('c', swarm.clientCount),
    ...names('u', swarm.unaryCount),
    ...names('r', swarm.rogueCount),
  ];
}
