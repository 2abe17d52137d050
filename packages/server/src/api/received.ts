/**
 * Requests that cannot be decoded. grpc-js answers INTERNAL when a deserializer throws; ours return
 * what is wrong instead, and the handler refuses the call as what it is: an invalid argument.
 */
import type { MethodDefinition } from '@grpc/grpc-js';
import { errorText } from '../net/errors.js';

export type Received<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** The generated definition of a method, with a deserializer that does not throw. */
export function receiving<Request, Response>(
  definition: MethodDefinition<Request, Response>,
  decode: (bytes: Buffer) => Request = definition.requestDeserialize,
): MethodDefinition<Received<Request>, Response> {
  return {
    path: definition.path,
    requestStream: definition.requestStream,
    responseStream: definition.responseStream,
    requestSerialize: serializesNoRequest,
    requestDeserialize: (bytes) => receive(bytes, decode),
    responseSerialize: definition.responseSerialize,
    responseDeserialize: definition.responseDeserialize,
  };
}

export function receive<T>(bytes: Buffer, decode: (bytes: Buffer) => T): Received<T> {
  try {
    return { ok: true, value: decode(bytes) };
  } catch (error) {
    return { ok: false, problem: `the request is malformed: ${errorText(error)}` };
  }
}

/** Definitions made here serve; they are never used to call. */
function serializesNoRequest(): never {
  throw new Error('a server does not serialize requests');
}
