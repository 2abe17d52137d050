/**
 * The Raft service with messages as bytes: what is decoded by hand, and when, is decided by the
 * code that receives it, and bytes that cannot be decoded never reach grpc-js as an exception.
 */
import { RaftService } from '@cashe/proto';
import {
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleUnaryCall,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { errorText } from '../net/errors.js';
import type { Refusal } from './errors.js';

export type OutgoingStream = ClientDuplexStream<Buffer, Buffer>;
export type OutgoingUpload = ClientWritableStream<Buffer>;
export type IncomingStream = ServerDuplexStream<Buffer, Buffer>;
export type IncomingUpload = ServerReadableStream<Buffer, Buffer>;
export type UnaryMethod = 'requestVote' | 'timeoutNow' | 'found' | 'introduce' | 'admit';

/** What the peer server implements. */
export interface RawRaftServer {
  readonly appendEntries: handleBidiStreamingCall<Buffer, Buffer>;
  readonly requestVote: handleUnaryCall<Buffer, Buffer>;
  readonly installSnapshot: handleClientStreamingCall<Buffer, Buffer>;
  readonly timeoutNow: handleUnaryCall<Buffer, Buffer>;
  readonly forward: handleBidiStreamingCall<Buffer, Buffer>;
  readonly found: handleUnaryCall<Buffer, Buffer>;
  readonly introduce: handleUnaryCall<Buffer, Buffer>;
  readonly admit: handleUnaryCall<Buffer, Buffer>;
}

type MethodName = keyof RawRaftServer;

function same(bytes: Buffer): Buffer {
  return bytes;
}

function raw(name: MethodName): MethodDefinition<Buffer, Buffer> {
  const { path, requestStream, responseStream } = RaftService[name];
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

export const rawRaftService: Readonly<Record<MethodName, MethodDefinition<Buffer, Buffer>>> = {
  appendEntries: raw('appendEntries'),
  requestVote: raw('requestVote'),
  installSnapshot: raw('installSnapshot'),
  timeoutNow: raw('timeoutNow'),
  forward: raw('forward'),
  found: raw('found'),
  introduce: raw('introduce'),
  admit: raw('admit'),
};

export function openStream(client: Client, name: 'appendEntries' | 'forward'): OutgoingStream {
  return client.makeBidiStreamRequest(RaftService[name].path, same, same);
}

export function openUpload(
  client: Client,
  done: (error: ServiceError | null, response: Buffer | undefined) => void,
): OutgoingUpload {
  return client.makeClientStreamRequest(RaftService.installSnapshot.path, same, same, done);
}

/** `done` always comes, at the latest after the timeout. */
export function callUnary(
  client: Client,
  name: UnaryMethod,
  request: Buffer,
  timeoutMs: number,
  done: (error: ServiceError | null, response: Buffer | undefined) => void,
): ClientUnaryCall {
  const options: CallOptions = { deadline: Date.now() + timeoutMs };
  return client.makeUnaryRequest(RaftService[name].path, same, same, request, options, done);
}

/** Ends a stream of a peer with an error status; whatever it still sends is thrown away. */
export function refuseStream(call: IncomingStream, refusal: Refusal): void {
  call.removeAllListeners('data');
  call.resume();
  call.emit('error', refusal);
}

/** The refusal for bytes that are not what the protocol says. */
export function malformed(error: unknown): Refusal {
  return { code: status.INVALID_ARGUMENT, details: `malformed: ${errorText(error)}` };
}
