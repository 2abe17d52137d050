import type { PeerHello } from '@cashe/proto';
import type { Client, StatusObject } from '@grpc/grpc-js';
import type { TimerHandle } from '../host/ports.js';
import { errorText } from '../net/errors.js';
import { plainReason } from '../net/plain-reason.js';
import type { Admission } from './admission.js';
import { createPeerClient, type DialTarget, probe, resolveAddress } from './dial.js';
import { checkAnswer } from './hello.js';
import type { TransportOptions } from './options.js';
import { Outbox } from './outbox.js';
import {
  decodeFrame,
  encodeHelloFrame,
  type Frame,
  type GroupedMessage,
  type StreamMessage,
} from './raft-codec.js';
import { type OutgoingStream, openStream } from './service.js';

/** The node at the other end. */
export interface LinkPeer {
  readonly nodeId: string;
  readonly nodeUid: string;
  /** host:port to dial. */
  readonly address: string;
}

interface LinkEvents {
  onOpen(link: PeerLink, hello: PeerHello): void;
  /** The connection is gone; what was queued is lost. */
  onLost(link: PeerLink): void;
  /** The peer's process is gone: its connection broke and nobody listens there any more (R7). */
  onRefused(link: PeerLink): void;
  onMessages(link: PeerLink, messages: readonly GroupedMessage[]): void;
  /** Another connection took over from an old one: what was under way on that may be lost. */
  onRenewed(link: PeerLink): void;
}

/** A stream that waits for the peer's hello. */
interface Attempt {
  readonly target: DialTarget;
  readonly client: Client;
  readonly stream: OutgoingStream;
  readonly timer: TimerHandle;
}

/** What the link is doing; each state owns what has to be given up with it. */
type LinkState =
  | { readonly name: 'closed' }
  | { readonly name: 'resolving' }
  | { readonly name: 'probing'; readonly cancel: () => void }
  | (Attempt & {
      readonly name: 'connecting';
      /** It takes over from an old connection, which the peer has ended already. */
      readonly isRenewal: boolean;
    })
  | {
      readonly name: 'open';
      readonly target: DialTarget;
      readonly client: Client;
      readonly stream: OutgoingStream;
      readonly outbox: Outbox;
      /** Until the connection has lasted. */
      readonly steadyTimer: TimerHandle;
      /** Until the connection is old; only with TLS. */
      readonly ageTimer: TimerHandle | undefined;
      /** What takes over from it then. */
      readonly next: Attempt | undefined;
    }
  | { readonly name: 'backoff'; readonly timer: TimerHandle };

/**
 * The one outgoing stream to a node (R28), dialled again and again until it is closed: after 50 ms,
 * then up to a second apart, jittered. One that was open is dialled at once, but not for ever: a
 * peer that takes every connection and ends it (two processes with one data directory's identity
 * replace each other there) is dialled with pauses, too. Nothing is queued while it is not open:
 * Raft repeats itself.
 */
export class PeerLink {
  readonly peer: LinkPeer;
  readonly #options: TransportOptions;
  readonly #admission: Admission;
  readonly #events: LinkEvents;
  #state: LinkState = { name: 'closed' };
  /** Attempts since the link was last open. */
  #attempts = 0;
  /** Connections lost since one lasted. */
  #losses = 0;
  /** Where it was last open: until that refuses once, a refused connect means a dead process. */
  #openIp: string | undefined;
  #lastProblem = '';

  constructor(peer: LinkPeer, options: TransportOptions, admission: Admission, events: LinkEvents) {
    this.peer = peer;
    this.#options = options;
    this.#admission = admission;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#state.name === 'open';
  }

  /** The channel for unary calls; they may be made as soon as it is being connected. */
  get client(): Client | undefined {
    const state = this.#state;
    return state.name === 'open' || state.name === 'connecting' ? state.client : undefined;
  }

  /** Where the peer answers; only while the link is open. */
  get target(): DialTarget | undefined {
    return this.#state.name === 'open' ? this.#state.target : undefined;
  }

  /** Bytes that wait to leave. */
  get queuedBytes(): number {
    return this.#state.name === 'open' ? this.#state.outbox.bytes : 0;
  }

  /** Begins to dial; the link must be new. */
  start(): void {
    this.#dial();
  }

