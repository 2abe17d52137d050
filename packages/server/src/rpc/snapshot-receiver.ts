import { CodecError } from '@cashe/codec';
import { InstallSnapshotResponse as Answer, type InstallSnapshotHead } from '@cashe/proto';
import type { InstallSnapshotResponse, ReplicaId } from '@cashe/raft';
import { type handleClientStreamingCall, type sendUnaryData, status } from '@grpc/grpc-js';
import type { SnapshotSink, TimerHandle } from '../host/ports.js';
import { errorText } from '../net/errors.js';
import { type Admission, isRefusal } from './admission.js';
import type { Refusal } from './errors.js';
import { shownName } from './hello.js';
import type { TransportOptions } from './options.js';
import { asBuffer } from './raft-codec.js';
import { type IncomingUpload, malformed } from './service.js';
import { decodeChunk, messageOfHead } from './snapshot-codec.js';

const CHECKS_PER_TIMEOUT = 4;

/** Incoming snapshots: bounded in number, each with one chunk on its way to the sink. */
export class SnapshotReceiver {
  readonly #options: TransportOptions;
  readonly #admission: Admission;
  readonly #mayCarry: (nodeUid: string, from: ReplicaId) => boolean;
  readonly #uploads = new Set<Upload>();

  constructor(
    options: TransportOptions,
    admission: Admission,
    mayCarry: (nodeUid: string, from: ReplicaId) => boolean,
  ) {
    this.#options = options;
    this.#admission = admission;
    this.#mayCarry = mayCarry;
  }

  readonly onInstallSnapshot: handleClientStreamingCall<Buffer, Buffer> = (call, callback) => {
    if (this.#uploads.size >= this.#options.limits.snapshotsIncomingMax) {
      callback({ code: status.RESOURCE_EXHAUSTED, details: 'too many snapshots at once' });
      return;
    }
    const upload = new Upload(this.#options, call, callback, {
      begin: (head) => this.#begin(upload, head, call),
      ended: () => this.#uploads.delete(upload),
    });
    this.#uploads.add(upload);
  };

  /** Hands the replica's answer to the node that sent the snapshot; false when nobody waits. */
  answer(group: number, message: InstallSnapshotResponse): boolean {
    for (const upload of this.#uploads) {
      if (upload.isFrom(group, message.to, message.from)) return upload.answer(message);
    }
    return false;
  }

  close(): void {
    const stopping = { code: status.UNAVAILABLE, details: 'the node is stopping' };
    for (const upload of [...this.#uploads]) upload.fail(stopping);
  }

  #begin(upload: Upload, head: InstallSnapshotHead, call: object): SnapshotSink | Refusal {
    const verdict = this.#admission.admit(head.hello, call);
    if (isRefusal(verdict)) return verdict;
    const message = messageOfHead(head);
    if (message instanceof CodecError) return malformed(message);
    if (!this.#mayCarry(head.hello?.nodeUid ?? '', message.from)) {
      const nodeId = shownName(head.hello?.nodeId ?? '');
      const details = `replica ${message.from} is not of node ${nodeId}`;
      return { code: status.FAILED_PRECONDITION, details };
    }
    for (const other of this.#uploads) {
      if (other === upload || !other.isFrom(head.group, message.from, message.to)) continue;
      other.fail({ code: status.ABORTED, details: 'replaced by a newer transfer' });
    }
    const sink = verdict.handler.onSnapshot(head.group, message);
    if (sink !== undefined) return sink;
    return { code: status.FAILED_PRECONDITION, details: 'the replica takes no snapshot now' };
  }
}

interface UploadEvents {
  begin(head: InstallSnapshotHead): SnapshotSink | Refusal;
  ended(): void;
}

/** One snapshot that arrives. */
class Upload {
  readonly #options: TransportOptions;
  readonly #call: IncomingUpload;
  readonly #callback: sendUnaryData<Buffer>;
  readonly #events: UploadEvents;
  readonly #watch: TimerHandle;
  #head: InstallSnapshotHead | undefined;
  #sink: SnapshotSink | undefined;
  #offset = 0;
  /** A call of the sink has not returned; it is aborted after that. */
  #sinkBusy = false;
  #finishing = false;
  #ended = false;
  #idleChecks = 0;

