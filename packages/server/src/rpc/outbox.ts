import {
  encodeFrame,
  frameBytesOf,
  type GroupedMessage,
  type StreamMessage,
} from './raft-codec.js';

/** Sent messages that may stand before the head of the queue until it is copied. */
const SENT_MAX = 1024;

type OutboxLimits = Readonly<{
  messageBytesMax: number;
  peerQueueBytesMax: number;
  peerUrgentBytesMax: number;
  frameBytesTarget: number;
  writeAheadBytesMax: number;
  writeAheadFramesMax: number;
}>;

/** Hands one frame to the stream; `written` is called once when its bytes have left. */
type WriteFrame = (frame: Buffer, written: () => void) => void;

/**
 * Messages on their way into one stream. Little is handed to the stream in advance: the rest waits
 * here, where heartbeats and answers pass replication (R5). Both parts are bounded; what does not
 * fit is refused, and Raft sends it again (R35).
 */
export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #write: WriteFrame;
  #urgent: GroupedMessage[] = [];
  #urgentBytes = 0;
  /** Replication in order; what stands before #bulkHead is gone. */
  #bulk: GroupedMessage[] = [];
  #bulkHead = 0;
  #bulkBytes = 0;
  #aheadBytes = 0;
  #aheadFrames = 0;

  constructor(limits: OutboxLimits, write: WriteFrame) {
    this.#limits = limits;
    this.#write = write;
  }

  /** Bytes that wait here or in the stream. */
  get bytes(): number {
    return this.#urgentBytes + this.#bulkBytes + this.#aheadBytes;
  }

  /** False when there is no room for the message. */
  offer(group: number, message: StreamMessage): boolean {
    const bytes = frameBytesOf(message);
    const limits = this.#limits;
    if (message.kind === 'appendEntriesRequest') {
      if (bytes > limits.messageBytesMax) return false;
      if (this.#bulkBytes + bytes > limits.peerQueueBytesMax) return false;
      this.#bulk.push({ group, message });
      this.#bulkBytes += bytes;
      return true;
    }
    if (this.#urgentBytes + bytes > limits.peerUrgentBytesMax) return false;
    this.#urgent.push({ group, message });
    this.#urgentBytes += bytes;
    return true;
  }

  /** Forgets what waits; the stream is gone. */
  close(): void {
    this.#urgent = [];
    this.#urgentBytes = 0;
    this.#bulk = [];
    this.#bulkHead = 0;
    this.#bulkBytes = 0;
  }

  /** Writes what the stream may take now; the rest follows as it empties. */
  flush(): void {
    const { writeAheadBytesMax, writeAheadFramesMax } = this.#limits;
    while (
      this.#aheadBytes < writeAheadBytesMax &&
      this.#aheadFrames < writeAheadFramesMax &&
      (this.#urgent.length > 0 || this.#bulkHead < this.#bulk.length)
    ) {
      const frame = encodeFrame(this.#take());
      this.#aheadBytes += frame.length;
      this.#aheadFrames++;
      this.#write(frame, () => this.#onWritten(frame.length));
    }
  }

  #onWritten(bytes: number): void {
    this.#aheadBytes -= bytes;
    this.#aheadFrames--;
    this.flush();
  }

  /** Messages of the next frame: urgent ones first, then replication up to the target. */
  #take(): GroupedMessage[] {
    const messages = this.#urgent;
    let bytes = this.#urgentBytes;
    this.#urgent = [];
    this.#urgentBytes = 0;
    while (this.#bulkHead < this.#bulk.length) {
      const next = this.#bulk[this.#bulkHead]!;
      const nextBytes = frameBytesOf(next.message);
      if (messages.length > 0 && bytes + nextBytes > this.#limits.frameBytesTarget) break;
      messages.push(next);
      bytes += nextBytes;
      this.#bulkBytes -= nextBytes;
      this.#bulkHead++;
    }
    this.#compact();
    return messages;
  }

  #compact(): void {
    if (this.#bulkHead === this.#bulk.length) this.#bulk = [];
    else if (this.#bulkHead < SENT_MAX) return;
    else this.#bulk = this.#bulk.slice(this.#bulkHead);
    this.#bulkHead = 0;
  }
}
