import type { PeerHello } from '@cashe/proto';
import type { ReplicaId } from '@cashe/raft';
import { status } from '@grpc/grpc-js';
import type { TimerHandle } from '../host/ports.js';
import { type Admission, isRefusal } from './admission.js';
import type { Refusal } from './errors.js';
import type { TransportOptions } from './options.js';
import { Outbox } from './outbox.js';
import { ownBytes } from './peer-link.js';
import {
  decodeFrame,
  encodeHelloFrame,
  type Frame,
  type GroupedMessage,
  type StreamMessage,
} from './raft-codec.js';
import { type IncomingStream, malformed, refuseStream } from './service.js';

interface IncomingEvents {
  /** A node of this cluster opened its stream. */
  onHello(hello: PeerHello): void;
  /** Returns false for a message the node must not send (R8). */
  mayCarry(nodeUid: string, from: ReplicaId): boolean;
  onMessages(messages: readonly GroupedMessage[]): void;
  /** A message was thrown away because of who sent it. */
  onForeign(): void;
}

/** Replicas that one stream may speak for: one node's, before and after a rejoin. */
const REPLICAS_PER_STREAM_MAX = 8;

/** A stream a node opened to this one, once it introduced itself. */
interface Accepted {
  readonly call: IncomingStream;
  readonly nodeUid: string;
  readonly outbox: Outbox;
  /** Who spoke on it: answers to them go back the same way. */
  readonly replicaIds: Set<ReplicaId>;
}

/**
 * The AppendEntries streams other nodes opened. Answers leave on the answer side of the stream the
 * request came from: a node that was just admitted may not know the leader's address yet.
 */
export class IncomingStreams {
  readonly #options: TransportOptions;
  readonly #admission: Admission;
  readonly #events: IncomingEvents;
  /** Every open call, introduced or not. */
  readonly #calls = new Set<IncomingStream>();
  readonly #byUid = new Map<string, Accepted>();
  readonly #byReplica = new Map<ReplicaId, Accepted>();

  constructor(options: TransportOptions, admission: Admission, events: IncomingEvents) {
    this.#options = options;
    this.#admission = admission;
    this.#events = events;
  }

  /** Serves a new call. */
  accept(call: IncomingStream): void {
    const { limits, scheduler } = this.#options;
    call.on('error', () => undefined); // The end is seen by 'cancelled'.
    if (this.#calls.size >= limits.incomingStreamsMax) {
      refuseStream(call, { code: status.RESOURCE_EXHAUSTED, details: 'too many streams' });
      return;
    }
    this.#calls.add(call);
    const timer = scheduler.after(limits.helloTimeoutMs, () =>
      this.#refuse(call, { code: status.DEADLINE_EXCEEDED, details: 'no hello in time' }),
    );
    call.once('data', (bytes: Buffer) => this.#onFirst(call, bytes, timer));
    call.on('end', () => {
      timer.cancel();
      this.#forget(call);
      call.end();
    });
    call.on('cancelled', () => {
      timer.cancel();
      this.#forget(call);
    });
  }

  /** False when there is no stream of that replica's node, or no room on it. */
  send(group: number, message: StreamMessage): 'sent' | 'full' | 'noStream' {
    const accepted = this.#byReplica.get(message.to);
    if (accepted === undefined) return 'noStream';
    return accepted.outbox.offer(group, message) ? 'sent' : 'full';
  }

  flush(): void {
    for (const accepted of this.#byUid.values()) accepted.outbox.flush();
  }

  /** Forgets whom a stream spoke for when the peers say otherwise now. */
  recheck(): void {
    for (const [replicaId, accepted] of this.#byReplica) {
      if (this.#events.mayCarry(accepted.nodeUid, replicaId)) continue;
      accepted.replicaIds.delete(replicaId);
      this.#byReplica.delete(replicaId);
    }
  }

  /** Ends every stream; new ones are refused by the caller. */
  close(): void {
    for (const call of [...this.#calls]) {
      this.#refuse(call, { code: status.UNAVAILABLE, details: 'the node is stopping' });
    }
  }

  #onFirst(call: IncomingStream, bytes: Buffer, timer: TimerHandle): void {
    timer.cancel();
    const frame = this.#decode(call, bytes);
    if (frame === undefined) return;
    const verdict = this.#admission.admit(frame.hello, call);
    if (isRefusal(verdict)) {
      this.#refuse(call, verdict);
      return;
    }
    const hello = frame.hello!; // Admitted, hence there.
    const outbox = new Outbox(this.#options.limits, (answer, written) => {
      call.write(answer, written);
    });
    const accepted: Accepted = { call, nodeUid: hello.nodeUid, outbox, replicaIds: new Set() };
    const older = this.#byUid.get(hello.nodeUid);
    if (older !== undefined) {
      this.#refuse(older.call, { code: status.ABORTED, details: 'replaced by a newer stream' });
    }
    this.#byUid.set(hello.nodeUid, accepted);
    call.write(encodeHelloFrame(this.#admission.hello(hello.nodeId)));
    this.#events.onHello(hello);
    this.#deliver(accepted, frame);
    call.on('data', (more: Buffer) => {
      const next = this.#decode(call, more);
      if (next !== undefined) this.#deliver(accepted, next);
    });
  }

  #decode(call: IncomingStream, bytes: Buffer): Frame | undefined {
    try {
      return decodeFrame(ownBytes(bytes));
    } catch (error) {
      this.#refuse(call, malformed(error));
      return undefined;
    }
  }

  #deliver(accepted: Accepted, frame: Frame): void {
    let { messages } = frame;
    for (const { message } of messages) {
      if (accepted.replicaIds.has(message.from)) continue;
      if (this.#learn(accepted, message.from)) continue;
      this.#events.onForeign();
      messages = messages.filter((other) => other.message.from !== message.from);
    }
    if (messages.length > 0) this.#events.onMessages(messages);
  }

  /** Takes note that the replica lives at the other end; false when it must not. */
  #learn(accepted: Accepted, replicaId: ReplicaId): boolean {
    if (!this.#events.mayCarry(accepted.nodeUid, replicaId)) return false;
    if (this.#byReplica.has(replicaId)) return false;
    if (accepted.replicaIds.size >= REPLICAS_PER_STREAM_MAX) return false;
    accepted.replicaIds.add(replicaId);
    this.#byReplica.set(replicaId, accepted);
    return true;
  }

  #refuse(call: IncomingStream, refusal: Refusal): void {
    this.#forget(call);
    refuseStream(call, refusal);
  }

  #forget(call: IncomingStream): void {
    this.#calls.delete(call);
    for (const [nodeUid, accepted] of this.#byUid) {
      if (accepted.call !== call) continue;
      this.#byUid.delete(nodeUid);
      accepted.outbox.close();
      for (const replicaId of accepted.replicaIds) this.#byReplica.delete(replicaId);
    }
  }
}
