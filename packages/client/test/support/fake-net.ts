import {
  deriveLimits,
  type ServerHello,
  type SessionRequest,
  type SessionResponse,
} from '@cashe/codec';
import type { Connector, Link, LinkFailure, LinkHandler, Topology } from '../../src/core/index.js';
import type { VirtualTime } from './virtual-time.js';

export const testLimits = { ...deriveLimits(64 * 1024), sessionWindow: 4 };

export function helloOf(nodeId: string, more: Partial<ServerHello> = {}): ServerHello {
  return {
    kind: 'hello',
    protocolVersion: 1,
    clusterId: 'c1',
    nodeId,
    nodeUid: `uid-${nodeId}`,
    groupCount: 1,
    batchesMax: 100,
    bytesMax: 8 * 1024 * 1024,
    limits: testLimits,
    settingsHash: 0,
    ...more,
  };
}

export type Request<K extends SessionRequest['kind']> = Extract<SessionRequest, { kind: K }>;

/** Nodes by address; messages arrive at the end of the turn, in order. */
export class FakeNet implements Connector {
  readonly time: VirtualTime;
  readonly nodes = new Map<string, FakeNode>();

  constructor(time: VirtualTime) {
    this.time = time;
  }

  add(nodeId: string, more: Partial<ServerHello> = {}): FakeNode {
    const node = new FakeNode(nodeId, helloOf(nodeId, more));
    this.nodes.set(node.address, node);
    return node;
  }

  connect(endpoint: string, handler: LinkHandler): Link {
    const node = this.nodes.get(endpoint);
    const link = new FakeLink(this.time, node, handler);
    if (node === undefined || !node.isUp) {
      this.time.defer(() => link.break({ code: 'UNAVAILABLE', message: 'connection refused' }));
    } else {
      node.links.push(link);
      node.connects += 1;
    }
    return link;
  }
}

/** A scripted node: says hello, records requests, answers when the test or `onRequest` says so. */
export class FakeNode {
  readonly nodeId: string;
  readonly address: string;
  hello: ServerHello;
  isUp = true;
  /** Takes everything and says nothing, as under SIGSTOP. */
  isSilent = false;
  links: FakeLink[] = [];
  connects = 0;
  requests: SessionRequest[] = [];
  onRequest: (request: SessionRequest, link: FakeLink) => void = () => {};

  constructor(nodeId: string, hello: ServerHello) {
    this.nodeId = nodeId;
    this.address = `${nodeId}:1`;
    this.hello = hello;
  }

  receive(request: SessionRequest, link: FakeLink): void {
    if (this.isSilent) return;
    this.requests.push(request);
    if (request.kind === 'hello') link.reply(this.hello);
    this.onRequest(request, link);
  }

  of<K extends SessionRequest['kind']>(kind: K): Request<K>[] {
    return this.requests.filter((request): request is Request<K> => request.kind === kind);
  }

  /** To every client, e.g. a leader push or an answer. */
  reply(response: SessionResponse): void {
    for (const link of this.links) link.reply(response);
  }

  down(): void {
    this.isUp = false;
    for (const link of this.links) link.break({ code: 'UNAVAILABLE', message: 'reset' });
    this.links = [];
  }

  up(): void {
    this.isUp = true;
  }
}

export class FakeLink implements Link {
  writable = true;
  readonly #time: VirtualTime;
  readonly #node: FakeNode | undefined;
  readonly #handler: LinkHandler;
  #isOver = false;
  watches = 0;

  constructor(time: VirtualTime, node: FakeNode | undefined, handler: LinkHandler) {
    this.#time = time;
    this.#node = node;
    this.#handler = handler;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  send(request: SessionRequest): void {
    if (this.#isOver) return;
    this.#time.defer(() => this.#node?.receive(request, this));
  }

  watchTopology(): void {
    this.watches += 1;
  }

  close(): void {
    this.#isOver = true;
  }

  reply(response: SessionResponse): void {
    if (!this.#isOver) this.#handler.onMessage(response);
  }

  /** What a link should not do once it is over. */
  replyLate(response: SessionResponse): void {
    this.#handler.onMessage(response);
  }

  topology(topology: Topology): void {
    if (!this.#isOver) this.#handler.onTopology(topology);
  }

  drain(): void {
    this.writable = true;
    this.#handler.onDrain();
  }

  break(failure: LinkFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handler.onClosed(failure);
  }
}
