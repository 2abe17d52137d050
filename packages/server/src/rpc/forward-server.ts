import { CodecError, decodeForwardRequest, encodeForwardResponse } from '@cashe/codec';
import { PeerHello } from '@cashe/proto';
import { status } from '@grpc/grpc-js';
import type { ForwardedAnswer, ForwardedCall, TimerHandle } from '../host/ports.js';
import { type Admission, isRefusal, type PeerHandler } from './admission.js';
import { type Refusal, tryDecode } from './errors.js';
import {
  decodeAdminCall,
  encodeForwardedAnswer,
  remainingMsOf,
  transmissionOf,
} from './forward-codec.js';
import type { TransportOptions } from './options.js';
import { asBuffer } from './raft-codec.js';
import { type IncomingStream, malformed, refuseStream } from './service.js';

/** The Forward streams other nodes opened. */
export class ForwardServer {
  readonly #options: TransportOptions;
  readonly #admission: Admission;
  readonly #streams = new Set<ForwardStream>();

  constructor(options: TransportOptions, admission: Admission) {
    this.#options = options;
    this.#admission = admission;
  }

  accept(call: IncomingStream): void {
    if (this.#streams.size >= this.#options.limits.incomingStreamsMax) {
      call.on('error', () => undefined);
      refuseStream(call, { code: status.RESOURCE_EXHAUSTED, details: 'too many streams' });
      return;
    }
    const stream = new ForwardStream(this.#options, this.#admission, call, () => {
      this.#streams.delete(stream);
    });
    this.#streams.add(stream);
  }

  close(): void {
    const stopping = { code: status.UNAVAILABLE, details: 'the node is stopping' };
    for (const stream of [...this.#streams]) stream.refuse(stopping);
  }
}

/** One stream: calls in, answers out, both bounded. */
class ForwardStream {
  readonly #options: TransportOptions;
  readonly #admission: Admission;
  readonly #call: IncomingStream;
  readonly #onEnded: () => void;
  readonly #helloTimer: TimerHandle;
  #handler: PeerHandler | undefined;
  #inFlight = 0;
  #answerBytes = 0;
  #ended = false;

  constructor(
    options: TransportOptions,
    admission: Admission,
    call: IncomingStream,
    onEnded: () => void,
  ) {
    this.#options = options;
    this.#admission = admission;
    this.#call = call;
    this.#onEnded = onEnded;
    this.#helloTimer = options.scheduler.after(options.limits.helloTimeoutMs, () =>
      this.refuse({ code: status.DEADLINE_EXCEEDED, details: 'no hello in time' }),
    );
    call.on('data', (bytes: Buffer) => this.#onRequest(bytes));
    call.on('error', () => undefined); // The end is seen by 'cancelled'.
    call.on('cancelled', () => this.#end());
    call.on('end', () => {
      this.#end();
      call.end();
    });
  }

  refuse(refusal: Refusal): void {
    if (this.#ended) return;
    this.#end();
    refuseStream(this.#call, refusal);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#helloTimer.cancel();
    this.#onEnded();
  }

  #onRequest(bytes: Buffer): void {
    if (this.#ended) return;
    const request = tryDecode(() => decodeRequest(bytes));
    if (request instanceof CodecError) {
      this.refuse(malformed(request));
    } else if ('hello' in request) {
      this.#onHello(request.hello);
    } else if (this.#handler === undefined) {
      const details = 'the first message carries no hello';
      this.refuse({ code: status.INVALID_ARGUMENT, details });
    } else {
      this.#onCall(this.#handler, request.transmission, request.call);
    }
  }

  #onHello(hello: PeerHello): void {
    this.#helloTimer.cancel();
    const verdict = this.#admission.admit(hello, this.#call);
    if (isRefusal(verdict)) {
      this.refuse(verdict);
      return;
    }
    this.#handler = verdict.handler;
    const answer = PeerHello.encode(this.#admission.hello(hello.nodeId)).finish();
    this.#call.write(asBuffer(encodeForwardResponse({ kind: 'hello', hello: answer })));
  }

  #onCall(handler: PeerHandler, transmission: number, call: ForwardedCall): void {
    const { forwardsInFlightMax, forwardMsMax } = this.#options.limits;
    this.#inFlight++;
    if (this.#inFlight >= forwardsInFlightMax) this.#call.pause();
    let answered = false;
    handler.onForwarded(withinDeadline(call, forwardMsMax), (answer) => {
      if (answered) return;
      answered = true;
      this.#inFlight--;
      if (this.#inFlight < forwardsInFlightMax && this.#call.isPaused()) this.#call.resume();
      this.#answer(transmission, answer);
    });
  }

  #answer(transmission: number, answer: ForwardedAnswer): void {
    if (this.#ended) return;
    const frame = encodeForwardedAnswer(answer, transmission);
    this.#answerBytes += frame.length;
    if (this.#answerBytes > this.#options.limits.forwardAnswerBytesMax) {
      const details = 'the peer does not take its answers';
      this.refuse({ code: status.RESOURCE_EXHAUSTED, details });
      return;
    }
    this.#call.write(frame, () => {
      this.#answerBytes -= frame.length;
    });
  }
}

type Decoded =
  | { readonly hello: PeerHello }
  | { readonly transmission: number; readonly call: ForwardedCall };

function decodeRequest(bytes: Buffer): Decoded {
  const request = decodeForwardRequest(bytes);
  if (request.kind === 'hello') return { hello: PeerHello.decode(request.hello) };
  if (request.kind === 'admin') return decodeAdminCall(request.admin);
  return { transmission: transmissionOf(request), call: request };
}

/** The call, with a caller that waits for `msMax` at most; a close has a deadline of the host's. */
function withinDeadline(call: ForwardedCall, msMax: number): ForwardedCall {
  const remainingMs = remainingMsOf(call);
  if (remainingMs === undefined || remainingMs <= msMax) return call;
  switch (call.kind) {
    case 'write':
      return { ...call, batch: { ...call.batch, remainingMs: msMax } };
    case 'read':
      return { ...call, batch: { ...call.batch, remainingMs: msMax } };
    case 'open':
      return { ...call, open: { ...call.open, remainingMs: msMax } };
    case 'admin':
      return { ...call, remainingMs: msMax };
    case 'close':
      return call;
  }
}
