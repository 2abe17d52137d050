/** What may not happen to an input: every one has a typed answer, or its connection ends. */
import type { CallEnd, GrpcStatus } from './grpc-port.js';
import type { BytesEnd } from './raw-port.js';

const unknownStatus = 2;
const internalStatus = 13;
const internalErrorReset = 2;

/** gRPC's own answers to what its specification calls an internal error (compression, timeout). */
const specified: readonly RegExp[] = [/^Failed to decompress/, /^Invalid grpc-timeout value/];

/** What is wrong with how the call ended; undefined when nothing is. */
export function problemOfCall(end: CallEnd): string | undefined {
  switch (end.kind) {
    case 'status':
      return problemOfStatus(end);
    case 'http':
      return end.status >= 500 ? `HTTP status ${end.status}` : undefined;
    case 'reset':
      return end.code === internalErrorReset ? 'reset with INTERNAL_ERROR' : undefined;
    case 'silent':
      return 'no answer in time';
    case 'closed':
    case 'left':
    case 'unsent':
      return undefined;
  }
}

function problemOfStatus({ code, message, casheCode }: GrpcStatus): string | undefined {
  if (code === internalStatus) {
    const text = decodeURI(message);
    return specified.some((one) => one.test(text)) ? undefined : `INTERNAL: ${text}`;
  }
  const isUntyped = code === unknownStatus && casheCode === undefined;
  return isUntyped || Number.isNaN(code) ? `status ${code}: ${message}` : undefined;
}

/** 501, 503 and 505 are typed answers: not implemented, not now, not this version. */
const typedStatuses: readonly string[] = ['501', '503', '505'];

/** HTTP/1 answers are readable; those of HTTP/2 are looked at where calls are made. */
export function problemOfBytes(end: BytesEnd): string | undefined {
  const status = /HTTP\/1\.[01] (5[0-9]{2})/.exec(end.answer)?.[1];
  if (status === undefined || typedStatuses.includes(status)) return undefined;
  return `HTTP status ${status}: ${end.answer}`;
}

export function nameOfEnd(end: CallEnd): string {
  switch (end.kind) {
    case 'status':
      return `status ${end.code}`;
    case 'http':
      return `HTTP ${end.status}`;
    case 'reset':
      return `reset ${end.code}`;
    default:
      return end.kind;
  }
}
