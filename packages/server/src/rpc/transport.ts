import type { InstallSnapshotRequest, ReplicaId } from '@cashe/raft';
import type {
  ForwardedAnswer,
  ForwardedCall,
  PeerIdentity,
  PeerMessage,
  SnapshotSource,
  Transport,
} from '../host/ports.js';
import type { BindAddress } from '../net/listener.js';
import { Admission, type Attachment, type PeerHandler } from './admission.js';
import { ForwardClient } from './forward-client.js';
import { ForwardServer } from './forward-server.js';
import {
  askFounder,
  type FoundAnswer,
  type FoundHandler,
  type FoundRequest,
  serveFound,
} from './found.js';
import { introduction } from './hello.js';
import { IncomingStreams } from './incoming-streams.js';
import {
  type Admitting,
  admitAt,
  type Introduced,
  type Introducing,
  type IntroductionHandler,
  introduce,
  serveAdmit,
  serveIntroduce,
} from './introduce.js';
import type { TransportOptions } from './options.js';
import { type LinkPeer, PeerLink } from './peer-link.js';
import { PeerRegistry } from './peer-registry.js';
import { PeerServer } from './peer-server.js';
import type { GroupedMessage, StreamMessage } from './raft-codec.js';
import { SnapshotReceiver } from './snapshot-receiver.js';
import { SnapshotSender } from './snapshot-sender.js';
import { requestVote, timeoutNow, VoteServer } from './vote-calls.js';

/** Messages that were not delivered, by reason; Raft sends again what still matters. */
interface DropCounts {
  /** The addressee's node is not among the peers. */
  readonly unknownPeer: number;
  /** There was no connection. */
  readonly notConnected: number;
  /** The queue was full. */
  readonly queueFull: number;
  /** An answer nobody waits for any more. */
  readonly late: number;
  /** Received from a node that does not own the sender's replica id (R8). */
  readonly foreign: number;
}

interface PeerState {
  readonly nodeId: string;
  readonly connected: boolean;
  readonly queuedBytes: number;
}

