// No bytes make a decoder throw anything but a CodecError, hang, or read beyond its input.
import {
  CodecError,
  decodeEntry,
  decodeForwardRequest,
  decodeForwardResponse,
  decodeOps,
  decodeOpsForApply,
  decodeSessionRequest,
  decodeSessionResponse,
  deriveLimits,
  encodeEntry,
  encodeSessionRequest,
  encodeSessionResponse,
  VALUE_BYTES_MAX_MIN,
} from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { damage, entryPayload, sessionRequest, sessionResponse } from './support/arbitraries.js';
import { holds } from './support/holds.js';

const limits = deriveLimits(VALUE_BYTES_MAX_MIN);
const decoders: readonly (readonly [string, (bytes: Uint8Array) => unknown])[] = [
  ['decodeOps of writes', (bytes) => decodeOps(bytes, { kind: 'write', limits })],
  ['decodeOps of reads', (bytes) => decodeOps(bytes, { kind: 'read', limits })],
  ['decodeOpsForApply', (bytes) => decodeOpsForApply(bytes, 1, [])],
  ['decodeEntry', decodeEntry],
  ['decodeSessionRequest', decodeSessionRequest],
  ['decodeSessionResponse', decodeSessionResponse],
  ['decodeForwardRequest', decodeForwardRequest],
  ['decodeForwardResponse', decodeForwardResponse],
];

/** Bytes that look like protobuf more often than chance would have it. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc
    .array(fc.constantFrom(0, 1, 2, 3, 8, 0x0a, 0x10, 0x12, 0x18, 0x1a, 0x22, 0x2a, 0x80, 0xff), {
      maxLength: 60,
    })
    .map((values) => Uint8Array.from(values)),
);

function survives(decode: (bytes: Uint8Array) => unknown, input: Uint8Array): void {
  // The same bytes inside a larger buffer must give the same result: nothing reads beyond them.
  const inside = new Uint8Array(input.length + 16).fill(1);
  inside.set(input, 8);
  expect(outcomeOf(decode, inside.subarray(8, 8 + input.length))).toEqual(outcomeOf(decode, input));
}

function outcomeOf(decode: (bytes: Uint8Array) => unknown, input: Uint8Array): unknown {
  try {
    return decode(input);
  } catch (error) {
    if (error instanceof CodecError) return error.message;
    throw error;
  }
}

describe.each(decoders)('%s', (_, decode) => {
  it('survives any bytes', () => {
    holds(
      fc.property(bytes, (input) => survives(decode, input)),
      { numRuns: 1000 },
    );
  });

  it('survives damaged messages of every kind', () => {
    const message = fc.oneof(
      entryPayload.map(encodeEntry),
      sessionRequest.map(encodeSessionRequest),
      sessionResponse.map(encodeSessionResponse),
    );
    holds(
      fc.property(message, damage, (good, change) => survives(decode, change(good))),
      { numRuns: 300 },
    );
  });
});
