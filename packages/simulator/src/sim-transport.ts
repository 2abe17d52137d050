/** The doubled transport between nodes: messages, snapshots and forwarded calls. */
import type { PeerIdentity, PeerMessage, Transport } from '@cashe/server/host';
import type { ForwardedAnswer, SnapshotSink, SnapshotSource } from '@cashe/server/simulation';
import { classOf } from './message-class.js';
import type { SimulatedNode } from './simulated-node.js';
import type { World } from './world.js';

type ForwardedCall = Parameters<Transport['forward']>[1];
type InstallSnapshotRequest = Parameters<Transport['sendSnapshot']>[1];

const FORWARD_LOST_MS = 2_000;
/** A snapshot that does not get on for this long is given up. */
const TRANSFER_STALL_MS = 1_000;
const NOTICE_MS_MAX = 50;

export class SimTransport implements Transport {
  readonly #node: SimulatedNode;
  readonly #clusterId: string;
  readonly #world: World;
  readonly #alive: () => boolean;
  #peers: ReadonlyMap<number, PeerIdentity> = new Map();
  #queue: { readonly group: number; readonly message: PeerMessage }[] = [];

  constructor(node: SimulatedNode, world: World, clusterId: string, alive: () => boolean) {
    this.#node = node;
    this.#clusterId = clusterId;
    this.#world = world;
    this.#alive = alive;
  }

  setPeers(peers: readonly PeerIdentity[]): void {
    this.#peers = new Map(peers.map((peer) => [peer.replicaId, peer]));
  }

  send(group: number, message: PeerMessage): void {
    this.#world.watch.sent(this.#node, message);
    this.#queue.push({ group, message });
  }

  flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const { group, message } of queue) {
      const peer = this.#peers.get(message.to);
      const target = (peer && this.#nodeAt(peer)) ?? this.#asker(message);
      if (target === undefined) continue;
      const lost = (): void => this.#lost(target, message.to);
      const arrive = (): void => {
        if (this.#isAdmittedBy(target, peer)) {
          target.enter(() => this.#receive(group, message, target));
        } else {
          lost();
        }
      };
      this.#world.traps.notice({ kind: 'sent', from: this.#node, to: target, message });
      const kind = classOf(message);
      this.#world.network.send(this.#node.nodeId, target.nodeId, arrive, lost, kind);
    }
  }

  #receive(group: number, message: PeerMessage, target: SimulatedNode): void {
    target.cluster?.host.receive(group, message);
    this.#world.traps.notice({ kind: 'delivered', from: this.#node, to: target, message });
  }

  sendSnapshot(
    group: number,
    message: InstallSnapshotRequest,
    source: SnapshotSource,
    done: (delivered: boolean) => void,
  ): void {
    const peer = this.#peers.get(message.to);
    const target = peer && this.#nodeAt(peer);
    const world = this.#world;
    world.time.after(world.network.latencyMs(), () => {
      const isCut = target === undefined || world.network.isCut(this.#node.nodeId, target.nodeId);
      const isThere = !isCut && this.#isAdmittedBy(target, peer);
      const sink = isThere ? target.cluster?.host.receiveSnapshot(group, message) : undefined;
      if (sink === undefined || target === undefined) {
        source.close();
        this.#node.enter(() => this.#alive() && done(false));
      } else {
        world.trace(() => `${this.#node.nodeId} sends ${target.nodeId} a snapshot`);
        const parts = { world, from: this.#node, to: target, message, source, sink, done };
        new Transfer(parts).next();
      }
    });
  }

  forward(
    to: number,
    call: ForwardedCall,
    done: (answer: ForwardedAnswer | undefined) => void,
  ): void {
    const peer = this.#peers.get(to);
    const target = peer && this.#nodeAt(peer);
    const world = this.#world;
    const { nodeId } = this.#node;
    let isAnswered = false;
    const settle = (answer: ForwardedAnswer | undefined): void => {
      this.#node.enter(() => {
        if (isAnswered || !this.#alive()) return;
        isAnswered = true;
        done(answer);
      });
    };
    world.time.after(FORWARD_LOST_MS, () => settle(undefined));
    if (target === undefined) return;
    const lost = (): void => undefined;
    const arrive = (): void => {
      target.enter(() => {
        const stillThere = target.alive();
        if (target.clusterId !== this.#clusterId) return;
        target.calls?.forwarded(call, (answer) => {
          if (!stillThere()) return;
          const back = (): void => settle(answer);
          world.network.send(target.nodeId, nodeId, back, lost, 'forwards');
        });
      });
    };
    // A stream delivers a call at most once.
    let hasArrived = false;
    const once = (): void => {
      if (!hasArrived) arrive();
      hasArrived = true;
    };
    world.network.send(nodeId, target.nodeId, once, lost, 'forwards');
  }

  close(): void {}

  #nodeAt({ raftAddress }: PeerIdentity): SimulatedNode | undefined {
    return this.#world.nodes.find((node) => node.raftAddress === raftAddress);
  }

  /** Hellos name cluster and data directory; which replica is meant is the receiver's to check. */
  #isAdmittedBy(target: SimulatedNode, peer: PeerIdentity | undefined): boolean {
    if (peer !== undefined && peer.nodeUid !== target.nodeUid) return false;
    return target.isUp && target.clusterId === this.#clusterId;
  }

  /** Answers go back the way the request came, also to a node that is no member (any more). */
  #asker({ kind, to }: PeerMessage): SimulatedNode | undefined {
    if (kind !== 'goneNotice' && !kind.endsWith('Response')) return undefined;
    return this.#world.nodes.find(({ replicaId }) => replicaId === to);
  }

  #lost(target: SimulatedNode, replicaId: number): void {
    const world = this.#world;
    const { random } = this.#node;
    const { lossReported, refusedNoticed } = world.swarm;
    if (!random.chance(lossReported)) return;
    world.time.after(random.between(0, NOTICE_MS_MAX), () => {
      this.#node.enter(() => {
        if (!this.#alive()) return;
        const host = this.#node.cluster?.host;
        host?.unreachable(replicaId);
        const isGone = !target.isUp && !world.network.isCut(this.#node.nodeId, target.nodeId);
        if (isGone && refusedNoticed) host?.refused(replicaId);
      });
    });
  }
}

