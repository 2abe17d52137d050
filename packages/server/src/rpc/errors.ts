import { CodecError } from '@cashe/codec';
import type { status } from '@grpc/grpc-js';
import { errorText } from '../net/errors.js';

/** Why a call of a peer is not served; sent as the gRPC status. */
export interface Refusal {
  readonly code: status;
  readonly details: string;
}

/** Runs a generated decoder, which throws errors of several kinds. */
export function tryDecode<T>(decode: () => T): T | CodecError {
  try {
    return decode();
  } catch (error) {
    return new CodecError(errorText(error));
  }
}
