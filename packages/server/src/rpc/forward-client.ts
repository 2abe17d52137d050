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
import type { LinkPeer } from './peer-link.js';
import { asBuffer } from './raft-codec.js';
import { type OutgoingStream, openStream } from './service.js';

type ForwardDone = (answer: ForwardedAnswer | undefined) => void;

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

interface Connection {
  readonly client: Client;
  readonly stream: OutgoingStream;
  readonly sweeper: TimerHandle;
  /** The peer said who it is. */
  introduced: boolean;
}

/**
 * Calls forwarded to one node (R30), on a channel of their own, opened with the first call. Calls
 * are numbered per stream; a broken stream leaves the outcome of what was in flight unknown.
 */
export class ForwardClient {
  readonly #peer: LinkPeer;
  readonly #options: TransportOptions;
  readonly #admission: Admission;
  readonly #inFlight = new Map<number, InFlight>();
  #connection: Connection | undefined;
  #lastNumber = 0;
  #bytes = 0;

  constructor(peer: LinkPeer, options: TransportOptions, admission: Admission) {
    this.#peer = peer;
    this.#options = options;
    this.#admission = admission;
  }

  /** `target`: where the peer answers now; undefined when it is not reachable. */
  forward(target: DialTarget | undefined, call: ForwardedCall, done: ForwardDone): void {
    if (target === undefined) {
      done(notForwarded(call, Code.UNAVAILABLE, `node ${this.#peer.nodeId} is not reachable`));
      return;
    }
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
    this.#connection ??= this.#connect(target);
    this.#connection.stream.write(frame);
  }

  /** The node is gone or not wanted any more: the outcome of what is in flight is unknown. */
  reset(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) {
      connection.sweeper.cancel();
      connection.stream.removeAllListeners('data');
      connection.stream.cancel();
      connection.client.close();
    }
    const lost = [...this.#inFlight.values()];
    this.#inFlight.clear();
    this.#bytes = 0;
    for (const { done } of lost) done(undefined);
  }

  #connect(target: DialTarget): Connection {
    const { scheduler } = this.#options;
    const { nodeId } = this.#peer;
    const client = createPeerClient(target, this.#options, { nodeId });
    const stream = openStream(client, 'forward');
    const sweeper = scheduler.every(SWEEP_MS, () => this.#sweep());
    stream.on('data', (bytes: Buffer) => this.#onAnswer(stream, bytes));
    stream.on('error', () => undefined); // 'status' follows and says the same.
    stream.on('status', (ended: StatusObject) => this.#onEnd(stream, plainReason(ended.details)));
    const hello = PeerHello.encode(this.#admission.hello(this.#peer.nodeId)).finish();
    stream.write(asBuffer(encodeForwardRequest({ kind: 'hello', hello })));
    return { client, stream, sweeper, introduced: false };
  }

  #onAnswer(stream: OutgoingStream, bytes: Buffer): void {
    const connection = this.#connection;
    if (connection?.stream !== stream) return;
    const decoded = tryDecode(() => decodeAnswer(bytes));
    if (decoded instanceof CodecError) {
      this.#onEnd(stream, decoded.message);
      return;
    }
    if ('hello' in decoded) {
      const clusterId = this.#admission.attachment?.clusterId ?? '';
      const problem = checkAnswer(decoded.hello, clusterId, this.#peer);
      connection.introduced = true;
      if (problem !== undefined) this.#onEnd(stream, problem);
    } else if (!connection.introduced) {
      this.#onEnd(stream, 'the first answer carries no hello');
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
  }

  #onEnd(stream: OutgoingStream, reason: string): void {
    if (this.#connection?.stream !== stream) return;
    if (this.#inFlight.size > 0) {
      const { nodeId } = this.#peer;
      const calls = this.#inFlight.size;
      this.#options.logger.warn('forwarded calls lost', { nodeId, calls, reason });
    }
    this.reset();
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
