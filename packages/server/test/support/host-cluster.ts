/**
 * Whole nodes in one thread on virtual time: the real host, replicas, raft core, store and log,
 * over a network, clock and disk that the test controls. Equal seeds give equal runs.
 */

import { type AccessPolicy, openPolicy } from '@cashe/codec';
import type { Configuration, ReplicaId } from '@cashe/raft';
import type { HostConfig } from '../../src/host/host-config.js';
import { type Cluster, hostConfig } from '../../src/host/index.js';
import { genesisSettings, newGenesisRecord, readGenesis } from '../../src/node/records.js';
import { LATENCY_MS, SimNode } from './sim-node.js';
import { VirtualTime } from './virtual-time.js';
import { type append, randomNumbers } from './wal.js';

export interface HostClusterOptions {
  readonly nodes?: number;
  readonly seed?: number;
  readonly config?: Partial<HostConfig>;
  readonly settings?: Parameters<typeof genesisSettings>[0];
  readonly access?: AccessPolicy;
  /** The configuration a replica's log starts with; without it all nodes are voters. */
  readonly configurationOf?: (replicaId: ReplicaId) => Configuration;
}

export class HostCluster {
  readonly time: VirtualTime = new VirtualTime();
  readonly nodes: SimNode[];
  readonly random: () => number;
  readonly config: HostConfig;
  readonly #genesis: ReturnType<typeof readGenesis>;
  readonly #configurationOf: (replicaId: ReplicaId) => Configuration;
  readonly #cut = new Set<string>();

  private constructor(options: HostClusterOptions) {
    const count = options.nodes ?? 3;
    this.random = randomNumbers(options.seed ?? 1);
    this.config = hostConfig(options.config);
    this.nodes = Array.from({ length: count }, (_, index) => new SimNode(this, index));
    const voters = this.nodes.map((node) => node.replicaId);
    const founding = { voters, votersOutgoing: [], learners: [], replicaIdMax: count };
    this.#configurationOf = options.configurationOf ?? (() => founding);
    const founders = this.nodes.map(({ nodeId, index }) => ({
      nodeId,
      nodeUid: `${index}`.repeat(32),
      clientAddress: `${nodeId}:3000`,
      raftAddress: `${nodeId}:4000`,
    }));
    const settings = genesisSettings(options.settings ?? {});
    this.#genesis = readGenesis(
      newGenesisRecord(founders, { settings, access: options.access ?? openPolicy }),
    );
  }

  static async start(options: HostClusterOptions = {}): Promise<HostCluster> {
    const cluster = new HostCluster(options);
    for (const node of cluster.nodes) await node.start();
    return cluster;
  }

  identityOf(node: SimNode): Parameters<typeof Cluster.load>[0] {
    const { clusterId, groupCount, bytes, founders } = this.#genesis;
    return {
      clusterId,
      nodeId: node.nodeId,
      nodeUid: `${node.index}`.repeat(32),
      replicaId: node.replicaId,
      groupCount,
      genesisRecord: bytes,
      genesis: (group) => this.#genesis.group(group),
      members: founders,
    };
  }

  firstRecords(replicaId: number): Parameters<typeof append>[1] {
    const configuration = this.#configurationOf(replicaId);
    const meta = { lastIncludedIndex: 0, lastIncludedTerm: 0, configuration };
    return {
      group: 0,
      replicaId,
      hardState: { currentTerm: 0, votedFor: 0, commitIndex: 0 },
      entries: [],
      snapshot: { meta, file: '', replacesLog: true },
      tombstone: false,
    };
  }

  deliver(from: SimNode, to: SimNode | undefined, run: () => void): void {
    if (to === undefined) return;
    this.time.at(this.time.nowMs + LATENCY_MS, () => {
      if (this.connected(from, to)) to.enter(run);
    });
  }

  connected(from: SimNode, to: SimNode | undefined): boolean {
    return to?.cluster !== undefined && !this.#cut.has(`${from.index}>${to.index}`);
  }

  /** Cuts both directions between `node` and everybody else; again to heal. */
  isolate(node: SimNode, isolated: boolean): void {
    for (const other of this.nodes) {
      for (const link of [`${node.index}>${other.index}`, `${other.index}>${node.index}`]) {
        if (isolated) this.#cut.add(link);
        else this.#cut.delete(link);
      }
    }
  }

  leader(): SimNode | undefined {
    const leading = this.nodes.filter((node) => node.leads);
    return leading.sort((a, b) => b.replica.term - a.replica.term)[0];
  }

  async waitForLeader(except?: SimNode): Promise<SimNode> {
    const found = (): SimNode | undefined => {
      const leader = this.leader();
      const served = leader?.replica.raft.status().ownTermCommitted === true;
      return served && leader !== except ? leader : undefined;
    };
    await this.time.until(() => found() !== undefined, 5_000, 'a leader');
    return found() as SimNode;
  }

  /** All running replicas have applied what the leader has. */
  async converge(): Promise<void> {
    const same = (): boolean => {
      const running = this.nodes.filter((node) => node.cluster !== undefined);
      const indices = running.map(({ replica }) =>
        replica.restoring ? -1 : replica.store.appliedIndex,
      );
      const last = this.leader()?.replica.raft.status().lastIndex;
      return indices.every((index) => index === last);
    };
    await this.time.until(same, 20_000, 'convergence');
  }
}
