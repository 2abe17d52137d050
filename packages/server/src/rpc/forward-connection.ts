import { Code, CodecError, decodeForwardResponse, encodeForwardRequest } from '@cashe/codec';
import { PeerHello } from '@cashe/proto';
import type { Client, StatusObject } from '@grpc/grpc-js';
import type { ForwardedAnswer, ForwardedCall, TimerHandle } from '../host/ports.js';
import { plainReason } from '../net/plain-reason.js';
import type { Admission } from './admission.js';
import { createPeerClient, type DialTarget } from './dial.js';
import { tryDecode } from './errors.js';
import {
  decodeForwardedAnswer,
  encodeForwardedCall,
  notForwarded,
  remainingMsOf,
  transmissionOf,
} from './forward-codec.js';
import { checkAnswer } from './hello.js';
import type { TransportOptions } from './options.js';
import { type LinkPeer, PEER_AGE_FACTOR_MIN } from './peer-link.js';
import { asBuffer } from './raft-codec.js';
import { type OutgoingStream, openStream } from './service.js';

export type ForwardDone = (answer: ForwardedAnswer | undefined) => void;

/** A call on its way; its number on the stream is its key. */
interface InFlight {
  readonly transmission: number;
  readonly bytes: number;
  /** Sweeps it survives. */
  sweepsLeft: number;
  readonly done: ForwardDone;
}

const SWEEP_MS = 500;
/** For calls that name no deadline. */
const REMAINING_MS_DEFAULT = 5000;

/**
 * Calls forwarded to one node (R30), on a channel of their own. They are numbered; a broken stream
 * leaves the outcome of what was in flight unknown.
 */
export class ForwardConnection {
  readonly #peer: LinkPeer;
  readonly #options: TransportOptions;
  readonly #admission: Admission;
  readonly #onClosed: () => void;
  readonly #inFlight = new Map<number, InFlight>();
  readonly #client: Client;
  readonly #stream: OutgoingStream;
  readonly #sweeper: TimerHandle;
  readonly #ageTimer: TimerHandle | undefined;
  #lastNumber = 0;
  #bytes = 0;
  /** The peer said who it is. */
  #isIntroduced = false;
  #isOld = false;
  #isRetired = false;
  #isClosed = false;

  constructor(
    peer: LinkPeer,
    target: DialTarget,
    options: TransportOptions,
    admission: Admission,
    onClosed: () => void,
  ) {
    this.#peer = peer;
    this.#options = options;
    this.#admission = admission;
    this.#onClosed = onClosed;
    const { limits, scheduler, tls } = options;
    const { nodeId } = peer;
    this.#client = createPeerClient(target, options, { nodeId });
    this.#stream = openStream(this.#client, 'forward');
    this.#sweeper = scheduler.every(SWEEP_MS, () => this.#sweep());
    const ageMs = limits.connectionAgeMs * PEER_AGE_FACTOR_MIN;
    this.#ageTimer = tls && scheduler.after(ageMs, () => this.#setOld());
    this.#stream.on('data', (bytes: Buffer) => this.#onAnswer(bytes));
    this.#stream.on('error', () => undefined); // 'status' follows and says the same.
    this.#stream.on('status', (ended: StatusObject) => this.#onEnd(plainReason(ended.details)));
    const hello = PeerHello.encode(admission.hello(nodeId)).finish();
    this.#stream.write(asBuffer(encodeForwardRequest({ kind: 'hello', hello })));
  }

  /** With TLS: another one should be used before the peer ends this one. */
  get isOld(): boolean {
    return this.#isOld;
  }

  forward(call: ForwardedCall, done: ForwardDone): void {
    const number = this.#lastNumber + 1;
    const frame = encodeForwardedCall(call, number);
    const { forwardsInFlightMax, forwardBytesMax, forwardGraceMs } = this.#options.limits;
    if (
      this.#inFlight.size >= forwardsInFlightMax ||
      this.#bytes + frame.length > forwardBytesMax
    ) {
      done(notForwarded(call, Code.BUSY, `too many calls to node ${this.#peer.nodeId} in flight`));
      return;
    }
    this.#lastNumber = number;
    this.#bytes += frame.length;
    const waitMs = (remainingMsOf(call) ?? REMAINING_MS_DEFAULT) + forwardGraceMs;
    this.#inFlight.set(number, {
      transmission: transmissionOf(call),
      bytes: frame.length,
      sweepsLeft: Math.ceil(waitMs / SWEEP_MS),
      done,
    });
    this.#stream.write(frame);
  }

  /** Takes no more calls, and ends once those in flight are answered. */
  retire(): void {
    this.#isRetired = true;
    if (this.#inFlight.size === 0) this.close();
  }

  /** The outcome of what is in flight is unknown. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sweeper.cancel();
    this.#ageTimer?.cancel();
    this.#stream.removeAllListeners('data');
    this.#stream.cancel();
    this.#client.close();
    this.#onClosed();
    const lost = [...this.#inFlight.values()];
    this.#inFlight.clear();
    this.#bytes = 0;
    for (const { done } of lost) done(undefined);
  }

  /** An idle one ends at once: the next call opens another. */
  #setOld(): void {
    this.#isOld = true;
    if (this.#inFlight.size === 0) this.close();
  }

  #onAnswer(bytes: Buffer): void {
    if (this.#isClosed) return;
    const decoded = tryDecode(() => decodeAnswer(bytes));
    if (decoded instanceof CodecError) {
      this.#onEnd(decoded.message);
      return;
    }
    if ('hello' in decoded) {
      const clusterId = this.#admission.attachment?.clusterId ?? '';
      const problem = checkAnswer(decoded.hello, clusterId, this.#peer);
      this.#isIntroduced = true;
      if (problem !== undefined) this.#onEnd(problem);
    } else if (!this.#isIntroduced) {
      this.#onEnd('the first answer carries no hello');
    } else {
      this.#settle(decoded.transmission, decoded.answer);
    }
  }

  #settle(number: number, answer: ForwardedAnswer | undefined): void {
    const call = this.#inFlight.get(number);
    if (call === undefined) return; // It came after the deadline.
    this.#inFlight.delete(number);
    this.#bytes -= call.bytes;
    const { transmission } = call;
    if (answer === undefined || answer.kind === 'admin') call.done(answer);
    else call.done({ ...answer, transmission });
    if ((this.#isRetired || this.#isOld) && this.#inFlight.size === 0) this.close();
  }

  #onEnd(reason: string): void {
    if (this.#isClosed) return;
    if (this.#inFlight.size > 0) {
      const { nodeId } = this.#peer;
      const calls = this.#inFlight.size;
      this.#options.logger.warn('forwarded calls lost', { nodeId, calls, reason });
    }
    this.close();
  }

  /** Settles what nobody waits for any more. */
  #sweep(): void {
    for (const [number, call] of this.#inFlight) {
      call.sweepsLeft--;
      if (call.sweepsLeft < 0) this.#settle(number, undefined);
    }
  }
}

type Decoded =
  | { readonly hello: PeerHello }
  | { readonly transmission: number; readonly answer: ForwardedAnswer };

function decodeAnswer(bytes: Buffer): Decoded {
  const response = decodeForwardResponse(bytes);
  if (response.kind === 'hello') return { hello: PeerHello.decode(response.hello) };
  return decodeForwardedAnswer(response);
}
