import {
  Code,
  CodecError,
  Consistency,
  decodeSessionRequest,
  decodeSessionResponse,
  encodeSessionRequest,
  encodeSessionResponse,
  Outcome,
  type ReadAnswer,
  type SessionRequest,
  type SessionResponse,
} from '@cashe/codec';
import {
  SessionRequest as GeneratedRequest,
  SessionResponse as GeneratedResponse,
} from '@cashe/proto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { sessionRequest, sessionResponse } from './support/arbitraries.js';
import { asCase } from './support/generated.js';
import { holds } from './support/holds.js';
import { bytesField, bytesOf, hex, numberField, paddedVarint, textField } from './support/raw.js';

const generatedRequest = (message: SessionRequest): Uint8Array =>
  GeneratedRequest.encode(GeneratedRequest.fromPartial({ kind: asCase(message) })).finish();
const generatedResponse = (message: SessionResponse): Uint8Array =>
  GeneratedResponse.encode(GeneratedResponse.fromPartial({ kind: asCase(message) })).finish();

describe('Session messages', () => {
  it('of the client have the bytes of generated code, both ways', () => {
    holds(
      fc.property(sessionRequest, (message) => {
        const expected = generatedRequest(message);
        expect(hex(encodeSessionRequest(message))).toBe(hex(expected));
        expect(decodeSessionRequest(expected)).toEqual(message);
        expect(decodeSessionRequest(Buffer.from(expected))).toEqual(message);
      }),
      { numRuns: 300 },
    );
  });

  it('of the node have the bytes of generated code, both ways', () => {
    holds(
      fc.property(sessionResponse, (message) => {
        const expected = generatedResponse(message);
        expect(hex(encodeSessionResponse(message))).toBe(hex(expected));
        expect(decodeSessionResponse(expected)).toEqual(message);
        expect(decodeSessionResponse(Buffer.from(expected))).toEqual(message);
      }),
      { numRuns: 300 },
    );
  });

  it('do not alias the ops they carry', () => {
    const ops = Buffer.from('abc');
    const open = { kind: 'write', transmission: 1, group: 0, session: 1, sequence: 1 } as const;
    const bytes = encodeSessionRequest({ ...open, firstOutstanding: 1, remainingMs: 1, ops });
    ops.fill(0);
    expect(Buffer.from(bytes).includes('abc')).toBe(true);
  });

  it('with large parts are written at once and in full', () => {
    const results = Array.from({ length: 300 }, (_, index) => ({
      found: true,
      value: new Uint8Array(5000).fill(index),
      revision: index,
      version: 1,
      ttlMs: undefined,
      code: Code.UNSPECIFIED,
      message: '',
    }));
    const base = { kind: 'read', transmission: 1, code: Code.OK, message: '' } as const;
    const answer: ReadAnswer = { ...base, revision: 9, ageMs: 0, results };
    const expected = generatedResponse(answer);
    expect(Buffer.compare(encodeSessionResponse(answer), expected)).toBe(0);
    const copy = encodeSessionResponse(decodeSessionResponse(expected));
    expect(Buffer.compare(copy, expected)).toBe(0);
  });
});

describe('messages from a newer peer', () => {
  const unknown = [
    ...numberField(20, 2n ** 64n - 1n),
    ...textField(21, 'x'),
    ...[0xb1, 1, 1, 2, 3, 4, 5, 6, 7, 8],
    ...[0xbd, 1, 1, 2, 3, 4],
  ];
  it.each([1, 2, 3, 4, 5])('are read without the fields nobody knows here (kind %d)', (field) => {
    const with_ = bytesOf(unknown, bytesField(field, unknown), unknown);
    const without = bytesOf(bytesField(field, []));
    expect(decodeSessionRequest(with_)).toEqual(decodeSessionRequest(without));
    expect(decodeSessionResponse(with_)).toEqual(decodeSessionResponse(without));
  });

  it('have an unknown code read as ABORTED, never as OK', () => {
    const answer = bytesField(2, [...numberField(2, 99), ...numberField(3, 9)]);
    expect(decodeSessionResponse(bytesOf(answer))).toMatchObject({
      code: Code.ABORTED,
      outcome: Outcome.UNKNOWN,
    });
    const results = bytesField(3, bytesField(6, numberField(6, 99)));
    expect(decodeSessionResponse(bytesOf(results))).toMatchObject({
      results: [{ code: Code.ABORTED }],
    });
  });

  it('have an unknown consistency read as the strongest', () => {
    const batch = bytesField(3, numberField(5, 7));
    expect(decodeSessionRequest(bytesOf(batch))).toMatchObject({
      consistency: Consistency.LINEARIZABLE,
    });
  });

  it('may send repeated numbers one by one', () => {
    const hello = bytesField(1, [...numberField(1, 1), ...numberField(1, 2)]);
    expect(decodeSessionRequest(bytesOf(hello))).toMatchObject({ protocolVersions: [1, 2] });
  });
});

describe('malformed messages', () => {
  it.each<readonly [string, Uint8Array]>([
    ['no kind', bytesOf()],
    ['only a kind nobody knows', bytesOf(bytesField(9, []))],
    ['two kinds', bytesOf(bytesField(2, []), bytesField(3, []))],
    ['one kind twice', bytesOf(bytesField(2, []), bytesField(2, []))],
    ['a body cut off', bytesOf([0x12, 5, 8])],
    ['a number cut off', bytesOf(bytesField(2, [0x08, 0x80]))],
    ['a number of eleven bytes', bytesOf(bytesField(2, [0x08, ...paddedVarint(1, 11)]))],
    ['a number above 2^53 - 1', bytesOf(bytesField(2, numberField(1, 2n ** 53n)))],
    ['a field that leaves its body', bytesOf([0x12, 2, 0x3a, 5], [1, 2, 3, 4, 5])],
    ['field number 0', bytesOf(bytesField(2, [0, 1]))],
    ['a tag above 32 bits', bytesOf(bytesField(2, numberField(2 ** 30, 1)))],
    ['a group', bytesOf(bytesField(2, [0x4b, 0x4c]))],
    ['a reserved wire type', bytesOf(bytesField(2, [0x4e]))],
    ['an unknown field cut off (64 bits)', bytesOf(bytesField(2, [0x49, 1, 2]))],
    ['an unknown field cut off (32 bits)', bytesOf(bytesField(2, [0x4d, 1, 2]))],
    ['an unknown field cut off (length)', bytesOf(bytesField(2, [0x4a, 9, 2]))],
    ['an unknown field cut off (number)', bytesOf(bytesField(2, [0x48, 0x80]))],
  ])('%s', (_, bytes) => {
    expect(() => decodeSessionRequest(bytes)).toThrow(CodecError);
    expect(() => decodeSessionResponse(bytes)).toThrow(CodecError);
  });

  it.each<readonly [string, Uint8Array]>([
    ['a uint32 above 32 bits', bytesOf(bytesField(5, numberField(1, 2n ** 32n)))],
    ['a text that is not UTF-8', bytesOf(bytesField(4, bytesField(3, [0xff])))],
    ['1,025 results', bytesOf(bytesField(3, many(6)))],
    ['1,025 exceptions', bytesOf(bytesField(2, many(6)))],
  ])('%s, from a node', (_, bytes) => {
    expect(() => decodeSessionResponse(bytes)).toThrow(CodecError);
  });
});

function many(field: number): number[] {
  return Array.from({ length: 1025 }, () => bytesField(field, [])).flat();
}
