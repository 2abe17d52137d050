/** Real nodes behind proxies, and who of them ended although nobody ended it. */
import { ClusterProcess, type NodeProcess } from '@cashe/bench';
import { Network } from './network.js';

export class ChaosCluster {
  readonly processes: ClusterProcess;
  readonly network: Network;
  /** Nodes that ended by themselves: an invariant, a digest or the disk stopped them. */
  readonly deaths: string[] = [];
  readonly #killed: Set<NodeProcess> = new Set();

  private constructor(processes: ClusterProcess, network: Network) {
    this.processes = processes;
    this.network = network;
    for (const node of processes.nodes) this.#watch(node);
  }

  /** Data and logs stay in the directory. Leaves nothing running when it fails. */
  static async start(dir: string): Promise<ChaosCluster> {
    let network: Network | undefined;
    try {
      const processes = await ClusterProcess.start({
        dir,
        logLevel: 'info',
        routes: {
          portCount: Network.portCount,
          plan: async (places, ports) => {
            const nodes = places.map(({ client, raft }) => ({
              client: portOf(client),
              raft: portOf(raft),
            }));
            network = new Network(nodes, ports);
            await network.open();
            return places.map((_, to) => routeOf(network as Network, places, to));
          },
        },
      });
      return new ChaosCluster(processes, network as Network);
    } catch (error) {
      await network?.close();
      throw error;
    }
  }

  get size(): number {
    return this.processes.nodes.length;
  }

  /** Where clients connect: the proxies. */
  get endpoints(): string[] {
    return this.processes.nodes.map((_, node) => this.network.address('clients', node));
  }

  /** Index of the leader; `otherwise` when nobody leads soon. */
  async leader(otherwise: number, timeoutMs: number): Promise<number> {
    try {
      return this.processes.nodes.indexOf(await this.processes.leader(timeoutMs));
    } catch {
      return otherwise; // A fault is under way; which node the next one hits matters little.
    }
  }

  async kill(node: number): Promise<void> {
    const found = this.processes.node(node);
    this.#killed.add(found);
    await found.kill();
    await this.network.setDown(node, true);
  }

  async start(node: number): Promise<void> {
    const found = this.processes.node(node);
    if (found.isRunning) return;
    this.#killed.delete(found);
    await this.network.setDown(node, false);
    found.start();
    this.#watch(found);
  }

  /** No effect on a node that does not run. */
  pause(node: number): void {
    const found = this.processes.node(node);
    if (found.isRunning && !found.isPaused) found.pause();
  }

  resume(node: number): void {
    const found = this.processes.node(node);
    if (found.isRunning && found.isPaused) found.resume();
  }

  async stop(): Promise<void> {
    for (const node of this.processes.nodes) this.#killed.add(node);
    await this.processes.stop('kill');
    await this.network.close();
  }

  #watch(node: NodeProcess): void {
    void node.exited.then(({ exitCode, signal }) => {
      if (this.#killed.has(node)) return;
      this.deaths.push(`${node.id} ended by itself (${signal ?? exitCode})\n${node.logTail()}`);
    });
  }
}

function portOf(address: string): number {
  return Number(new URL(`http://${address}`).port);
}

function routeOf(
  network: Network,
  places: readonly { readonly id: string }[],
  self: number,
): { readonly client: string; readonly args: readonly string[] } {
  const args = places.flatMap(({ id }, to) =>
    to === self ? [] : [`--peer-route=${id}=${network.address(self, to)}`],
  );
  return { client: network.address('clients', self), args };
}