  /**
   * The peer was heard of: there is no point in waiting any longer. An attempt under way may still
   * fail by what was true before (a founder belongs to no cluster yet): the next one comes soon.
   */
  kick(): void {
    this.#attempts = 0;
    if (this.#state.name !== 'backoff') return;
    this.#state.timer.cancel();
    this.#dial();
  }

  /** False when the message was dropped. */
  send(group: number, message: StreamMessage): boolean {
    return this.#state.name === 'open' && this.#state.outbox.offer(group, message);
  }

  flush(): void {
    if (this.#state.name === 'open') this.#state.outbox.flush();
  }

  close(): void {
    this.#leave();
    this.#state = { name: 'closed' };
  }

  /** Gives up what the present state holds. */
  #leave(): void {
    const state = this.#state;
    switch (state.name) {
      case 'probing':
        state.cancel();
        return;
      case 'backoff':
        state.timer.cancel();
        return;
      case 'connecting':
        endAttempt(state);
        return;
      case 'open':
        if (state.next !== undefined) endAttempt(state.next);
        this.#leaveOld(state);
        return;
      default:
        return;
    }
  }

  #dial(): void {
    const resolving: LinkState = { name: 'resolving' };
    this.#state = resolving;
    resolveAddress(this.peer.address, this.#attempts, (error, target) => {
      if (this.#state !== resolving) return;
      if (target === undefined) this.#retry(error ?? 'unknown host name');
      else if (this.#openIp !== undefined) this.#probe(target);
      else this.#connect(target);
    });
  }

  #probe(target: DialTarget): void {
    const cancel = probe(target, this.#options.limits.probeTimeoutMs, (result) => {
      if (result === 'accepted') {
        this.#connect(target);
        return;
      }
      // Another address of the host says nothing about the process that was there.
      if (result === 'refused' && target.ip === this.#openIp) {
        this.#openIp = undefined;
        this.#events.onRefused(this);
      }
      // The host may have closed this link from within.
      if (this.#state.name === 'probing') this.#retry(`connection ${result}`);
    });
    this.#state = { name: 'probing', cancel };
  }

