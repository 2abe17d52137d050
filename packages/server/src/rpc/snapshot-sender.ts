import { CodecError } from '@cashe/codec';
import { InstallSnapshotResponse as Answer, type PeerHello } from '@cashe/proto';
import type { InstallSnapshotRequest, InstallSnapshotResponse } from '@cashe/raft';
import type { Client, ServiceError } from '@grpc/grpc-js';
import type { SnapshotSource, TimerHandle } from '../host/ports.js';
import { errorText } from '../net/errors.js';
import { plainReason } from '../net/plain-reason.js';
import { createPeerClient, type DialTarget } from './dial.js';
import { tryDecode } from './errors.js';
import type { TransportOptions } from './options.js';
import { type OutgoingUpload, openUpload } from './service.js';
import { encodeChunk, snapshotHead } from './snapshot-codec.js';

/** A snapshot to send. */
interface SnapshotTransfer {
  readonly nodeId: string;
  readonly target: DialTarget;
  readonly hello: PeerHello;
  readonly group: number;
  readonly message: InstallSnapshotRequest;
  readonly source: SnapshotSource;
  /** Called once: with the follower's answer, or undefined when it did not arrive whole. */
  readonly done: (answer: InstallSnapshotResponse | undefined) => void;
}

/** Looks at progress this often within the time it may be missing. */
const CHECKS_PER_TIMEOUT = 4;

/**
 * Streams one snapshot over a channel of its own, so that nothing else waits behind it (R32). A
 * chunk is read only when the stream has taken the ones before it.
 */
export class SnapshotSender {
  readonly #options: TransportOptions;
  readonly #transfer: SnapshotTransfer;
  readonly #client: Client;
  readonly #stream: OutgoingUpload;
  readonly #watch: TimerHandle;
  #finishTimer: TimerHandle | undefined;
  #headSent = false;
  #offset = 0;
  #aheadChunks = 0;
  #reading = false;
  #wroteAll = false;
  #ended = false;
  /** Checks since bytes last moved. */
  #idleChecks = 0;

  constructor(options: TransportOptions, transfer: SnapshotTransfer) {
    this.#options = options;
    this.#transfer = transfer;
    const { limits, scheduler } = options;
    const { nodeId, target } = transfer;
    this.#client = createPeerClient(target, options, { nodeId });
    this.#stream = openUpload(this.#client, (error, bytes) => this.#onAnswer(error, bytes));
    this.#stream.on('error', () => undefined); // The callback above says the same.
    const every = limits.snapshotIdleMsMax / CHECKS_PER_TIMEOUT;
    this.#watch = scheduler.every(every, () => this.#check());
  }

  start(): void {
    this.#read();
  }

  /** Gives up; `done` is called. */
  abort(reason: string): void {
    this.#end(undefined, reason);
  }

  #read(): void {
    if (this.#ended || this.#reading || this.#wroteAll) return;
    if (this.#aheadChunks >= this.#options.limits.snapshotWriteAheadChunksMax) return;
    this.#reading = true;
    this.#transfer.source.read((error, chunk) => {
      this.#reading = false;
      if (this.#ended) this.#transfer.source.close();
      else if (error !== undefined) this.abort(`cannot read the snapshot: ${errorText(error)}`);
      else this.#write(chunk);
    });
  }

  /** Writes a chunk, or the end when there is none left. */
  #write(chunk: Uint8Array | undefined): void {
    const { hello, group, message, source } = this.#transfer;
    const head = this.#headSent ? undefined : snapshotHead(hello, group, message, source.sizeBytes);
    this.#headSent = true;
    const data = chunk ?? new Uint8Array(0);
    const bytes = encodeChunk(head, this.#offset, data, chunk === undefined);
    this.#offset += data.length;
    this.#aheadChunks++;
    this.#stream.write(bytes, () => this.#onWritten());
    if (chunk !== undefined) {
      this.#read();
      return;
    }
    this.#wroteAll = true;
    this.#stream.end();
    const { limits, scheduler } = this.#options;
    this.#finishTimer = scheduler.after(limits.snapshotFinishMsMax, () =>
      this.abort('the follower did not answer'),
    );
  }

  #onWritten(): void {
    this.#aheadChunks--;
    this.#idleChecks = 0;
    this.#read();
  }

  #check(): void {
    this.#idleChecks++;
    if (this.#idleChecks > CHECKS_PER_TIMEOUT && !this.#wroteAll) this.abort('no progress');
  }

  #onAnswer(error: ServiceError | null, bytes: Buffer | undefined): void {
    if (error !== null || bytes === undefined) {
      this.#end(undefined, error === null ? 'no answer' : plainReason(error.details));
      return;
    }
    const answer = tryDecode(() => Answer.decode(bytes));
    if (answer instanceof CodecError) {
      this.#end(undefined, answer.message);
      return;
    }
    const { from, to } = this.#transfer.message;
    const { term, matchIndex } = answer;
    this.#end({ kind: 'installSnapshotResponse', from: to, to: from, term, matchIndex }, '');
  }

  #end(answer: InstallSnapshotResponse | undefined, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watch.cancel();
    this.#finishTimer?.cancel();
    if (answer === undefined) {
      const { nodeId, group } = this.#transfer;
      this.#options.logger.warn('snapshot not delivered', { nodeId, group, reason });
      this.#stream.cancel();
    }
    this.#client.close();
    // A read that is under way closes the source when it returns.
    if (!this.#reading) this.#transfer.source.close();
    this.#transfer.done(answer);
  }
}
