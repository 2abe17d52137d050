import {
  CodecError,
  decodeForwardRequest,
  decodeForwardResponse,
  encodeForwardRequest,
  encodeForwardResponse,
  type ForwardRequest,
  type ForwardResponse,
} from '@cashe/codec';
import {
  ForwardedAdmin,
  ForwardedAdminAnswer,
  ForwardRequest as GeneratedRequest,
  ForwardResponse as GeneratedResponse,
  PeerHello,
} from '@cashe/proto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  closeSession,
  openSession,
  readAnswer,
  readBatch,
  sessionAnswer,
  text,
  uint64,
  writeAnswer,
  writeBatch,
} from './support/arbitraries.js';
import { asCase } from './support/generated.js';
import { holds } from './support/holds.js';
import { bytesField, bytesOf, hex, textField } from './support/raw.js';

const hello = fc.record({ clusterId: text, nodeId: text }).map((fields) => ({
  kind: 'hello' as const,
  hello: PeerHello.encode(PeerHello.fromPartial(fields)).finish(),
}));
const admin = fc
  .record({ transmission: uint64, principal: text })
  .map((fields) => ForwardedAdmin.encode(ForwardedAdmin.fromPartial(fields)).finish());
const adminAnswer = fc
  .record({ transmission: uint64, message: text })
  .map((fields) => ForwardedAdminAnswer.encode(ForwardedAdminAnswer.fromPartial(fields)).finish());
const kind = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);

const request: fc.Arbitrary<ForwardRequest> = fc.oneof(
  hello,
  fc.record({ kind: kind('write'), batch: writeBatch, principal: text }),
  fc.record({ kind: kind('read'), batch: readBatch, principal: text }),
  fc.record({ kind: kind('open'), open: openSession, principal: text }),
  fc.record({ kind: kind('close'), close: closeSession, principal: text }),
  fc.record({ kind: kind('admin'), admin }),
);
const response: fc.Arbitrary<ForwardResponse> = fc.oneof(
  hello,
  writeAnswer,
  readAnswer,
  sessionAnswer,
  fc.record({ kind: kind('admin'), admin: adminAnswer }),
);

function generatedRequest(message: ForwardRequest): Uint8Array {
  const encode = (one: Parameters<typeof GeneratedRequest.fromPartial>[0]): Uint8Array =>
    GeneratedRequest.encode(GeneratedRequest.fromPartial(one)).finish();
  switch (message.kind) {
    case 'hello':
      return encode({ kind: { $case: 'hello', value: PeerHello.decode(message.hello) } });
    case 'admin':
      return encode({ kind: { $case: 'admin', value: ForwardedAdmin.decode(message.admin) } });
    case 'write':
      return encode({ kind: asCase(message) });
    case 'read':
      return encode({ kind: asCase(message) });
    case 'open':
      return encode({ kind: asCase(message) });
    case 'close':
      return encode({ kind: asCase(message) });
  }
}

function generatedResponse(message: ForwardResponse): Uint8Array {
  const encode = (one: Parameters<typeof GeneratedResponse.fromPartial>[0]): Uint8Array =>
    GeneratedResponse.encode(GeneratedResponse.fromPartial(one)).finish();
  switch (message.kind) {
    case 'hello':
      return encode({ kind: { $case: 'hello', value: PeerHello.decode(message.hello) } });
    case 'admin': {
      const value = ForwardedAdminAnswer.decode(message.admin);
      return encode({ kind: { $case: 'admin', value } });
    }
    case 'write':
      return encode({ kind: asCase({ ...message, exceptions: [...message.exceptions] }) });
    case 'read':
      return encode({ kind: asCase({ ...message, results: [...message.results] }) });
    case 'session':
      return encode({ kind: asCase(message) });
  }
}

describe('Forward messages', () => {
  it('of the forwarding node have the bytes of generated code, both ways', () => {
    holds(
      fc.property(request, (message) => {
        const expected = generatedRequest(message);
        expect(hex(encodeForwardRequest(message))).toBe(hex(expected));
        expect(decodeForwardRequest(expected)).toEqual(message);
      }),
      { numRuns: 300 },
    );
  });

  it('of the leader have the bytes of generated code, both ways', () => {
    holds(
      fc.property(response, (message) => {
        const expected = generatedResponse(message);
        expect(hex(encodeForwardResponse(message))).toBe(hex(expected));
        expect(decodeForwardResponse(expected)).toEqual(message);
      }),
      { numRuns: 300 },
    );
  });

  it('are read without the fields nobody knows here', () => {
    const message = bytesOf(
      bytesField(2, [...bytesField(1, []), ...textField(2, 'p'), ...textField(9, 'new')]),
    );
    expect(decodeForwardRequest(message)).toMatchObject({ kind: 'write', principal: 'p' });
  });

  it.each<readonly [string, Uint8Array]>([
    ['no kind', bytesOf()],
    ['two kinds', bytesOf(bytesField(1, []), bytesField(1, []))],
    ['no body in the call', bytesOf(bytesField(2, textField(2, 'p')))],
    ['a body cut off', bytesOf(bytesField(2, [0x0a, 3, 8]))],
  ])('are refused with %s', (_, bytes) => {
    expect(() => decodeForwardRequest(bytes)).toThrow(CodecError);
  });
});