  #connect(target: DialTarget): void {
    this.#state = { name: 'connecting', isRenewal: false, ...this.#attempt(target) };
  }

  #attempt(target: DialTarget): Attempt {
    const { limits, scheduler } = this.#options;
    const { nodeId } = this.peer;
    const client = createPeerClient(target, this.#options, { nodeId });
    const stream = openStream(client, 'appendEntries');
    const timer = scheduler.after(limits.connectTimeoutMs, () =>
      this.#onEnd(stream, 'no answer in time'),
    );
    stream.on('data', (bytes: Buffer) => this.#onFrame(stream, bytes));
    stream.on('error', () => undefined); // 'status' follows and says the same.
    stream.on('status', (ended: StatusObject) => this.#onEnd(stream, plainReason(ended.details)));
    stream.write(encodeHelloFrame(this.#admission.hello(nodeId)));
    return { target, client, stream, timer };
  }

  #onFrame(stream: OutgoingStream, bytes: Buffer): void {
    const state = this.#state;
    if (state.name !== 'open' && state.name !== 'connecting') return;
    const next = state.name === 'open' ? state.next : state;
    if (state.stream !== stream && next?.stream !== stream) return;
    let frame: Frame;
    try {
      frame = decodeFrame(ownBytes(bytes));
    } catch (error) {
      this.#onEnd(stream, `malformed: ${errorText(error)}`);
      return;
    }
    if (next?.stream === stream) this.#onAnswer(next, frame.hello);
    else this.#events.onMessages(this, frame.messages);
  }

  /** The first frame of the peer: only now it is known to be the right one. */
  #onAnswer(attempt: Attempt, hello: PeerHello | undefined): void {
    const clusterId = this.#admission.attachment?.clusterId ?? '';
    const problem = checkAnswer(hello, clusterId, this.peer);
    if (problem !== undefined || hello === undefined) {
      this.#onEnd(attempt.stream, problem ?? 'no hello');
      return;
    }
    const before = this.#state;
    const isRenewal = before.name === 'open' || (before.name === 'connecting' && before.isRenewal);
    if (before.name === 'open') this.#leaveOld(before);
    attempt.timer.cancel();
    const { target, client, stream } = attempt;
    const outbox = new Outbox(this.#options.limits, (frame, written) => {
      stream.write(frame, written);
    });
    const { limits, tls } = this.#options;
    const ageTimer = tls && this.#renewAfter(limits.connectionAgeMs * PEER_AGE_FACTOR_MIN);
    const steadyTimer = this.#options.scheduler.after(limits.reconnectDelayMsMax, () => {
      this.#losses = 0;
    });
    const timers = { steadyTimer, ageTimer };
    this.#state = { name: 'open', target, client, stream, outbox, ...timers, next: undefined };
    this.#attempts = 0;
    this.#openIp = target.ip;
    this.#lastProblem = '';
    if (isRenewal) {
      this.#losses = 0; // The one before lasted, however soon it is called old.
      this.#events.onRenewed(this);
    } else {
      this.#events.onOpen(this, hello);
    }
  }

  /** Jittered upwards by a quarter, so that not all connections of a cluster go at once. */
  #renewAfter(ms: number): TimerHandle {
    const { random, scheduler } = this.#options;
    return scheduler.after(ms * (1 + 0.25 * random()), () => {
      const state = this.#state;
      if (state.name !== 'open' || state.next !== undefined) return;
      this.#state = { ...state, next: this.#attempt(state.target) };
    });
  }

  #leaveOld(state: Extract<LinkState, { name: 'open' }>): void {
    state.steadyTimer.cancel();
    state.ageTimer?.cancel();
    state.outbox.close();
    endStream(state.stream, state.client);
  }

  #onEnd(stream: OutgoingStream, reason: string): void {
    const state = this.#state;
    if (state.name === 'open' && state.next?.stream === stream) {
      this.#onNotRenewed(state, state.next, reason);
      return;
    }
    if ((state.name !== 'open' && state.name !== 'connecting') || state.stream !== stream) return;
    if (state.name === 'open' && state.next !== undefined) {
      // The peer ends the old stream when it sees the new one, and that may be heard first.
      this.#leaveOld(state);
      this.#state = { name: 'connecting', isRenewal: true, ...state.next };
      return;
    }
    const wasOpen = state.name === 'open' || state.isRenewal;
    this.#leave();
    if (!wasOpen) {
      this.#retry(reason);
      return;
    }
    this.#state = { name: 'closed' };
    const { nodeId, address } = this.peer;
    this.#options.logger.warn('peer lost', { nodeId, address, reason });
    this.#lastProblem = reason;
    this.#losses += 1;
    // At once, not after a pause: a refused connect now says that the process is gone.
    if (this.#losses <= LOSSES_MAX) {
      this.#dial();
    } else {
      this.#attempts = this.#losses - LOSSES_MAX;
      this.#retry(reason);
    }
    this.#events.onLost(this);
  }

  /** The old connection goes on; the peer may still take another one before it ends this. */
  #onNotRenewed(state: Extract<LinkState, { name: 'open' }>, next: Attempt, reason: string): void {
    const { nodeId, address } = this.peer;
    endAttempt(next);
    const ageTimer = this.#renewAfter(this.#options.limits.reconnectDelayMsMax);
    this.#state = { ...state, next: undefined, ageTimer };
    this.#options.logger.warn('connection to a peer not renewed', { nodeId, address, reason });
  }

  #retry(problem: string): void {
    const { limits, logger, random, scheduler } = this.#options;
    if (problem !== this.#lastProblem) {
      const { nodeId, address } = this.peer;
      logger.info('peer not reached', { nodeId, address, reason: problem });
      this.#lastProblem = problem;
    }
    const full = Math.min(
      limits.reconnectDelayMsMax,
      limits.reconnectDelayMsMin * 2 ** Math.min(this.#attempts, 16),
    );
    this.#attempts++;
    const timer = scheduler.after(full * (0.5 + 0.5 * random()), () => this.#dial());
    this.#state = { name: 'backoff', timer };
  }
}

/** Connections lost one after the other, none of them steady, before there are pauses. */
const LOSSES_MAX = 3;

function endAttempt({ timer, stream, client }: Attempt): void {
  timer.cancel();
  endStream(stream, client);
}

function endStream(stream: OutgoingStream, client: Client): void {
  stream.removeAllListeners('data');
  stream.cancel();
  client.close();
}

/** Of the maximum age: the peer that takes the connection ends it later than that. */
export const PEER_AGE_FACTOR_MIN = 0.8;

/** Frames without entries are smaller; nothing of them is kept. */
const ENTRY_FRAME_BYTES_MIN = 64;

/**
 * Entries stay in memory as views on the frame, so a frame that is a slice of a much larger slab
 * is copied: a kept entry of 100 bytes must not pin 8 KiB.
 */
export function ownBytes(frame: Buffer): Uint8Array {
  if (frame.length < ENTRY_FRAME_BYTES_MIN) return frame;
  return frame.buffer.byteLength > 2 * frame.length ? new Uint8Array(frame) : frame;
}