/** Carries everything between nodes over gRPC. */
export class PeerTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #admission: Admission;
  readonly #registry = new PeerRegistry();
  readonly #incoming: IncomingStreams;
  readonly #votes: VoteServer;
  readonly #receiver: SnapshotReceiver;
  readonly #forwards: ForwardServer;
  readonly #server: PeerServer;
  readonly #senders = new Map<SnapshotSender, ReplicaId>();
  readonly #drops = { unknownPeer: 0, notConnected: 0, queueFull: 0, late: 0, foreign: 0 };
  /** Peers that lost replication since the last flush. */
  readonly #unreachable = new Set<ReplicaId>();
  #foundHandler: FoundHandler | undefined;
  #introductionHandler: IntroductionHandler | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    const admission = new Admission(options.identity, options.logger, options.tls);
    const mayCarry = this.#registry.mayCarry.bind(this.#registry);
    this.#admission = admission;
    this.#incoming = new IncomingStreams(options, admission, {
      mayCarry,
      onHello: (hello) => {
        this.#handler()?.onPeerHello(introduction(hello));
        this.#registry.nodeByUid(hello.nodeUid)?.link.kick();
      },
      onMessages: (messages) => this.#deliver(messages),
      onForeign: () => this.#drops.foreign++,
    });
    this.#votes = new VoteServer(options, admission, mayCarry);
    this.#receiver = new SnapshotReceiver(options, admission, mayCarry);
    this.#forwards = new ForwardServer(options, admission);
    this.#server = new PeerServer(options, {
      appendEntries: (call) => this.#incoming.accept(call),
      requestVote: this.#votes.onRequestVote,
      timeoutNow: this.#votes.onTimeoutNow,
      installSnapshot: this.#receiver.onInstallSnapshot,
      forward: (call) => this.#forwards.accept(call),
      found: serveFound(() => this.#foundHandler, options.tls),
      introduce: serveIntroduce(() => this.#introductionHandler),
      admit: serveAdmit(() => this.#introductionHandler),
    });
  }

  /**
   * Listens on all addresses, with one port; returns it. Works before the node belongs to a
   * cluster. Rejects with AddressInUseError or BindError, and then listens nowhere. Call it once.
   */
  bind(addresses: readonly BindAddress[]): Promise<number> {
    return this.#server.bind(addresses);
  }

  /** The node belongs to a cluster now: peers are served and may be dialled. */
  attach(attachment: Attachment): void {
    this.#admission.attach(attachment);
  }

  /** Who answers founders (R25); until then they are told to ask again. */
  serveFounders(handler: FoundHandler): void {
    this.#foundHandler = handler;
  }

  /** Rejects with a FounderUnreachableError when there is no answer. */
  askFounder(address: string, request: FoundRequest, timeoutMs: number): Promise<FoundAnswer> {
    return askFounder(this.#options, address, request, timeoutMs);
  }

  /** Who tells members what this node is (R25); until then they are told to ask again. */
  serveIntroductions(handler: IntroductionHandler): void {
    this.#introductionHandler = handler;
  }

  /** Asks who listens there; rejects with an IntroductionError. */
  introduce(address: string, request: Introducing, timeoutMs: number): Promise<Introduced> {
    return introduce(this.#options, address, request, timeoutMs);
  }

  /** Hands a node that waits its admission; rejects with an IntroductionError. */
  admitAt(address: string, request: Admitting, timeoutMs: number): Promise<void> {
    return admitAt(this.#options, address, request, timeoutMs);
  }

  setPeers(peers: readonly PeerIdentity[]): void {
    if (this.#admission.attachment === undefined) throw new Error('setPeers before attach');
    const { identity, peerRoutes } = this.#options;
    const opened: PeerLink[] = [];
    this.#registry.replace(
      peers.filter((peer) => peer.nodeUid !== identity.nodeUid),
      (peer) => peerRoutes.get(peer.nodeId) ?? peer.raftAddress,
      (peer) => {
        const link = this.#newLink(peer);
        opened.push(link);
        return { link, forwards: new ForwardClient(peer, this.#options, this.#admission) };
      },
      (node) => {
        node.link.close();
        node.forwards.reset();
        this.#abortSnapshots(node.replicaIds);
      },
    );
    this.#incoming.recheck();
    for (const link of opened) link.start();
  }

  send(group: number, message: PeerMessage): void {
    switch (message.kind) {
      case 'appendEntriesRequest':
      case 'heartbeatRequest':
      case 'digestVerdict':
        this.#request(group, message);
        return;
      case 'appendEntriesResponse':
      case 'heartbeatResponse':
      case 'digestReport':
        this.#answer(group, message);
        return;
      case 'goneNotice':
        if (!this.#votes.answerGone(group, message)) this.#answer(group, message);
        return;
      case 'requestVoteRequest':
      case 'timeoutNowRequest':
        this.#call(group, message);
        return;
      case 'requestVoteResponse':
        if (!this.#votes.answer(group, message)) this.#drops.late++;
        return;
      case 'installSnapshotResponse':
        if (!this.#receiver.answer(group, message)) this.#drops.late++;
        return;
      case 'installSnapshotRequest':
        throw new Error('snapshots leave by sendSnapshot');
    }
  }

  flush(): void {
    for (const node of this.#registry.nodes()) node.link.flush();
    this.#incoming.flush();
    if (this.#unreachable.size === 0) return;
    const lost = [...this.#unreachable];
    this.#unreachable.clear();
    for (const replicaId of lost) this.#handler()?.onUnreachable(replicaId);
  }

  sendSnapshot(
    group: number,
    message: InstallSnapshotRequest,
    source: SnapshotSource,
    done: (delivered: boolean) => void,
  ): void {
    const node = this.#registry.node(message.to);
    const target = node?.link.target;
    const { snapshotsOutgoingMax } = this.#options.limits;
    if (node === undefined || target === undefined || this.#senders.size >= snapshotsOutgoingMax) {
      source.close();
      done(false);
      return;
    }
    const { nodeId } = node.peer;
    const hello = this.#admission.hello(nodeId);
    const sender = new SnapshotSender(this.#options, {
      ...{ nodeId, target, hello, group, message, source },
      done: (answer) => {
        this.#senders.delete(sender);
        if (answer !== undefined) this.#handler()?.onMessage(group, answer);
        done(answer !== undefined);
      },
    });
    this.#senders.set(sender, message.to);
    sender.start();
  }

  forward(
    to: ReplicaId,
    call: ForwardedCall,
    done: (answer: ForwardedAnswer | undefined) => void,
  ): void {
    const node = this.#registry.node(to);
    if (node === undefined) {
      this.#drops.unknownPeer++;
      done(undefined);
      return;
    }
    node.forwards.forward(node.link.target, call, done);
  }

  close(): void {
    void this.stop(0);
  }

  /** Says good-bye to the peers, then ends; connections that linger are cut after the grace. */
  stop(graceMs: number): Promise<void> {
    for (const node of this.#registry.nodes()) {
      node.link.close();
      node.forwards.reset();
    }
    for (const sender of [...this.#senders.keys()]) sender.abort('the node is stopping');
    this.#incoming.close();
    this.#votes.close();
    this.#receiver.close();
    this.#forwards.close();
    return this.#server.close(graceMs);
  }

  /** What was not delivered since the start. */
  drops(): DropCounts {
    return { ...this.#drops };
  }

  /** Whether messages to the replica can leave now. */
  isConnected(replicaId: ReplicaId): boolean {
    return this.#registry.node(replicaId)?.link.isOpen === true;
  }

  peers(): readonly PeerState[] {
    return [...this.#registry.nodes()].map(({ peer, link }) => {
      const { nodeId } = peer;
      return { nodeId, connected: link.isOpen, queuedBytes: link.queuedBytes };
    });
  }

  #handler(): PeerHandler | undefined {
    return this.#admission.attachment?.handler;
  }

  #newLink(peer: LinkPeer): PeerLink {
    return new PeerLink(peer, this.#options, this.#admission, {
      onOpen: () => {
        const { nodeId, address } = peer;
        this.#options.logger.info('peer connected', { nodeId, address });
        this.#forReplicas(peer, (handler, id) => handler.onConnected(id));
      },
      onLost: () => {
        this.#registry.nodeByUid(peer.nodeUid)?.forwards.reset();
        this.#forReplicas(peer, (handler, id) => handler.onUnreachable(id));
      },
      onRefused: () => this.#forReplicas(peer, (handler, id) => handler.onRefused(id)),
      onRenewed: () => {
        const { nodeId, address } = peer;
        this.#options.logger.debug('connection to a peer renewed', { nodeId, address });
        this.#forReplicas(peer, (handler, id) => handler.onUnreachable(id));
        this.#forReplicas(peer, (handler, id) => handler.onConnected(id));
      },
      onMessages: (_link, messages) => this.#deliverFrom(peer, messages),
    });
  }

  #forReplicas(peer: LinkPeer, tell: (handler: PeerHandler, id: ReplicaId) => void): void {
    const handler = this.#handler();
    if (handler === undefined) return;
    for (const id of this.#registry.nodeByUid(peer.nodeUid)?.replicaIds ?? []) tell(handler, id);
  }

  #deliverFrom(peer: LinkPeer, messages: readonly GroupedMessage[]): void {
    const own = messages.filter(({ message }) =>
      this.#registry.mayCarry(peer.nodeUid, message.from),
    );
    this.#drops.foreign += messages.length - own.length;
    this.#deliver(own);
  }

  #deliver(messages: readonly GroupedMessage[]): void {
    const handler = this.#handler();
    if (handler === undefined) return;
    for (const { group, message } of messages) handler.onMessage(group, message);
  }

  /** Answers go back the way the request came (incoming stream), else like requests. */
  #answer(group: number, message: StreamMessage): void {
    const result = this.#incoming.send(group, message);
    if (result === 'noStream') this.#request(group, message);
    else if (result === 'full') this.#drops.queueFull++;
  }

  #request(group: number, message: StreamMessage): void {
    const node = this.#registry.node(message.to);
    if (node === undefined) {
      this.#drops.unknownPeer++;
      return;
    }
    if (node.link.send(group, message)) return;
    if (node.link.isOpen) this.#drops.queueFull++;
    else this.#drops.notConnected++;
    // A lost heartbeat is repeated anyway; lost entries must be sent again.
    if (message.kind === 'appendEntriesRequest') this.#unreachable.add(message.to);
  }

  #call(
    group: number,
    message: Extract<PeerMessage, { kind: 'requestVoteRequest' | 'timeoutNowRequest' }>,
  ): void {
    const node = this.#registry.node(message.to);
    const client = node?.link.client;
    if (node === undefined) {
      this.#drops.unknownPeer++;
      return;
    }
    if (client === undefined) {
      this.#drops.notConnected++;
      return;
    }
    const hello = this.#admission.hello(node.peer.nodeId);
    const { voteTimeoutMs } = this.#options.limits;
    if (message.kind === 'timeoutNowRequest') {
      timeoutNow(client, hello, group, message, voteTimeoutMs);
      return;
    }
    requestVote(client, hello, group, message, voteTimeoutMs, (asked, answer) => {
      this.#handler()?.onMessage(asked, answer);
    });
  }

  #abortSnapshots(replicaIds: readonly ReplicaId[]): void {
    for (const [sender, to] of [...this.#senders]) {
      if (replicaIds.includes(to)) sender.abort('the node is no peer any more');
    }
  }
}
