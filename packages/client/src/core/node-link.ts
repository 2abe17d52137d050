import type { ServerHello, SessionRequest, SessionResponse } from '@cashe/codec';
import { Backoff } from './hold.js';
import type { CoreOptions } from './options.js';
import type { Link, LinkFailure, LinkHandler, Ports, TimerHandle, Topology } from './ports.js';
import type { Transmission } from './transmission.js';
import type { Turnstile } from './turnstile.js';

const PROTOCOL_VERSION = 1;
const refusalsMin = 2;

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'backoff'; readonly timer: TimerHandle }
  | { readonly kind: 'connecting'; link: Link | undefined; readonly timer: TimerHandle }
  | { readonly kind: 'ready'; readonly link: Link; readonly hello: ServerHello };

export interface NodeLinkContext {
  readonly ports: Ports;
  readonly options: CoreOptions;
  readonly turnstile: Turnstile;
  /** The cluster pinned to; empty before the first hello. */
  clusterId(): string;
  /** undefined: welcome. `standBy`: the node has a link already. */
  onHello(node: NodeLink, hello: ServerHello): LinkFailure | 'standBy' | undefined;
  onReady(node: NodeLink): void;
  onDown(node: NodeLink, failure: LinkFailure): void;
  onPush(response: SessionResponse): void;
  onTopology(topology: Topology): void;
  /** Something was answered or the stream drained: there may be room to send. */
  onRoom(): void;
}

/** One node's address and the stream to it: connects, reconnects, counts what is in flight. */
export class NodeLink {
  readonly address: string;
  /** Configured, not learned: never forgotten. */
  readonly isSeed: boolean;
  /** Identity of the node once known: a stand-by waits for the link that has the same. */
  nodeUid = '';
  /** Why the last attempt failed. */
  failure: LinkFailure | undefined;
  /** Attempts in a row that were refused as UNAUTHENTICATED. */
  #refusals = 0;
  readonly #context: NodeLinkContext;
  readonly #backoff: Backoff;
  readonly #inFlight = new Map<number, Transmission>();
  #inFlightBytes = 0;
  #state: State = { kind: 'idle' };
  /** Handlers of earlier attempts are ignored. */
  #attempt = 0;
  #receivedMs = 0;
  #isSilent = false;
  #isSilenceReported = false;

  constructor(address: string, isSeed: boolean, context: NodeLinkContext) {
    this.address = address;
    this.isSeed = isSeed;
    this.#context = context;
    const { reconnectMinMs, reconnectMaxMs } = context.options;
    this.#backoff = new Backoff(reconnectMinMs, reconnectMaxMs, context.ports.random);
  }

  get kind(): State['kind'] {
    return this.#state.kind;
  }

  /** undefined unless ready. */
  get hello(): ServerHello | undefined {
    return this.#state.kind === 'ready' ? this.#state.hello : undefined;
  }

  /**
   * The node does not take this client's credentials. Asked twice: a node learns of a new token a
   * heartbeat after the one that took it.
   */
  get isRefused(): boolean {
    return this.#refusals >= refusalsMin;
  }

  /** Ready and not known to be silent. */
  get isHealthy(): boolean {
    return this.#state.kind === 'ready' && !this.#isSilent;
  }

