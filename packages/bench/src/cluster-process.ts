/**
 * A cluster of real server processes on this machine's loopback: for the bench, for replays, and
 * for tests that kill, pause and restart nodes. Data lives in a temporary directory.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GroupStatus, Role, type StatusResponse } from '@cashe/proto';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { listMembers, nodeStatus } from './cluster-calls.js';
import { freePorts } from './free-ports.js';
import { NodeProcess } from './node-process.js';
import { waitUntil } from './wait-until.js';

export interface ClusterProcessOptions {
  /** Founders; default 3. */
  readonly size?: number;
  /** Further `cashe` arguments of every founder, such as `--capacity=100`. */
  readonly args?: readonly string[];
  /** Arguments of `node` for the node of that index, such as `--cpu-prof`. */
  readonly execArgs?: (index: number) => readonly string[];
  /** The temporary directory is made in here; default: the system's. */
  readonly parentDir?: string;
  /** An existing directory instead of a temporary one; it stays after `stop`. */
  readonly dir?: string;
  /** For nodes that speak TLS: how this process calls them. */
  readonly credentials?: ChannelCredentials;
  /** How the founders are reached, when not directly. */
  readonly routes?: FounderRoutes;
  /** Default `warn`. */
  readonly logLevel?: 'error' | 'warn' | 'info' | 'debug';
  /** Time the cluster may take until it serves; default 30,000. */
  readonly serveTimeoutMs?: number;
}

const sizeDefault = 3;
const serveTimeoutMsDefault = 30_000;
const callTimeoutMs = 1_000;
const leaderTimeoutMsDefault = 10_000;
/** Above the nodes' own drain time of 10 s, so that they end by themselves. */
const stopTimeoutMs = 15_000;

/** Where a node itself listens. */
export interface NodePlace {
  readonly id: string;
  readonly client: string;
  readonly raft: string;
}

export interface FounderRoutes {
  /** Ports wanted beside those of the nodes. */
  readonly portCount: (founders: number) => number;
  /** Called before the founders start: per founder the client address told to others, and flags. */
  readonly plan: (
    places: readonly NodePlace[],
    ports: readonly number[],
  ) => Promise<readonly FounderRoute[]>;
}

export interface FounderRoute {
  readonly client: string;
  readonly args: readonly string[];
}

export class ClusterProcess {
  /** Every node ever started here, in order; a killed or removed one keeps its place. */
  readonly nodes: readonly NodeProcess[];
  /** Data and logs of all nodes: `<id>/` and `<id>.log`. Gone after `stop`, unless it was given. */
  readonly dir: string;
  readonly #nodes: NodeProcess[];
  readonly #options: ClusterProcessOptions;

  private constructor(options: ClusterProcessOptions, dir: string) {
    this.#options = options;
    this.dir = dir;
    this.#nodes = [];
    this.nodes = this.#nodes;
  }

  /** Starts the founders; resolves when all of them serve. Leaves nothing behind when it fails. */
  static async start(options: ClusterProcessOptions = {}): Promise<ClusterProcess> {
    const dir = options.dir ?? mkdtempSync(join(options.parentDir ?? tmpdir(), 'cashe-cluster-'));
    const cluster = new ClusterProcess(options, dir);
    try {
      await cluster.#found(options.size ?? sizeDefault);
      await cluster.waitUntilServing();
      return cluster;
    } catch (error) {
      const logs = cluster.#nodes.map((node) => `--- ${node.id}\n${node.logTail()}`).join('\n');
      await cluster.stop('kill');
      throw new Error(`the cluster did not start\n${logs}`, { cause: error });
    }
  }

  /** Client addresses of the nodes that run, for `connect`. */
  get endpoints(): string[] {
    return this.#answering().map((node) => node.clientAddress);
  }

  node(index: number): NodeProcess {
    const node = this.#nodes[index];
    if (node === undefined) throw new RangeError(`there is no node ${index}`);
    return node;
  }

  /** Rejects when the node does not answer within a second. */
  status(index: number): Promise<StatusResponse> {
    return this.#statusOf(this.node(index));
  }

