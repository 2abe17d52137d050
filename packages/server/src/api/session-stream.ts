/**
 * One Session stream as a state machine, whatever carries it: a gRPC stream of a client or the link
 * of this node's own session. Hello first and once, a window that is kept (R32), an answer for
 * every batch, leaders pushed at once after the hello and on each change (R31).
 */
import { Buffer } from 'node:buffer';
import type { Scheduler, TimerHandle } from '@cashe/client/core';
import {
  CLIENT_NAME_BYTES_MAX,
  type ClientHello,
  Code,
  Outcome,
  type ReadBatch,
  type SessionRequest,
  type SessionResponse,
} from '@cashe/codec';
import type { Calls, HelloView } from '../host/calls.js';
import type { RefusalReason, RefusalReporter } from '../metrics/reporters.js';
import type { BatchObserver } from './batch-observer.js';
import type { CallFailure } from './failure.js';
import type { ApiLimits } from './limits.js';

const sessionProtocolVersion = 1;

/** Where a stream's answers go. */
export interface SessionSink {
  /** Bytes given to `send` and not yet taken by the client. */
  readonly bufferedBytes: number;
  send(response: SessionResponse): void;
  /** Ends the stream after what was sent; `undefined`: as the client asked. */
  end(failure: CallFailure | undefined): void;
  /** Ends the stream now and drops what was not taken. */
  reset(failure: CallFailure): void;
}

/** Bytes of ops in flight over all streams of this node. */
export interface SharedLoad {
  bytes: number;
}

export type SessionLimits = Pick<
  ApiLimits,
  | 'batchesMax'
  | 'bytesMax'
  | 'totalBytesMax'
  | 'helloMs'
  | 'batchDeadlineMsMax'
  | 'readsInFlightMax'
  | 'outputPauseBytes'
  | 'outputBytesMax'
>;

interface SessionStreamOptions {
  readonly calls: Calls;
  readonly principal: string;
  readonly limits: SessionLimits;
  readonly load: SharedLoad;
  readonly scheduler: Scheduler;
  readonly sink: SessionSink;
  /** Absent for the node's own sessions: their calls are counted where they come in. */
  readonly observer?: BatchObserver | undefined;
  readonly refusals?: RefusalReporter | undefined;
  /** Called once, when the stream is over for whatever reason. */
  readonly onClosed: () => void;
}

type Batch = Exclude<SessionRequest, ClientHello>;
/** How the node ends a stream, and answers batches that still come. */
interface Ending {
  readonly code: CallFailure['code'];
  readonly refusal: Code;
  readonly message: string;
}

interface WaitingRead {
  readonly batch: ReadBatch;
  readonly answer: (answer: SessionResponse) => void;
}

type State = 'awaitingHello' | 'open' | 'closed';