  connect(): void {
    this.#leave();
    this.#attempt += 1;
    const attempt = this.#attempt;
    const { ports, options } = this.#context;
    const timer = ports.scheduler.schedule(options.connectTimeoutMs, () => {
      const message = `no hello within ${options.connectTimeoutMs} ms`;
      this.#enter(attempt, () => this.#fail({ code: 'UNAVAILABLE', message }));
    });
    const state: State = { kind: 'connecting', link: undefined, timer };
    this.#state = state;
    // The turnstile makes what the link reports from inside this call wait for its end.
    const link = ports.connector.connect(this.address, this.#handler(attempt));
    state.link = link;
    link.send({
      kind: 'hello',
      protocolVersions: [PROTOCOL_VERSION],
      clusterId: this.#context.clusterId(),
      clientName: options.clientName,
    });
  }

  /** Ends the link for good, or until connect is called again. */
  stop(): void {
    this.#leave();
    this.#state = { kind: 'idle' };
    this.#loseAll();
  }

  /** Whether the server's grant and the stream's buffer allow another message of this size. */
  hasRoom(bytes: number): boolean {
    if (this.#state.kind !== 'ready' || !this.#state.link.writable) return false;
    const { batchesMax, bytesMax } = this.#state.hello;
    return this.#inFlight.size < batchesMax && this.#inFlightBytes + bytes <= bytesMax;
  }

  /** Bytes of ops the server's grant leaves. */
  get roomBytes(): number {
    return this.#state.kind === 'ready' ? this.#state.hello.bytesMax - this.#inFlightBytes : 0;
  }

  /** Only after hasRoom. */
  send(request: SessionRequest, transmission: Transmission): void {
    if (this.#state.kind !== 'ready') throw new Error('a link that is not ready cannot send');
    this.#inFlight.set(transmission.id, transmission);
    this.#inFlightBytes += transmission.bytes;
    this.#state.link.send(request);
  }

  watchTopology(): void {
    if (this.#state.kind === 'ready') this.#state.link.watchTopology();
  }

  /** Looks for silence; `hasAlternative`: another node could serve. */
  sweep(nowMs: number, hasAlternative: () => boolean): void {
    if (this.#state.kind !== 'ready') return;
    const oldest = this.#inFlight.values().next().value;
    const since = Math.max(oldest?.sentMs ?? nowMs, this.#receivedMs);
    const { silenceMs, silenceMaxMs } = this.#context.options;
    this.#isSilent = oldest !== undefined && nowMs - since >= silenceMs;
    if (!this.#isSilent) return;
    if (nowMs - since >= silenceMaxMs) {
      this.#fail({ code: 'UNAVAILABLE', message: `silent for ${silenceMaxMs} ms` });
    } else if (!this.#isSilenceReported && hasAlternative()) {
      this.#isSilenceReported = true;
      for (const transmission of [...this.#inFlight.values()]) {
        transmission.owner.onSilent(transmission);
      }
    }
  }

  #handler(attempt: number): LinkHandler {
    return {
      onMessage: (response) => this.#enter(attempt, () => this.#receive(response)),
      onDrain: () => this.#enter(attempt, () => this.#context.onRoom()),
      onTopology: (topology) => this.#enter(attempt, () => this.#context.onTopology(topology)),
      onClosed: (failure) => this.#enter(attempt, () => this.#fail(failure)),
    };
  }

  #enter(attempt: number, step: () => void): void {
    this.#context.turnstile.run(() => {
      if (attempt === this.#attempt) step();
    });
  }

  #receive(response: SessionResponse): void {
    this.#receivedMs = this.#context.ports.clock.nowMs();
    this.#isSilent = false;
    this.#isSilenceReported = false;
    if (response.kind === 'hello') this.#onHello(response);
    else if (this.#state.kind !== 'ready') this.#violate('a message before the hello');
    else if (response.kind === 'leader') this.#context.onPush(response);
    else this.#onAnswer(response);
  }

  #onHello(hello: ServerHello): void {
    if (this.#state.kind !== 'connecting' || this.#state.link === undefined) {
      this.#violate('a second hello');
      return;
    }
    const refusal =
      hello.protocolVersion === PROTOCOL_VERSION
        ? this.#context.onHello(this, hello)
        : unsupported(hello.protocolVersion);
    this.nodeUid = hello.nodeUid;
    if (refusal === 'standBy') {
      this.stop();
    } else if (refusal !== undefined) {
      this.#fail(refusal);
    } else {
      this.#context.ports.scheduler.cancel(this.#state.timer);
      this.#state = { kind: 'ready', link: this.#state.link, hello };
      this.#backoff.reset();
      this.failure = undefined;
      this.#refusals = 0;
      this.#context.onReady(this);
    }
  }

  #onAnswer(answer: Exclude<SessionResponse, { kind: 'hello' | 'leader' }>): void {
    const transmission = this.#inFlight.get(answer.transmission);
    // The server answers each transmission once; this one was not sent on this stream.
    if (transmission === undefined) {
      this.#violate(`an answer to transmission ${answer.transmission}, which is not in flight`);
      return;
    }
    this.#inFlight.delete(transmission.id);
    this.#inFlightBytes -= transmission.bytes;
    transmission.owner.onAnswer(transmission, answer);
    this.#context.onRoom();
  }

  #violate(what: string): void {
    this.#fail({ code: 'UNAVAILABLE', message: `the node broke the protocol: ${what}` });
  }

  #fail(failure: LinkFailure): void {
    this.#leave();
    this.failure = failure;
    this.#refusals = failure.code === 'UNAUTHENTICATED' ? this.#refusals + 1 : 0;
    const attempt = this.#attempt;
    const timer = this.#context.ports.scheduler.schedule(this.#backoff.nextMs(), () => {
      this.#enter(attempt, () => this.connect());
    });
    this.#state = { kind: 'backoff', timer };
    this.#loseAll();
    this.#context.onDown(this, failure);
  }

  /** Ends the present state; every state but idle holds a link or a timer. */
  #leave(): void {
    const state = this.#state;
    this.#attempt += 1;
    this.#isSilent = false;
    this.#isSilenceReported = false;
    if (state.kind === 'backoff' || state.kind === 'connecting') {
      this.#context.ports.scheduler.cancel(state.timer);
    }
    if (state.kind === 'ready' || state.kind === 'connecting') state.link?.close();
  }

  #loseAll(): void {
    const lost = [...this.#inFlight.values()];
    this.#inFlight.clear();
    this.#inFlightBytes = 0;
    for (const transmission of lost) transmission.owner.onLost(transmission);
  }
}

function unsupported(version: number): LinkFailure {
  const message = `the node speaks protocol version ${version}, this client ${PROTOCOL_VERSION}`;
  return { code: 'UNAVAILABLE', message };
}
