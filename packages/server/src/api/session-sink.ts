/** Answers of one Session stream on their way through grpc-js: encoded, counted, paced. */
import { Buffer } from 'node:buffer';
import type { Scheduler, TimerHandle } from '@cashe/client/core';
import { encodeSessionResponse, type SessionResponse } from '@cashe/codec';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { resetStream } from '../net/http2-reset.js';
import { boundedAnswer } from './bounded-answer.js';
import { type CallFailure, toStatus } from './failure.js';
import type { SessionSink } from './session-stream.js';

interface GrpcSinkOptions {
  readonly call: ServerDuplexStream<unknown, Buffer>;
  readonly scheduler: Scheduler;
  /** Above this many untaken bytes nothing more is read from the client. */
  readonly pauseBytes: number;
  /** A paused client that takes nothing for this long is reset. */
  readonly stallMs: number;
  /** One message as the client can receive it; asked for large answers only. */
  readonly messageBytesMax: () => number;
  /** The client took some of the output. */
  readonly onDrained: () => void;
  /** The client takes nothing: the sink resets the stream. */
  readonly onStalled: () => void;
}

export class GrpcSessionSink implements SessionSink {
  bufferedBytes = 0;
  readonly #options: GrpcSinkOptions;
  #stallTimer: TimerHandle | undefined;
  #isPaused = false;
  #isEnded = false;

  constructor(options: GrpcSinkOptions) {
    this.#options = options;
  }

  send(response: SessionResponse): void {
    if (this.#isEnded) return;
    const { call, pauseBytes } = this.#options;
    const bytes = this.#encode(response);
    this.bufferedBytes += bytes.length;
    call.write(bytes, () => this.#taken(bytes.length));
    if (this.#isPaused || this.bufferedBytes <= pauseBytes) return;
    this.#isPaused = true;
    call.pause();
    this.#watchForStall();
  }

  end(failure: CallFailure | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { call } = this.#options;
    // Nothing more is wanted from the client, and what it sends must not pile up here.
    call.pause();
    this.#watchForStall();
    if (failure === undefined) call.end();
    else call.emit('error', toStatus(failure));
  }

  reset(failure: CallFailure): void {
    this.#isEnded = true;
    this.closed();
    const { call } = this.#options;
    if (!resetStream(call)) call.emit('error', toStatus(failure));
  }

  /** The call is over. */
  closed(): void {
    this.#isEnded = true;
    this.#stopWatching();
  }

  #encode(response: SessionResponse): Buffer {
    const bytes = encodeSessionResponse(response);
    if (bytes.length <= largeAnswerBytesMin || response.kind !== 'read') return bufferOf(bytes);
    const bytesMax = this.#options.messageBytesMax();
    if (bytes.length <= bytesMax) return bufferOf(bytes);
    return bufferOf(encodeSessionResponse(boundedAnswer(response, bytesMax)));
  }

  #taken(bytes: number): void {
    this.bufferedBytes -= bytes;
    if (this.#stallTimer !== undefined) this.#watchForStall();
    if (this.#isEnded) return;
    const { call, pauseBytes, onDrained } = this.#options;
    if (this.#isPaused && this.bufferedBytes <= pauseBytes / 2) {
      this.#isPaused = false;
      this.#stopWatching();
      call.resume();
    }
    onDrained();
  }

  #watchForStall(): void {
    this.#stopWatching();
    const { scheduler, stallMs, onStalled } = this.#options;
    this.#stallTimer = scheduler.schedule(stallMs, () => {
      onStalled();
      this.reset({
        code: 'RESOURCE_EXHAUSTED',
        outcome: 'unknown',
        message: `no answer was taken for ${stallMs} ms`,
      });
    });
  }

  #stopWatching(): void {
    if (this.#stallTimer !== undefined) this.#options.scheduler.cancel(this.#stallTimer);
    this.#stallTimer = undefined;
  }
}

/** Every message limit is larger (R20). */
const largeAnswerBytesMin = 4 * 1024 * 1024;

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
