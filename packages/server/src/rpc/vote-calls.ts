/** RequestVote and TimeoutNow as unary calls; the answer of the replica comes some turns later. */
import { CodecError } from '@cashe/codec';
import {
  type PeerHello,
  TimeoutNowRequest as TimeoutNow,
  TimeoutNowResponse as TimeoutNowAnswer,
  RequestVoteRequest as VoteRequest,
  RequestVoteResponse as VoteResponse,
} from '@cashe/proto';
import type {
  GoneNotice,
  Message,
  ReplicaId,
  RequestVoteRequest,
  RequestVoteResponse,
  TimeoutNowRequest,
} from '@cashe/raft';
import { type Client, type handleUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import type { TimerHandle } from '../host/ports.js';
import { type Admission, isRefusal } from './admission.js';
import { tryDecode } from './errors.js';
import { shownName } from './hello.js';
import type { TransportOptions } from './options.js';
import { asBuffer } from './raft-codec.js';
import { callUnary, malformed } from './service.js';

type OnMessage = (group: number, message: Message) => void;

/** Asks for a vote; the answer, if one comes in time, goes to `onMessage`. */
export function requestVote(
  client: Client,
  hello: PeerHello,
  group: number,
  request: RequestVoteRequest,
  timeoutMs: number,
  onMessage: OnMessage,
): void {
  const { from, to, term, preVote, lastLogIndex, lastLogTerm, leadershipTransfer } = request;
  const head = { hello, group, from, to, term };
  const wire = { ...head, preVote, lastLogIndex, lastLogTerm, leadershipTransfer };
  const bytes = asBuffer(VoteRequest.encode(wire).finish());
  callUnary(client, 'requestVote', bytes, timeoutMs, (error, answer) => {
    if (error !== null || answer === undefined) return; // As good as lost: Raft asks again.
    const message = readVoteAnswer(request, answer);
    if (message !== undefined) onMessage(group, message);
  });
}

/** undefined when the answer cannot be read, which is as good as lost. */
function readVoteAnswer(
  request: RequestVoteRequest,
  bytes: Buffer,
): RequestVoteResponse | GoneNotice | undefined {
  const answer = tryDecode(() => VoteResponse.decode(bytes));
  if (answer instanceof CodecError) return undefined;
  const { term, voteGranted, clusterTimeMs, clusterTimeTerm, gone } = answer;
  const from = request.to;
  const to = request.from;
  if (gone) return { kind: 'goneNotice', from, to, term };
  return {
    kind: 'requestVoteResponse',
    from,
    to,
    term,
    preVote: request.preVote,
    voteGranted,
    requestTerm: request.term,
    clusterTime: clusterTimeMs,
    clusterTimeTerm,
  };
}

/** Asks for a campaign at once; whether it arrived shows in the election. */
export function timeoutNow(
  client: Client,
  hello: PeerHello,
  group: number,
  request: TimeoutNowRequest,
  timeoutMs: number,
): void {
  const { from, to, term } = request;
  const bytes = asBuffer(TimeoutNow.encode({ hello, group, from, to, term }).finish());
  callUnary(client, 'timeoutNow', bytes, timeoutMs, () => undefined);
}

/** A vote request that waits for the replica's decision. */
interface PendingVote {
  readonly group: number;
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly timer: TimerHandle;
  readonly callback: sendUnaryData<Buffer>;
}

/** Incoming RequestVote and TimeoutNow calls. */
export class VoteServer {
  readonly #options: TransportOptions;
  readonly #admission: Admission;
  readonly #mayCarry: (nodeUid: string, from: ReplicaId) => boolean;
  /** By what identifies a campaign; bounded by pendingVotesMax. */
  readonly #pending = new Map<string, PendingVote>();

  constructor(
    options: TransportOptions,
    admission: Admission,
    mayCarry: (nodeUid: string, from: ReplicaId) => boolean,
  ) {
    this.#options = options;
    this.#admission = admission;
    this.#mayCarry = mayCarry;
  }

  readonly onRequestVote: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
    const request = tryDecode(() => VoteRequest.decode(call.request));
    if (request instanceof CodecError) {
      callback(malformed(request));
      return;
    }
    const { group, from, to, term, preVote, lastLogIndex, lastLogTerm } = request;
    const onMessage = this.#admit(request, call, callback);
    if (onMessage === undefined) return;
    const key = keyOf(group, from, to, term, preVote);
    this.#settle(key, { code: status.ABORTED, details: 'asked again' });
    if (this.#pending.size >= this.#options.limits.pendingVotesMax) {
      callback({ code: status.RESOURCE_EXHAUSTED, details: 'too many vote requests' });
      return;
    }
    const late = { code: status.DEADLINE_EXCEEDED, details: 'the replica did not answer' };
    const { limits, scheduler } = this.#options;
    const timer = scheduler.after(limits.voteAnswerTimeoutMs, () => this.#settle(key, late));
    this.#pending.set(key, { group, from, to, timer, callback });
    const { leadershipTransfer } = request;
    const campaign = { preVote, lastLogIndex, lastLogTerm, leadershipTransfer };
    onMessage(group, { kind: 'requestVoteRequest', from, to, term, ...campaign });
  };

  readonly onTimeoutNow: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
    const request = tryDecode(() => TimeoutNow.decode(call.request));
    if (request instanceof CodecError) {
      callback(malformed(request));
      return;
    }
    const onMessage = this.#admit(request, call, callback);
    if (onMessage === undefined) return;
    const { group, from, to, term } = request;
    onMessage(group, { kind: 'timeoutNowRequest', from, to, term });
    callback(null, asBuffer(TimeoutNowAnswer.encode({}).finish()));
  };

  /** Hands the replica's decision to the node that asked; false when nobody waits for it. */
  answer(group: number, message: RequestVoteResponse): boolean {
    const { from, to, requestTerm, preVote, term, voteGranted, clusterTimeTerm } = message;
    const key = keyOf(group, to, from, requestTerm, preVote);
    const clusterTimeMs = message.clusterTime;
    return this.#complete(key, { term, voteGranted, clusterTimeMs, clusterTimeTerm, gone: false });
  }

  /** Tells a candidate that it is no member any more; false when it did not ask for a vote. */
  answerGone(group: number, message: GoneNotice): boolean {
    const { to, term } = message;
    let found = false;
    for (const [key, vote] of this.#pending) {
      // Whichever replica was asked: it may be this node's of before a rejoin.
      if (vote.group !== group || vote.from !== to) continue;
      const none = { clusterTimeMs: 0, clusterTimeTerm: 0 };
      const gone = { term, voteGranted: false, ...none, gone: true };
      found = this.#complete(key, gone) || found;
    }
    return found;
  }

  /** Ends what waits. */
  close(): void {
    const stopping = { code: status.UNAVAILABLE, details: 'the node is stopping' };
    for (const key of [...this.#pending.keys()]) this.#settle(key, stopping);
  }

  /** Where the message of an admitted sender goes; otherwise the call is answered. */
  #admit(
    request: VoteRequest | TimeoutNow,
    call: object,
    callback: sendUnaryData<Buffer>,
  ): OnMessage | undefined {
    const verdict = this.#admission.admit(request.hello, call);
    if (isRefusal(verdict)) {
      callback(verdict);
      return undefined;
    }
    const { from, to, hello } = request;
    if (from === 0 || to === 0 || !this.#mayCarry(hello?.nodeUid ?? '', from)) {
      const details = `replica ${from} is not of node ${shownName(hello?.nodeId ?? '')}`;
      callback({ code: status.FAILED_PRECONDITION, details });
      return undefined;
    }
    return (group, message) => verdict.handler.onMessage(group, message);
  }

  #complete(key: string, response: VoteResponse): boolean {
    const vote = this.#pending.get(key);
    if (vote === undefined) return false;
    this.#pending.delete(key);
    vote.timer.cancel();
    vote.callback(null, asBuffer(VoteResponse.encode(response).finish()));
    return true;
  }

  #settle(key: string, refusal: { readonly code: status; readonly details: string }): void {
    const vote = this.#pending.get(key);
    if (vote === undefined) return;
    this.#pending.delete(key);
    vote.timer.cancel();
    vote.callback(refusal);
  }
}

function keyOf(
  group: number,
  from: ReplicaId,
  to: ReplicaId,
  term: number,
  preVote: boolean,
): string {
  return `${group}/${from}/${to}/${term}/${preVote}`;
}