interface TransferParts {
  readonly world: World;
  readonly from: SimulatedNode;
  readonly to: SimulatedNode;
  readonly message: InstallSnapshotRequest;
  readonly source: SnapshotSource;
  readonly sink: SnapshotSink;
  readonly done: (delivered: boolean) => void;
}

/** One snapshot on its way, a chunk at a time. */
class Transfer {
  readonly #world: World;
  readonly #from: SimulatedNode;
  readonly #to: SimulatedNode;
  readonly #message: InstallSnapshotRequest;
  readonly #source: SnapshotSource;
  readonly #sink: SnapshotSink;
  readonly #fromAlive: () => boolean;
  readonly #toAlive: () => boolean;
  readonly #done: (delivered: boolean) => void;
  #isOver = false;
  #progress = 0;
  /** A call of the sink has not returned: it is aborted after that. */
  #isSinkBusy = false;
  /** `finish` ends the sink, whatever comes of it. */
  #isFinishing = false;

  constructor({ world, from, to, message, source, sink, done }: TransferParts) {
    this.#world = world;
    this.#from = from;
    this.#to = to;
    this.#message = message;
    this.#source = source;
    this.#sink = sink;
    this.#fromAlive = from.alive();
    this.#toAlive = to.alive();
    this.#done = done;
    from.onceEnded(() => this.#end(false));
    to.onceEnded(() => this.#end(false));
    this.#watch();
  }

  next(): void {
    if (this.#isOver) return;
    this.#progress += 1;
    this.#source.read((error, chunk) => {
      if (error !== undefined) {
        this.#end(false);
        return;
      }
      const bytes = chunk?.slice();
      this.#world.time.after(this.#world.network.latencyMs(), () => {
        this.#to.enter(() => this.#arrive(bytes));
      });
    });
  }

  #arrive(chunk: Uint8Array | undefined): void {
    if (this.#isOver || !this.#toAlive()) return;
    if (this.#world.network.isCut(this.#from.nodeId, this.#to.nodeId)) return;
    const ends = { from: this.#from, to: this.#to };
    this.#world.traps.notice({ kind: 'delivered', ...ends, message: this.#message });
    if (chunk === undefined) {
      this.#isFinishing = true;
      this.#sink.finish((error) => this.#end(error === undefined));
    } else {
      this.#isSinkBusy = true;
      this.#sink.write(chunk, (error) => {
        this.#isSinkBusy = false;
        if (this.#isOver) this.#sink.abort();
        else if (error !== undefined) this.#end(false);
        else this.#acknowledge();
      });
    }
  }

  #acknowledge(): void {
    this.#world.time.after(this.#world.network.latencyMs(), () => {
      this.#from.enter(() => this.next());
    });
  }

  #watch(): void {
    const seen = this.#progress;
    this.#world.time.after(TRANSFER_STALL_MS, () => {
      if (this.#isOver) return;
      if (seen === this.#progress) this.#end(false);
      else this.#watch();
    });
  }

  #end(delivered: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!delivered) {
      this.#to.enter(() => {
        if (this.#toAlive() && !this.#isSinkBusy && !this.#isFinishing) this.#sink.abort();
      });
    }
    this.#from.enter(() => {
      if (!this.#fromAlive()) return;
      this.#source.close();
      this.#done(delivered);
    });
  }
}
