/**
 * A client's Session stream to one node: in order, at most once, and cut for good by a crash or a
 * cut network, as a TCP connection is. The node's end is the real Session stream.
 */
import type { Connector, Link, LinkFailure, LinkHandler } from '@cashe/client/core';
import type { SessionRequest, SessionResponse } from '@cashe/codec';
import { defaultApiLimits, type SessionSink, SessionStream } from '@cashe/server/simulation';
import { principalOf } from './principals.js';
import type { SimulatedNode } from './simulated-node.js';
import { StaleCheck } from './stale-check.js';
import type { World } from './world.js';

/** How long after a cut an end may notice. */
const NOTICE_MS_MAX = 1_500;

export function simConnector(world: World, clientName: string): Connector {
  return {
    connect: (endpoint, handler) => {
      const node = world.nodes.find(({ nodeId }) => `${nodeId}:3000` === endpoint);
      return new SessionLink(world, clientName, node, handler);
    },
  };
}

type Side = 'client' | 'server';

class SessionLink implements Link {
  readonly writable = true;
  readonly #world: World;
  readonly #name: string;
  readonly #node: SimulatedNode | undefined;
  readonly #handler: LinkHandler;
  readonly #alive: () => boolean;
  /** When the last message of each direction arrives: none overtakes it. */
  readonly #arrival: Record<Side, number> = { client: 0, server: 0 };
  readonly #stale: StaleCheck;
  #stream: SessionStream | undefined;
  #unsubscribe: (() => void) | undefined;
  #isBroken = false;
  #isClosedHere = false;

  constructor(world: World, name: string, node: SimulatedNode | undefined, handler: LinkHandler) {
    this.#world = world;
    this.#name = name;
    this.#node = node;
    this.#handler = handler;
    this.#alive = node?.alive() ?? (() => false);
    this.#stale = new StaleCheck(world, node);
    node?.onceEnded(() => this.#break(0));
    if (node?.isUp !== true) this.#break(world.network.latencyMs());
  }

  send(request: SessionRequest): void {
    const { random, swarm } = this.#world;
    this.#carry('server', () => this.#receive(request));
    // The last thing that still arrives, perhaps long after its sender has given up.
    if (request.kind !== 'hello' && random.chance(swarm.cutAfterSend)) this.#cutAfterSend(request);
  }

  watchTopology(): void {
    this.#carry('server', () => {
      const { calls } = this.#node ?? {};
      if (calls === undefined) return;
      const tell = (): void => {
        const { clusterId, members } = calls.topology();
        this.#carry('client', () => this.#handler.onTopology({ clusterId, members }));
      };
      this.#unsubscribe ??= calls.onTopology(tell);
      tell();
    });
  }

  close(): void {
    this.#isClosedHere = true;
    this.#carry('server', () => this.#endServer());
  }

  /** The stream is dead for its client; what it sent last arrives once more on its way out. */
  #cutAfterSend(request: SessionRequest): void {
    const { random, swarm, time } = this.#world;
    const lateMs = this.#world.network.latencyMs() + random.between(0, swarm.cutDelayMsMax);
    // Whatever arrives on a stream arrives before its end.
    this.#break(random.between(0, NOTICE_MS_MAX), lateMs);
    const node = this.#node;
    if (node === undefined) return;
    time.after(lateMs, () => {
      node.enter(() => this.#alive() && this.#receive(request));
    });
  }

  #receive(request: SessionRequest): void {
    const node = this.#node;
    const calls = node?.calls;
    if (node === undefined || calls === undefined) return;
    const sink: SessionSink = {
      // What is sent is taken at once.
      bufferedBytes: 0,
      send: (response) => this.#answer(response),
      end: (failure) => this.#endClient(failure),
      reset: (failure) => this.#endClient(failure),
    };
    this.#stale.asked(request);
    this.#stream ??= new SessionStream({
      calls,
      principal: principalOf(this.#name),
      limits: defaultApiLimits,
      load: node.load,
      scheduler: node.clientScheduler(),
      sink,
      onClosed: () => this.#unsubscribe?.(),
    });
    this.#stream.receive(request);
  }

  #answer(response: SessionResponse): void {
    this.#stale.answered(response);
    this.#carry('client', () => this.#handler.onMessage(response));
  }

  #endClient(failure: { readonly message: string } | undefined): void {
    const message = failure?.message ?? 'the stream ended';
    this.#carry('client', () => this.#closed({ code: 'UNAVAILABLE', message }));
  }

  #endServer(): void {
    this.#stream?.closed();
    this.#unsubscribe?.();
  }

  /** Brings something to the other end, unless the connection breaks first. */
  #carry(to: Side, run: () => void): void {
    const node = this.#node;
    if (this.#isBroken || node === undefined) return;
    const { network, time, random } = this.#world;
    const [from, into] = to === 'server' ? [this.#name, node.nodeId] : [node.nodeId, this.#name];
    if (network.isCut(from, into)) {
      this.#break(random.between(0, NOTICE_MS_MAX));
      return;
    }
    const atMs = Math.max(this.#arrival[to], time.nowMs + network.latencyMs());
    this.#arrival[to] = atMs;
    time.after(atMs - time.nowMs, () => {
      if (this.#isBroken || !this.#alive()) return;
      if (to === 'server') node.enter(() => this.#alive() && run());
      else if (!this.#isClosedHere) run();
    });
  }

  /** Nothing arrives any more; each end notices after a while. */
  #break(noticeMs: number, serverNoticeMs: number = noticeMs): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    const { time } = this.#world;
    time.after(noticeMs + this.#world.network.latencyMs(), () => {
      this.#closed({ code: 'UNAVAILABLE', message: 'the connection broke' });
    });
    time.after(serverNoticeMs, () => {
      this.#node?.enter(() => this.#alive() && this.#endServer());
    });
  }

  #closed(failure: LinkFailure): void {
    if (this.#isClosedHere) return;
    this.#isClosedHere = true;
    this.#handler.onClosed(failure);
  }
}
