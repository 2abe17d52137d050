import { CodecError } from '@cashe/codec';
import type { status } from '@grpc/grpc-js';

/** Thrown by `bind` when another process holds the address. */
export class AddressInUseError extends Error {
  override readonly name = 'AddressInUseError';
  readonly address: string;

  constructor(address: string, cause: Error) {
    super(`${address} is in use by another process`, { cause });
    this.address = address;
  }
}

/** Thrown by `bind` for every other reason. */
export class BindError extends Error {
  override readonly name = 'BindError';
  readonly address: string;

  constructor(address: string, cause: Error) {
    super(`cannot listen on ${address}: ${cause.message}`, { cause });
    this.address = address;
  }
}

/** Why a call of a peer is not served; sent as the gRPC status. */
export interface Refusal {
  readonly code: status;
  readonly details: string;
}

/** The text of whatever was thrown; Node's own errors need not be instances of our Error. */
export function errorText(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) {
    return String(error.message);
  }
  return String(error);
}

/** Runs a generated decoder, which throws errors of several kinds. */
export function tryDecode<T>(decode: () => T): T | CodecError {
  try {
    return decode();
  } catch (error) {
    return new CodecError(errorText(error));
  }
}
