/** Three real nodes with every port they can have, and what is fuzzed of them. */
import type { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterProcess } from '@cashe/bench';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { metricsSeeds, restSeeds } from './http1-bytes.js';
import { clientSeeds, peerSeeds } from './seeds.js';
import type { Target } from './targets.js';

/** Files of certificates, and what this process itself uses. */
export interface FuzzTls {
  readonly caFile: string;
  /** Of the founder with this id. */
  readonly filesOf: (id: string) => { readonly cert: string; readonly key: string };
  /** PEM of a client's certificate, which the client, REST and metrics ports take. */
  readonly client: KeyPair;
  /** PEM of a node's certificate, which the peer port takes. */
  readonly node: KeyPair;
}

interface KeyPair {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The files of a directory: `ca.crt`, `client.*`, and one pair for each founder, `n0.*` and on. */
export function tlsFrom(dir: string): FuzzTls {
  const ca = readFileSync(join(dir, 'ca.crt'));
  const filesOf = (name: string) => ({
    cert: join(dir, `${name}.crt`),
    key: join(dir, `${name}.key`),
  });
  const pairOf = (name: string): KeyPair => {
    const { cert, key } = filesOf(name);
    return { ca, cert: readFileSync(cert), key: readFileSync(key) };
  };
  const caFile = join(dir, 'ca.crt');
  return { caFile, filesOf, client: pairOf('client'), node: pairOf('n0') };
}

interface HttpPlace {
  readonly rest: string;
  readonly metrics: string;
}

export class FuzzCluster {
  readonly processes: ClusterProcess;
  readonly #places: readonly HttpPlace[];
  readonly #tls: FuzzTls | undefined;

  private constructor(
    processes: ClusterProcess,
    places: readonly HttpPlace[],
    tls: FuzzTls | undefined,
  ) {
    this.processes = processes;
    this.#places = places;
    this.#tls = tls;
  }

  /** Data and logs stay in the directory. Leaves nothing running when it fails. */
  static async start(dir: string, tls: FuzzTls | undefined): Promise<FuzzCluster> {
    let places: readonly HttpPlace[] = [];
    const processes = await ClusterProcess.start({
      dir,
      execArgs: () => ['--expose-gc'],
      ...(tls === undefined ? {} : { credentials: credentialsOf(tls.client) }),
      routes: {
        portCount: (founders) => 2 * founders,
        plan: (nodes, ports) => {
          places = nodes.map((_, index) => ({
            rest: `127.0.0.1:${ports[2 * index]}`,
            metrics: `127.0.0.1:${ports[2 * index + 1]}`,
          }));
          const routes = nodes.map(({ id, client }, index) => ({
            client,
            args: [...httpArgs(places[index] as HttpPlace), ...tlsArgs(tls, id)],
          }));
          return Promise.resolve(routes);
        },
      },
    });
    return new FuzzCluster(processes, places, tls);
  }

  /** Every port of every node; their order is part of what a seed means. */
  async targets(): Promise<readonly Target[]> {
    const { clusterId } = await this.processes.status(0);
    return this.processes.nodes.flatMap(({ id, clientAddress, raftAddress }, index) => {
      const facts = { clusterId, nodeId: id };
      const { rest, metrics } = this.#places[index] as HttpPlace;
      const tls = this.#tls?.client;
      const peerTls = this.#tls?.node;
      const seeds = { kind: 'grpc', seeds: clientSeeds(facts) } as const;
      const forPeers = { kind: 'grpc', seeds: peerSeeds(facts) } as const;
      const forRest = { kind: 'http', seeds: restSeeds } as const;
      const forMetrics = { kind: 'http', seeds: metricsSeeds } as const;
      return [
        { name: `client port of ${id}`, address: clientAddress, tls, speaks: seeds },
        { name: `peer port of ${id}`, address: raftAddress, tls: peerTls, speaks: forPeers },
        { name: `REST port of ${id}`, address: rest, tls, speaks: forRest },
        { name: `metrics port of ${id}`, address: metrics, tls, speaks: forMetrics },
      ];
    });
  }
}

function httpArgs({ rest, metrics }: HttpPlace): readonly string[] {
  return [`--restaddr=${rest}`, `--metricsaddr=${metrics}`, '--compat'];
}

function tlsArgs(tls: FuzzTls | undefined, id: string): readonly string[] {
  if (tls === undefined) return [];
  const { cert, key } = tls.filesOf(id);
  return [`--tls-ca=${tls.caFile}`, `--tls-cert=${cert}`, `--tls-key=${key}`];
}

function credentialsOf({ ca, cert, key }: KeyPair): ChannelCredentials {
  return credentials.createSsl(ca, key, cert);
}
