import type { GroupLeader, ServerHello } from '@cashe/codec';
import { NodeLink, type NodeLinkContext } from './node-link.js';
import type { LinkFailure, Topology } from './ports.js';
import type { LeaderTable } from './routing.js';

/** What the set of links tells the core. */
interface NodeLinksEvents {
  onReady(node: NodeLink, hello: ServerHello): void;
  onDown(node: NodeLink, failure: LinkFailure): void;
}

type LinkBase = Pick<NodeLinkContext, 'ports' | 'options' | 'turnstile' | 'onRoom'> & {
  onPush(push: GroupLeader): void;
};

/** The links to all known nodes, one per node, at most linksMax. */
export class NodeLinks {
  readonly #byAddress = new Map<string, NodeLink>();
  /** In the order in which they became ready. */
  #ready: NodeLink[] = [];
  readonly #leaders: LeaderTable;
  readonly #events: NodeLinksEvents;
  readonly #context: NodeLinkContext;
  readonly #linksMax: number;
  #clusterId: string;
  #groupCount = 0;
  #topologySource: NodeLink | undefined;
  #isStopped = false;

  constructor(base: LinkBase, leaders: LeaderTable, events: NodeLinksEvents) {
    this.#leaders = leaders;
    this.#events = events;
    this.#linksMax = base.options.linksMax;
    this.#clusterId = base.options.clusterId ?? '';
    this.#context = {
      ports: base.ports,
      options: base.options,
      turnstile: base.turnstile,
      clusterId: () => this.#clusterId,
      onHello: (node, hello) => this.#onHello(node, hello),
      onReady: (node) => this.#onReady(node),
      onDown: (node, failure) => this.#onDown(node, failure),
      onPush: (response) => {
        if (response.kind === 'leader') base.onPush(response);
      },
      onTopology: (topology) => this.#onTopology(topology),
      onRoom: base.onRoom,
    };
  }

  get all(): readonly NodeLink[] {
    return [...this.#byAddress.values()];
  }

  get ready(): readonly NodeLink[] {
    return this.#ready;
  }

  get clusterId(): string {
    return this.#clusterId;
  }

  /** Why no node takes this client's credentials; undefined while one does or may. */
  refusal(): LinkFailure | undefined {
    if (this.#ready.length > 0) return undefined;
    let refusal: LinkFailure | undefined;
    for (const node of this.#byAddress.values()) {
      if (node.failure === undefined) return undefined;
      if (node.isRefused) refusal = node.failure;
      else if (node.failure.code === 'UNAUTHENTICATED') return undefined;
    }
    return refusal;
  }

  start(endpoints: readonly string[]): void {
    for (const address of endpoints) this.#add(address, true);
  }

  stop(): void {
    this.#isStopped = true;
    const links = this.all;
    this.#ready = [];
    for (const node of links) node.stop();
  }

  /** The leader's link; while there is none that answers, any node: it forwards (R30). */
  route(group: number): NodeLink | undefined {
    const leader = this.#leaders.leaderOf(group);
    if (leader !== undefined) {
      for (const node of this.#ready) {
        if (node.hello?.nodeId === leader.nodeId && node.isHealthy) return node;
      }
    }
    return this.any(0);
  }

  /** A ready link, the same one for the same number as long as the set stays, not a silent one. */
  any(number: number): NodeLink | undefined {
    const { length } = this.#ready;
    for (let step = 0; step < length; step++) {
      const node = this.#ready[(number + step) % length];
      if (node?.isHealthy) return node;
    }
    return this.#ready[0];
  }

  /** A leader may live at an address not known yet. */
  learnLeader(leader: GroupLeader): void {
    const isConnected = this.#ready.some((node) => node.hello?.nodeId === leader.nodeId);
    if (!isConnected) this.#add(leader.clientAddress, false);
  }

  sweep(nowMs: number): void {
    for (const node of this.all) {
      node.sweep(nowMs, () => this.#ready.some((other) => other !== node && other.isHealthy));
    }
  }

  #add(address: string, isSeed: boolean): void {
    if (this.#isStopped || address === '' || this.#byAddress.has(address)) return;
    if (!isSeed && this.#byAddress.size >= this.#linksMax) return;
    const node = new NodeLink(address, isSeed, this.#context);
    this.#byAddress.set(address, node);
    node.connect();
  }

  /** R25, R33: one cluster, one number of groups, one link per node. */
  #onHello(node: NodeLink, hello: ServerHello): LinkFailure | 'standBy' | undefined {
    if (this.#clusterId !== '' && hello.clusterId !== this.#clusterId) {
      const message =
        `${node.address} belongs to cluster ${hello.clusterId}, ` +
        `this client to ${this.#clusterId}`;
      return { code: 'CLUSTER_MISMATCH', message };
    }
    if (this.#groupCount !== 0 && hello.groupCount !== this.#groupCount) {
      const message = `${node.address} has ${hello.groupCount} groups, not ${this.#groupCount}`;
      return { code: 'CLUSTER_MISMATCH', message };
    }
    this.#clusterId = hello.clusterId;
    this.#groupCount = hello.groupCount;
    const twin = this.#ready.some((other) => other.nodeUid === hello.nodeUid);
    return twin ? 'standBy' : undefined;
  }

  #onReady(node: NodeLink): void {
    const { hello } = node;
    if (hello === undefined) return;
    this.#ready.push(node);
    if (this.#topologySource === undefined) this.#watchTopology(node);
    this.#events.onReady(node, hello);
  }

  #onDown(node: NodeLink, failure: LinkFailure): void {
    const wasReady = this.#ready.includes(node);
    this.#ready = this.#ready.filter((other) => other !== node);
    if (this.#topologySource === node) this.#watchTopology(this.#ready[0]);
    if (wasReady) this.#wakeStandBys(node.nodeUid);
    this.#events.onDown(node, failure);
  }

  #watchTopology(node: NodeLink | undefined): void {
    this.#topologySource = node;
    node?.watchTopology();
  }

  /** Another address of the same node may still be reachable. */
  #wakeStandBys(nodeUid: string): void {
    if (this.#isStopped) return;
    for (const node of this.all) {
      if (node.kind === 'idle' && node.nodeUid === nodeUid) node.connect();
    }
  }

  #onTopology(topology: Topology): void {
    if (topology.clusterId !== this.#clusterId || topology.members.length === 0) return;
    const addresses = new Set(topology.members.map(({ clientAddress }) => clientAddress));
    const uids = new Set(topology.members.map(({ nodeUid }) => nodeUid));
    for (const node of this.all) {
      if (!node.isSeed && !addresses.has(node.address) && !uids.has(node.nodeUid)) {
        this.#forget(node);
      }
    }
    for (const { nodeUid, clientAddress } of topology.members) {
      const isConnected = this.#ready.some((node) => node.nodeUid === nodeUid);
      if (!isConnected) this.#add(clientAddress, false);
    }
  }

  #forget(node: NodeLink): void {
    this.#byAddress.delete(node.address);
    this.#ready = this.#ready.filter((other) => other !== node);
    if (this.#topologySource === node) this.#watchTopology(this.#ready[0]);
    node.stop();
    // The seed that named this node may name another one now.
    this.#wakeStandBys(node.nodeUid);
  }
}
