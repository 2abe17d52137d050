/** Real transports on loopback ports, with a host that only writes down what it is told. */
import type { AppendEntriesRequest, InstallSnapshotRequest, ReplicaId } from '@cashe/raft';
import type {
  ForwardedAnswer,
  ForwardedCall,
  Logger,
  PeerIdentity,
  PeerIntroduction,
  PeerMessage,
  Scheduler,
  SnapshotSink,
} from '../../../src/host/ports.js';
import {
  createTransport,
  defaultTransportLimits,
  type PeerHandler,
  type PeerMaterial,
  type PeerTransport,
  type TransportLimits,
} from '../../../src/rpc/index.js';

export const realScheduler: Scheduler = {
  defer: (run) => {
    setImmediate(run);
  },
  every: (ms, run) => {
    const timer = setInterval(run, ms);
    return { cancel: () => clearInterval(timer) };
  },
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

export class MemoryLogger implements Logger {
  readonly lines: string[] = [];

  error(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('error', message, fields);
  }
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('warn', message, fields);
  }
  info(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('info', message, fields);
  }
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('debug', message, fields);
  }

  #add(level: string, message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  }
}

/** Writes down everything; answers nothing unless told how. */
export class RecordingHandler implements PeerHandler {
  readonly messages: { readonly group: number; readonly message: PeerMessage }[] = [];
  readonly unreachable: ReplicaId[] = [];
  readonly refused: ReplicaId[] = [];
  readonly connected: ReplicaId[] = [];
  readonly hellos: PeerIntroduction[] = [];
  readonly foreignClusters: string[] = [];
  readonly forwarded: {
    readonly call: ForwardedCall;
    readonly answer: (answer: ForwardedAnswer) => void;
  }[] = [];
  takeSnapshot: (group: number, message: InstallSnapshotRequest) => SnapshotSink | undefined = () =>
    undefined;

  onMessage(group: number, message: PeerMessage): void {
    this.messages.push({ group, message });
  }
  onUnreachable(peer: ReplicaId): void {
    this.unreachable.push(peer);
  }
  onRefused(peer: ReplicaId): void {
    this.refused.push(peer);
  }
  onConnected(peer: ReplicaId): void {
    this.connected.push(peer);
  }
  onSnapshot(group: number, message: InstallSnapshotRequest): SnapshotSink | undefined {
    return this.takeSnapshot(group, message);
  }
  onForwarded(call: ForwardedCall, answer: (answer: ForwardedAnswer) => void): void {
    this.forwarded.push({ call, answer });
  }
  onPeerHello(peer: PeerIntroduction): void {
    this.hellos.push(peer);
  }
  onForeignCluster(clusterId: string): void {
    this.foreignClusters.push(clusterId);
  }

  kinds(): string[] {
    return this.messages.map(({ message }) => message.kind);
  }
}

export interface NodeOptions {
  readonly clusterId?: string;
  readonly nodeUid?: string;
  readonly port?: number;
  readonly limits?: Partial<TransportLimits>;
  readonly attach?: boolean;
  readonly peerRoutes?: ReadonlyMap<string, string>;
  /** By node id. */
  readonly tls?: (nodeId: string) => PeerMaterial;
}

export interface TestNode {
  readonly transport: PeerTransport;
  readonly handler: RecordingHandler;
  readonly logger: MemoryLogger;
  readonly identity: PeerIdentity;
  readonly port: number;
}

/** All nodes of a test; closed together. */
export class TestNodes {
  readonly #nodes: TestNode[] = [];

  /** A node `n<replicaId>` that listens on a free port of 127.0.0.1. */
  async start(replicaId: ReplicaId, options: NodeOptions = {}): Promise<TestNode> {
    const nodeId = `n${replicaId}`;
    const nodeUid = options.nodeUid ?? `uid-${replicaId}`;
    const logger = new MemoryLogger();
    const handler = new RecordingHandler();
    const identity = { nodeId, nodeUid, clientAddress: 'client:1', raftAddress: 'raft:1' };
    const transport = createTransport({
      identity: { ...identity, formatVersionMax: 1 },
      scheduler: realScheduler,
      logger,
      tls: options.tls?.(nodeId),
      limits: { ...defaultTransportLimits, ...options.limits },
      peerRoutes: options.peerRoutes ?? new Map(),
      random: () => 0,
    });
    const port = await transport.bind([{ host: '127.0.0.1', port: options.port ?? 0 }]);
    if (options.attach !== false) {
      transport.attach({ clusterId: options.clusterId ?? 'c1', settingsHash: 7, handler });
    }
    const peer = { replicaId, nodeId, nodeUid, raftAddress: `127.0.0.1:${port}` };
    const node = { transport, handler, logger, identity: peer, port };
    this.#nodes.push(node);
    return node;
  }

  /** Nodes 1 to count that know each other, all connected. */
  async startConnected(count: number, options: NodeOptions = {}): Promise<TestNode[]> {
    const nodes: TestNode[] = [];
    for (let id = 1; id <= count; id++) nodes.push(await this.start(id, options));
    for (const node of nodes) node.transport.setPeers(othersOf(node, nodes));
    await until(
      () => nodes.every((node) => node.handler.connected.length === count - 1),
      'all nodes to connect',
    );
    return nodes;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.transport.stop(0)));
    this.#nodes.length = 0;
  }
}

export function othersOf(node: TestNode, nodes: readonly TestNode[]): PeerIdentity[] {
  return nodes.filter((other) => other !== node).map((other) => other.identity);
}

const POLL_MS = 2;
const PATIENCE_MS = 10_000;

/** Waits for a condition; fails with what was waited for. */
export function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  return new Promise((resolve, reject) => {
    const poll = setInterval(() => {
      try {
        if (holds()) resolve();
        else if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
        else return;
      } catch (error) {
        reject(error);
      }
      clearInterval(poll);
    }, POLL_MS);
  });
}

export function heartbeat(from: ReplicaId, to: ReplicaId, readRound: number): PeerMessage {
  const common = { from, to, term: 3, leaderCommit: 5, commitIndex: 6, clusterTime: 11 };
  return { kind: 'heartbeatRequest', ...common, readRound };
}

/** An AppendEntries of one entry of this size. */
export function append(
  from: ReplicaId,
  to: ReplicaId,
  prevLogIndex: number,
  bytes: number,
): AppendEntriesRequest {
  const data = new Uint8Array(bytes).fill(prevLogIndex % 251);
  return {
    kind: 'appendEntriesRequest',
    ...{ from, to, term: 3, prevLogIndex, prevLogTerm: 2, leaderCommit: 1, clusterTime: 9 },
    entries: [{ term: 3, index: prevLogIndex + 1, kind: 'normal', data }],
  };
}