  constructor(
    options: TransportOptions,
    call: IncomingUpload,
    callback: sendUnaryData<Buffer>,
    events: UploadEvents,
  ) {
    this.#options = options;
    this.#call = call;
    this.#callback = callback;
    this.#events = events;
    const every = options.limits.snapshotIdleMsMax / CHECKS_PER_TIMEOUT;
    this.#watch = options.scheduler.every(every, () => this.#check());
    call.on('data', (bytes: Buffer) => this.#onChunk(bytes));
    call.on('error', () => undefined);
    call.on('cancelled', () => this.fail({ code: status.CANCELLED, details: 'cancelled' }));
    call.on('end', () => {
      if (!this.#finishing) this.fail(cutOff(this.#offset));
    });
  }

  isFrom(group: number, from: ReplicaId, to: ReplicaId): boolean {
    const head = this.#head;
    return head !== undefined && head.group === group && head.from === from && head.to === to;
  }

  /** False unless the snapshot is complete and waits for this. */
  answer(message: InstallSnapshotResponse): boolean {
    if (!this.#finishing || this.#ended) return false;
    this.#end();
    const { term, matchIndex } = message;
    this.#callback(null, asBuffer(Answer.encode({ term, matchIndex }).finish()));
    return true;
  }

  fail(refusal: Refusal): void {
    if (this.#ended) return;
    this.#end();
    this.#call.removeAllListeners('data');
    this.#call.resume();
    this.#callback(refusal);
    if (!this.#sinkBusy) this.#abortSink();
  }

  #end(): void {
    this.#ended = true;
    this.#watch.cancel();
    this.#events.ended();
  }

  #abortSink(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.abort();
  }

  #onChunk(bytes: Buffer): void {
    if (this.#ended) return;
    this.#idleChecks = 0;
    const chunk = decodeChunk(bytes, this.#options.limits.snapshotChunkBytesMax);
    if (chunk instanceof CodecError) {
      this.fail(malformed(chunk));
      return;
    }
    if (this.#sink === undefined && !this.#begin(chunk.head)) return;
    const after = this.#offset + chunk.data.length;
    const size = this.#head?.sizeBytes ?? 0;
    if (this.#finishing || chunk.offset !== this.#offset || after > size) {
      this.fail(malformed(new CodecError(`unexpected chunk at ${chunk.offset}`)));
    } else if (chunk.done && after !== size) {
      this.fail(cutOff(after));
    } else if (chunk.data.length > 0) {
      this.#write(chunk.data, chunk.done);
    } else if (chunk.done) {
      this.#finish();
    }
  }

  /** Asks the host for a place to put the snapshot. */
  #begin(head: InstallSnapshotHead | undefined): boolean {
    if (head === undefined) {
      this.fail(malformed(new CodecError('the first chunk carries no head')));
      return false;
    }
    const sink = this.#events.begin(head);
    if ('code' in sink) {
      this.fail(sink);
      return false;
    }
    this.#head = head;
    this.#sink = sink;
    return true;
  }

  #write(data: Uint8Array, done: boolean): void {
    this.#offset += data.length;
    this.#call.pause();
    this.#sinkBusy = true;
    this.#sink?.write(data, (error) => {
      this.#sinkBusy = false;
      this.#idleChecks = 0;
      if (this.#ended) this.#abortSink();
      else if (error !== undefined) this.fail(sinkFailed(error));
      else if (done) this.#finish();
      else this.#call.resume();
    });
  }

  #finish(): void {
    this.#finishing = true;
    this.#idleChecks = 0;
    this.#call.resume();
    const sink = this.#sink;
    this.#sink = undefined; // `finish` ends it, whatever comes of it.
    sink?.finish((error) => {
      if (error !== undefined) this.fail(sinkFailed(error));
    });
  }

  #check(): void {
    this.#idleChecks++;
    const { snapshotIdleMsMax, snapshotFinishMsMax } = this.#options.limits;
    const every = snapshotIdleMsMax / CHECKS_PER_TIMEOUT;
    const idleMsMax = this.#finishing ? snapshotFinishMsMax : snapshotIdleMsMax;
    if (this.#idleChecks * every <= idleMsMax) return;
    this.fail({ code: status.DEADLINE_EXCEEDED, details: 'no progress' });
  }
}

function cutOff(bytes: number): Refusal {
  return { code: status.INVALID_ARGUMENT, details: `the snapshot ends after ${bytes} bytes` };
}

function sinkFailed(error: Error): Refusal {
  return { code: status.INTERNAL, details: `cannot store the snapshot: ${errorText(error)}` };
}