  /** The node that leads group 0; waits for an election that is under way. */
  leader(timeoutMs: number = leaderTimeoutMsDefault): Promise<NodeProcess> {
    return waitUntil('a leader', timeoutMs, async () => {
      const groups = await Promise.all(
        this.#answering().map(async (node) => ({
          node,
          group: await this.#groupIfAnswered(node),
        })),
      );
      // An old leader may not know yet that it was replaced: the highest term is right.
      const leading = groups
        .filter(({ group }) => group?.role === Role.LEADER)
        .toSorted((a, b) => (b.group?.term ?? 0) - (a.group?.term ?? 0))[0];
      return leading?.node;
    });
  }

  /** Every node that runs and is not paused serves, and a linearizable call is answered. */
  async waitUntilServing(timeoutMs?: number): Promise<void> {
    const boundMs = timeoutMs ?? this.#options.serveTimeoutMs ?? serveTimeoutMsDefault;
    await waitUntil('all nodes serve', boundMs, async () => {
      const nodes = this.#answering();
      if (nodes.length === 0) throw new Error('no node runs');
      const states = await Promise.all(nodes.map((node) => this.#statusOf(node)));
      const waiting = states.find(({ waitingFor }) => waitingFor !== '');
      if (waiting !== undefined) {
        throw new Error(`${waiting.nodeId} waits for ${waiting.waitingFor}`);
      }
      const leader = await this.leader(callTimeoutMs);
      return listMembers(leader.clientAddress, callTimeoutMs, this.#options.credentials);
    });
  }

  /** Waits until all nodes that run applied the same index with equal digests. */
  waitUntilEqual(timeoutMs: number = leaderTimeoutMsDefault): Promise<readonly GroupStatus[]> {
    return waitUntil('equal digests at the same index', timeoutMs, async () => {
      const groups = await Promise.all(this.#answering().map((node) => this.#groupOf(node)));
      const known = groups.filter((group) => group !== undefined);
      const positions = known.map((one) => `${one.appliedIndex} ${one.digest}`);
      if (known.length === groups.length && new Set(positions).size === 1) return known;
      throw new Error(positions.join(', '));
    });
  }

  /** Starts a node that joins through one that runs; resolves when it serves. */
  async addNode(args: readonly string[] = []): Promise<NodeProcess> {
    const member = this.#answering()[0];
    if (member === undefined) throw new Error('no node runs to join through');
    const place = (await this.#places(1))[0] as NodePlace;
    const node = this.#add(place, [
      `--listenaddr=${place.client}`,
      `--raftaddr=${place.raft}`,
      `--leaderaddr=${member.clientAddress}`,
      ...args,
    ]);
    node.start();
    await this.waitUntilServing();
    return node;
  }

  /** Ends every node and removes the data. `kill` does not wait for them to drain. */
  async stop(how: 'graceful' | 'kill' = 'graceful'): Promise<void> {
    try {
      await Promise.all(
        this.#nodes.map((node) => (how === 'kill' ? node.kill() : node.stop(stopTimeoutMs))),
      );
    } finally {
      if (this.#options.dir === undefined) rmSync(this.dir, { recursive: true, force: true });
    }
  }

  async #found(size: number): Promise<void> {
    const { routes, args = [] } = this.#options;
    const ports = await freePorts(2 * size + (routes?.portCount(size) ?? 0));
    const places = this.#placesAt(ports, size);
    const routed = await routes?.plan(places, ports.slice(2 * size));
    const file = join(this.dir, 'founders.json');
    const genesis = places.map((place, i) => ({
      ...place,
      client: routed?.[i]?.client ?? place.client,
    }));
    writeFileSync(file, JSON.stringify({ cluster: { genesis } }));
    for (const [i, place] of places.entries()) {
      const own = routed === undefined ? [] : [`--listenaddr=${place.client}`];
      this.#add(place, [`--config=${file}`, ...own, ...(routed?.[i]?.args ?? []), ...args]).start();
    }
  }

  async #places(count: number): Promise<NodePlace[]> {
    return this.#placesAt(await freePorts(2 * count), count);
  }

  #placesAt(ports: readonly number[], count: number): NodePlace[] {
    return Array.from({ length: count }, (_, index) => ({
      id: `n${this.#nodes.length + index}`,
      client: `127.0.0.1:${ports[2 * index]}`,
      raft: `127.0.0.1:${ports[2 * index + 1]}`,
    }));
  }

  #add({ id, client, raft }: NodePlace, args: readonly string[]): NodeProcess {
    const dataDir = join(this.dir, id);
    mkdirSync(dataDir);
    const { execArgs, logLevel } = this.#options;
    const node = new NodeProcess({
      id,
      clientAddress: client,
      raftAddress: raft,
      dataDir,
      logFile: join(this.dir, `${id}.log`),
      args: [`--id=${id}`, `--data-dir=${dataDir}`, `--log-level=${logLevel ?? 'warn'}`, ...args],
      execArgs: execArgs?.(this.#nodes.length) ?? [],
    });
    this.#nodes.push(node);
    return node;
  }

  #answering(): NodeProcess[] {
    return this.#nodes.filter((node) => node.isRunning && !node.isPaused);
  }

  #statusOf(node: NodeProcess): Promise<StatusResponse> {
    return nodeStatus(node.clientAddress, callTimeoutMs, this.#options.credentials);
  }

  async #groupOf(node: NodeProcess): Promise<GroupStatus | undefined> {
    const { groups } = await this.#statusOf(node);
    return groups.find(({ group }) => group === 0);
  }

  /** A node that starts or ends does not answer: the others know who leads. */
  #groupIfAnswered(node: NodeProcess): Promise<GroupStatus | undefined> {
    return this.#groupOf(node).catch(() => undefined);
  }
}