export class SessionStream {
  readonly #options: SessionStreamOptions;
  readonly #helloTimer: TimerHandle;
  #state: State = 'awaitingHello';
  #bytesMax = 0;
  #batchesInFlight = 0;
  #bytesInFlight = 0;
  #readsInFlight = 0;
  /** Reads that wait for others to be answered or taken; bounded by the window. */
  #waitingReads: WaitingRead[] = [];
  #isStartingReads = false;
  /** No further batches: the client half-closed, or the node ends the stream. */
  #isEnding = false;
  /** Why the node ends it once what is in flight is answered. */
  #ending: Ending | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(options: SessionStreamOptions) {
    this.#options = options;
    const { helloMs } = options.limits;
    this.#helloTimer = options.scheduler.schedule(helloMs, () => {
      this.#refused('helloTimeout');
      this.fail('DEADLINE_EXCEEDED', `no hello within ${helloMs} ms`);
    });
  }

  receive(request: SessionRequest): void {
    if (this.#state === 'closed') return;
    if (request.kind === 'hello') {
      if (this.#state === 'open') this.fail('INVALID_ARGUMENT', 'a second hello; one is allowed');
      else this.#onHello(request);
    } else if (this.#state === 'awaitingHello') {
      this.fail('INVALID_ARGUMENT', `the first message is ${request.kind}; it must be hello`);
    } else {
      this.#onBatch(request);
    }
  }

  /** The client will send nothing more; what is in flight is still answered. */
  halfClosed(): void {
    this.#isEnding = true;
    this.#maybeEnd();
  }

  /** The node is stopping: refuse what comes, answer what is in flight, then end. */
  drain(): void {
    this.#endAfterAnswers({ code: 'UNAVAILABLE', refusal: Code.UNAVAILABLE, message: stopping });
  }

  /** The same because its connection has become too old: the client makes another one. */
  retire(): void {
    this.#endAfterAnswers({ code: 'UNAVAILABLE', refusal: Code.UNAVAILABLE, message: tooOld });
  }

  /** The same because the client's credentials count no longer, for the reason given. */
  revoke(message: string): void {
    const refusal = Code.PERMISSION_DENIED;
    this.#endAfterAnswers({ code: 'UNAUTHENTICATED', refusal, message });
  }

  #endAfterAnswers(ending: Ending): void {
    this.#ending ??= ending;
    this.#isEnding = true;
    this.#maybeEnd();
  }

  /** The client took some of the output. */
  drained(): void {
    this.#startReads();
  }

  /** Ends the stream because of something the client did. */
  fail(code: CallFailure['code'], message: string): void {
    if (this.#state === 'closed') return;
    const failure = this.#failure(code, message);
    this.closed();
    this.#options.sink.end(failure);
  }

  /** The stream is gone: answers still to come are dropped. */
  closed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#options.scheduler.cancel(this.#helloTimer);
    this.#unsubscribe?.();
    for (const { batch } of this.#waitingReads) this.#options.load.bytes -= bytesOf(batch);
    this.#waitingReads = [];
    this.#options.onClosed();
  }

  #onHello(client: ClientHello): void {
    const { calls, limits, scheduler } = this.#options;
    const hello = calls.hello();
    if (this.#ending !== undefined) {
      this.fail(this.#ending.code, this.#ending.message);
    } else if (hello === undefined) {
      this.fail('UNAVAILABLE', notInCluster(calls));
    } else if (!client.protocolVersions.includes(sessionProtocolVersion)) {
      const theirs = client.protocolVersions.slice(0, versionsShownMax).join(', ') || 'none';
      const message = `protocol versions ${theirs}; this node speaks ${sessionProtocolVersion}`;
      this.fail('INVALID_ARGUMENT', message);
    } else if (client.clusterId !== '' && client.clusterId !== hello.clusterId) {
      const message = `this node belongs to cluster ${hello.clusterId}, not ${client.clusterId}`;
      this.fail('CLUSTER_MISMATCH', message);
    } else if (Buffer.byteLength(client.clientName) > CLIENT_NAME_BYTES_MAX) {
      const message = `clientName is longer than ${CLIENT_NAME_BYTES_MAX} bytes`;
      this.fail('INVALID_ARGUMENT', message);
    } else {
      scheduler.cancel(this.#helloTimer);
      this.#state = 'open';
      // One batch must always fit into the window.
      this.#bytesMax = Math.max(limits.bytesMax, hello.limits.batchBytesMax);
      this.#greet(hello);
    }
  }

  #greet(hello: HelloView): void {
    const { calls, limits } = this.#options;
    this.#emit({
      kind: 'hello',
      protocolVersion: sessionProtocolVersion,
      clusterId: hello.clusterId,
      nodeId: hello.nodeId,
      nodeUid: hello.nodeUid,
      groupCount: hello.groupCount,
      batchesMax: limits.batchesMax,
      bytesMax: this.#bytesMax,
      limits: hello.limits,
      settingsHash: hello.settingsHash,
    });
    for (const leader of calls.leaders()) this.#emit(leader);
    if (this.#state !== 'open') return;
    this.#unsubscribe = calls.onLeader((leader) => this.#emit(leader));
    this.#maybeEnd();
  }

  #onBatch(batch: Batch): void {
    const bytes = bytesOf(batch);
    const { limits, load } = this.#options;
    if (this.#batchesInFlight + 1 > limits.batchesMax) {
      const message = `more than the ${limits.batchesMax} batches in flight that hello granted`;
      this.#refused('window');
      this.fail('RESOURCE_EXHAUSTED', message);
    } else if (this.#bytesInFlight + bytes > this.#bytesMax) {
      const message = `more than the ${this.#bytesMax} bytes in flight that hello granted`;
      this.#refused('window');
      this.fail('RESOURCE_EXHAUSTED', message);
    } else if (this.#ending !== undefined) {
      this.#refused('draining');
      this.#emit(refusal(batch, this.#ending.refusal, this.#ending.message));
    } else if (load.bytes + bytes > limits.totalBytesMax) {
      const message = `${limits.totalBytesMax} bytes of ops are in flight on this node`;
      this.#refused('bytesInFlight');
      this.#emit(refusal(batch, Code.BUSY, message));
    } else {
      this.#batchesInFlight += 1;
      this.#bytesInFlight += bytes;
      load.bytes += bytes;
      this.#execute(batch, bytes);
    }
  }

  #execute(received: Batch, bytes: number): void {
    const { calls, principal, observer } = this.#options;
    const observed = observer?.begin(received);
    const batch = observed?.batch ?? received;
    const answer = (response: SessionResponse): void => {
      observed?.ended(response);
      this.#answered(response, bytes);
    };
    if (batch.kind === 'write') {
      calls.write(this.#withinDeadline(batch), principal, answer);
    } else if (batch.kind === 'open') {
      calls.open(this.#withinDeadline(batch), principal, answer);
    } else if (batch.kind === 'close') {
      calls.close(batch, principal, answer);
    } else {
      this.#waitingReads.push({ batch: this.#withinDeadline(batch), answer });
      this.#startReads();
    }
  }

  /** Answers to reads may be large: few at a time, and none while the client takes nothing. */
  #startReads(): void {
    // An answer that comes at once (a stale read, a refusal) asks for the next in this loop.
    if (this.#isStartingReads) return;
    this.#isStartingReads = true;
    const { calls, principal, limits, sink } = this.#options;
    while (
      this.#waitingReads.length > 0 &&
      this.#readsInFlight < limits.readsInFlightMax &&
      sink.bufferedBytes <= limits.outputPauseBytes
    ) {
      const read = this.#waitingReads.shift();
      if (read === undefined) break;
      this.#readsInFlight += 1;
      calls.read(read.batch, principal, (answer) => {
        this.#readsInFlight -= 1;
        read.answer(answer);
        this.#startReads();
      });
    }
    this.#isStartingReads = false;
  }

  #withinDeadline<T extends { readonly remainingMs: number }>(batch: T): T {
    const { batchDeadlineMsMax } = this.#options.limits;
    if (batch.remainingMs <= batchDeadlineMsMax) return batch;
    return { ...batch, remainingMs: batchDeadlineMsMax };
  }

  #answered(response: SessionResponse, bytes: number): void {
    // The node held the bytes until now, also when the stream ended meanwhile.
    this.#options.load.bytes -= bytes;
    if (this.#state === 'closed') return;
    this.#batchesInFlight -= 1;
    this.#bytesInFlight -= bytes;
    this.#emit(response);
    this.#maybeEnd();
  }

  #emit(response: SessionResponse): void {
    if (this.#state === 'closed') return;
    const { sink, limits } = this.#options;
    sink.send(response);
    if (sink.bufferedBytes <= limits.outputBytesMax) return;
    const message = `more than ${limits.outputBytesMax} bytes of answers were not taken`;
    this.#refused('slowReader');
    const failure = this.#failure('RESOURCE_EXHAUSTED', message);
    this.closed();
    sink.reset(failure);
  }

  #refused(reason: RefusalReason): void {
    this.#options.refusals?.refused(reason);
  }

  #maybeEnd(): void {
    if (!this.#isEnding || this.#state === 'closed' || this.#batchesInFlight > 0) return;
    const ending = this.#ending;
    const failure = ending && this.#failure(ending.code, ending.message);
    this.closed();
    this.#options.sink.end(failure);
  }

  /** What is in flight may still execute; nothing in flight means that nothing was lost (R29). */
  #failure(code: CallFailure['code'], message: string): CallFailure {
    const outcome = this.#batchesInFlight > 0 ? 'unknown' : 'notCommitted';
    return { code, outcome, message };
  }
}

const stopping = 'this node is stopping; use another one';
const tooOld = 'this connection has reached its maximum age: connect again';
const versionsShownMax = 8;

export function notInCluster(calls: Calls): string {
  const { waitingFor } = calls.status();
  return `this node does not serve yet${waitingFor === '' ? '' : `; it waits for ${waitingFor}`}`;
}

/** What counts against the window. */
function bytesOf(batch: Batch): number {
  return batch.kind === 'write' || batch.kind === 'read' ? batch.ops.length : 0;
}

/** Nothing was done; the client may send it again, here or elsewhere. */
function refusal(batch: Batch, code: Code, message: string): SessionResponse {
  const { transmission } = batch;
  switch (batch.kind) {
    case 'write': {
      const outcome = Outcome.NOT_COMMITTED;
      const rest = { firstRevision: 0, exceptions: [] };
      return { kind: 'write', transmission, code, outcome, message, ...rest };
    }
    case 'read':
      return { kind: 'read', transmission, code, message, revision: 0, ageMs: 0, results: [] };
    default:
      return { kind: 'session', transmission, code, message, session: 0 };
  }
}
