/**
 * How a member learns who waits at a raft address, and tells it that it was admitted (R25): the
 * operator names an address, not a data directory. Served by every node, also without a cluster.
 */
import { CodecError } from '@cashe/codec';
import { AdmitRequest, AdmitResponse, IntroduceRequest, IntroduceResponse } from '@cashe/proto';
import { type handleUnaryCall, status } from '@grpc/grpc-js';
import { errorText } from '../net/errors.js';
import { type AddressAnswer, answererProblem, callAddress } from './address-call.js';
import { tryDecode } from './errors.js';
import type { TransportOptions } from './options.js';
import { asBuffer } from './raft-codec.js';
import { malformed, type UnaryMethod } from './service.js';

export type Introducing = Readonly<IntroduceRequest>;
export type Introduced = Readonly<IntroduceResponse>;
export type Admitting = Readonly<AdmitRequest>;

export interface IntroductionHandler {
  onIntroduce(request: Introducing): Introduced;
  /** Resolves once it is durable here; rejects with why it is refused. */
  onAdmit(request: Admitting): Promise<void>;
}

/** Nobody answered, or the answer was no; the message says why. */
export class IntroductionError extends Error {
  override readonly name = 'IntroductionError';
}

export async function introduce(
  options: TransportOptions,
  address: string,
  request: Introducing,
  timeoutMs: number,
): Promise<Introduced> {
  const bytes = asBuffer(IntroduceRequest.encode({ ...request }).finish());
  const response = await ask(options, address, 'introduce', bytes, timeoutMs);
  const introduced = decoded(() => IntroduceResponse.decode(response.bytes));
  const problem = answererProblem(response, introduced.nodeId);
  if (problem !== undefined) throw new IntroductionError(problem);
  return introduced;
}

export async function admitAt(
  options: TransportOptions,
  address: string,
  request: Admitting,
  timeoutMs: number,
): Promise<void> {
  const bytes = asBuffer(AdmitRequest.encode({ ...request }).finish());
  await ask(options, address, 'admit', bytes, timeoutMs);
}

async function ask(
  options: TransportOptions,
  address: string,
  method: UnaryMethod,
  request: Buffer,
  timeoutMs: number,
): Promise<AddressAnswer> {
  const response = await callAddress(options, { address, method, request, timeoutMs });
  if (typeof response === 'string') throw new IntroductionError(response);
  return response;
}

function decoded<T>(decode: () => T): T {
  const result = tryDecode(decode);
  if (result instanceof CodecError) throw new IntroductionError(result.message);
  return result;
}

type Served = handleUnaryCall<Buffer, Buffer>;

export function serveIntroduce(handler: () => IntroductionHandler | undefined): Served {
  return (call, callback) => {
    const request = tryDecode(() => IntroduceRequest.decode(call.request));
    if (request instanceof CodecError) {
      callback(malformed(request));
      return;
    }
    const present = handler();
    if (present === undefined) callback(notUp);
    else callback(null, asBuffer(IntroduceResponse.encode(present.onIntroduce(request)).finish()));
  };
}

export function serveAdmit(handler: () => IntroductionHandler | undefined): Served {
  return (call, callback) => {
    const request = tryDecode(() => AdmitRequest.decode(call.request));
    if (request instanceof CodecError) {
      callback(malformed(request));
      return;
    }
    const present = handler();
    if (present === undefined) {
      callback(notUp);
      return;
    }
    present.onAdmit(request).then(
      () => callback(null, asBuffer(AdmitResponse.encode({}).finish())),
      (error: unknown) => callback({ code: status.FAILED_PRECONDITION, details: errorText(error) }),
    );
  };
}

const notUp = { code: status.UNAVAILABLE, details: 'the node is not up to answering yet' };
