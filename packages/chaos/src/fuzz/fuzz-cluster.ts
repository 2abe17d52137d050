/** Three real nodes with every port they can have, and what is fuzzed of them. */
import { ClusterProcess } from '@cashe/bench';
import { type HttpSeed, metricsSeeds, restSeeds } from './http1-bytes.js';
import { clientSeeds, type MethodSeed, peerSeeds } from './seeds.js';
import type { Target } from './targets.js';

interface HttpPlace {
  readonly rest: string;
  readonly metrics: string;
}

export class FuzzCluster {
  readonly processes: ClusterProcess;
  readonly #places: readonly HttpPlace[];

  private constructor(processes: ClusterProcess, places: readonly HttpPlace[]) {
    this.processes = processes;
    this.#places = places;
  }

  /** Data and logs stay in the directory. Leaves nothing running when it fails. */
  static async start(dir: string): Promise<FuzzCluster> {
    let places: readonly HttpPlace[] = [];
    const processes = await ClusterProcess.start({
      dir,
      execArgs: () => ['--expose-gc'],
      routes: {
        portCount: (founders) => 2 * founders,
        plan: (nodes, ports) => {
          places = nodes.map((_, index) => ({
            rest: `127.0.0.1:${ports[2 * index]}`,
            metrics: `127.0.0.1:${ports[2 * index + 1]}`,
          }));
          const argsOf = ({ rest, metrics }: HttpPlace): readonly string[] => [
            `--restaddr=${rest}`,
            `--metricsaddr=${metrics}`,
            '--compat',
          ];
          const routes = nodes.map(({ client }, index) => ({
            client,
            args: argsOf(places[index] as HttpPlace),
          }));
          return Promise.resolve(routes);
        },
      },
    });
    return new FuzzCluster(processes, places);
  }

  /** Every port of every node; their order is part of what a seed means. */
  async targets(): Promise<readonly Target[]> {
    const { clusterId } = await this.processes.status(0);
    return this.processes.nodes.flatMap(({ id, clientAddress, raftAddress }, index) => {
      const facts = { clusterId, nodeId: id };
      const { rest, metrics } = this.#places[index] as HttpPlace;
      return [
        grpcTarget(`client port of ${id}`, clientAddress, clientSeeds(facts)),
        grpcTarget(`peer port of ${id}`, raftAddress, peerSeeds(facts)),
        httpTarget(`REST port of ${id}`, rest, restSeeds),
        httpTarget(`metrics port of ${id}`, metrics, metricsSeeds),
      ];
    });
  }
}

function grpcTarget(name: string, address: string, seeds: readonly MethodSeed[]): Target {
  return { name, address, tls: undefined, speaks: { kind: 'grpc', seeds } };
}

function httpTarget(name: string, address: string, seeds: readonly HttpSeed[]): Target {
  return { name, address, tls: undefined, speaks: { kind: 'http', seeds } };
}
