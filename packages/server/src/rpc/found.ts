/**
 * How founders find each other before there is a cluster (R25). Records travel and are kept as the
 * bytes their first founder wrote, so that all nodes hold equal ones whatever release they run.
 */
import { CodecError, createReader, createWriter } from '@cashe/codec';
import { type handleUnaryCall, status } from '@grpc/grpc-js';
import { answererProblem, callAddress } from './address-call.js';
import { tryDecode } from './errors.js';
import type { TransportOptions } from './options.js';
import { callerProblem, type PeerMaterial } from './peer-tls.js';
import { asBuffer } from './raft-codec.js';
import { malformed } from './service.js';

export interface FoundRequest {
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly foundersHash: string;
  /** Encoded GenesisRecord, handed over by the first founder. */
  readonly genesis: Uint8Array | undefined;
}

export interface FoundAnswer {
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly blank: boolean;
  readonly foundersHash: string;
  /** Encoded GenesisRecord. */
  readonly genesis: Uint8Array | undefined;
  readonly joining: boolean;
}

/** Answers founders; set by genesis, before and after the node belongs to a cluster. */
export interface FoundHandler {
  onFound(request: FoundRequest): FoundAnswer;
}

/** Why a founder gave no answer, in plain words; asking again later is the remedy. */
export class FounderUnreachableError extends Error {
  override readonly name = 'FounderUnreachableError';
}

export async function askFounder(
  options: TransportOptions,
  address: string,
  request: FoundRequest,
  timeoutMs: number,
): Promise<FoundAnswer> {
  const bytes = encodeFoundRequest(request);
  const call = { address, method: 'found', request: bytes, timeoutMs } as const;
  const response = await callAddress(options, call);
  if (typeof response === 'string') throw new FounderUnreachableError(response);
  const answer = tryDecode(() => decodeFoundAnswer(response.bytes));
  if (answer instanceof CodecError) throw new FounderUnreachableError(answer.message);
  const problem = answererProblem(response, answer.nodeId);
  if (problem !== undefined) throw new FounderUnreachableError(problem);
  return answer;
}

/** Serves Found with whatever handler is set now. */
export function serveFound(
  handler: () => FoundHandler | undefined,
  material: PeerMaterial,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const request = tryDecode(() => decodeFoundRequest(call.request));
    if (request instanceof CodecError) {
      callback(malformed(request));
      return;
    }
    const problem = callerProblem(material, call, request.nodeId);
    if (problem !== undefined) {
      callback({ code: status.PERMISSION_DENIED, details: problem });
      return;
    }
    const present = handler();
    if (present === undefined) {
      callback({ code: status.UNAVAILABLE, details: 'the node is not up to answering yet' });
      return;
    }
    callback(null, encodeFoundAnswer(present.onFound(request)));
  };
}

export function encodeFoundRequest(request: FoundRequest): Buffer {
  const writer = createWriter();
  writer.string(1, request.nodeId);
  writer.string(2, request.nodeUid);
  writer.string(3, request.foundersHash);
  if (request.genesis !== undefined) writer.bytesAlways(4, request.genesis);
  return asBuffer(writer.finish());
}

export function decodeFoundRequest(bytes: Uint8Array): FoundRequest {
  const reader = createReader(bytes);
  let nodeId = '';
  let nodeUid = '';
  let foundersHash = '';
  let genesis: Uint8Array | undefined;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x0a) nodeId = reader.string();
    else if (tag === 0x12) nodeUid = reader.string();
    else if (tag === 0x1a) foundersHash = reader.string();
    else if (tag === 0x22) genesis = new Uint8Array(reader.view());
    else reader.skip(tag);
  }
  return { nodeId, nodeUid, foundersHash, genesis };
}

export function encodeFoundAnswer(answer: FoundAnswer): Buffer {
  const writer = createWriter();
  writer.string(1, answer.nodeId);
  writer.string(2, answer.nodeUid);
  writer.bool(3, answer.blank);
  writer.string(4, answer.foundersHash);
  if (answer.genesis !== undefined) writer.bytesAlways(5, answer.genesis);
  writer.bool(6, answer.joining);
  return asBuffer(writer.finish());
}

export function decodeFoundAnswer(bytes: Uint8Array): FoundAnswer {
  const reader = createReader(bytes);
  let nodeId = '';
  let nodeUid = '';
  let blank = false;
  let foundersHash = '';
  let genesis: Uint8Array | undefined;
  let joining = false;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x0a) nodeId = reader.string();
    else if (tag === 0x12) nodeUid = reader.string();
    else if (tag === 0x18) blank = reader.bool();
    else if (tag === 0x22) foundersHash = reader.string();
    else if (tag === 0x2a) genesis = new Uint8Array(reader.view());
    else if (tag === 0x30) joining = reader.bool();
    else reader.skip(tag);
  }
  return { nodeId, nodeUid, blank, foundersHash, genesis, joining };
}
