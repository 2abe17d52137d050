import { isUtf8 } from 'node:buffer';
import { CasheError } from './core/index.js';

/** How values come out: as text, or as the bytes they are. Both go in. */
export type ValueFormat = 'string' | 'bytes';

export type ValueOf<F extends ValueFormat> = F extends 'bytes' ? Uint8Array : string;

const loneSurrogate = /\p{Surrogate}/u;

/** The bytes of a value; of a string its UTF-8. */
export function bytesOf(key: string, value: string | Uint8Array): Uint8Array {
  if (typeof value !== 'string') {
    if (value instanceof Uint8Array) return value;
    throw invalid(key, 'a value is a string or a Uint8Array');
  }
  const bytes = Buffer.from(value, 'utf8');
  // Only a string with characters beyond ASCII can hold a lone surrogate.
  if (bytes.length !== value.length && loneSurrogate.test(value)) {
    throw invalid(key, 'the value has a lone surrogate, which UTF-8 cannot express');
  }
  return bytes;
}

export function textOf(key: string, value: Uint8Array): string {
  if (!isUtf8(value)) {
    throw invalid(key, "the value is not UTF-8 text: ask for it with { as: 'bytes' }");
  }
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
}

/** A value that stays valid on its own and keeps no much larger message in memory. */
export function ownedBytes(value: Uint8Array): Uint8Array {
  if (value.byteLength * 2 >= value.buffer.byteLength) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  return new Uint8Array(value);
}

function invalid(key: string, message: string): CasheError {
  return new CasheError('INVALID_ARGUMENT', message, { outcome: 'notCommitted', key });
}
