// Calls about access and settings that a node forwards to the leader, and their answers: the same
// on the other side of the wire (R30).
import { CodecError, decodeForwardRequest, decodeForwardResponse, Outcome } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import type { AdminAnswer, AdminCall } from '../../src/host/ports.js';
import { genesisSettings } from '../../src/node/records.js';
import {
  decodeAdminCall,
  decodeForwardedAnswer,
  encodeForwardedAnswer,
  encodeForwardedCall,
} from '../../src/rpc/forward-codec.js';

const policy = {
  roles: [{ name: 'r', grants: [{ verb: 'admin', prefix: '' } as const] }],
  bindings: [{ principal: 'token/ci', role: 'r' }],
  tokens: [{ name: 'ci', sha256: 'a'.repeat(64) }],
};

function forwarded(call: AdminCall): AdminCall {
  const bytes = encodeForwardedCall(
    { kind: 'admin', call, principal: 'admin/ops', remainingMs: 5 },
    7,
  );
  const request = decodeForwardRequest(bytes);
  if (request.kind !== 'admin') throw new Error(`a ${request.kind} arrived`);
  const { transmission, call: arrived } = decodeAdminCall(request.admin);
  expect([transmission, arrived.principal, arrived.remainingMs]).toEqual([7, 'admin/ops', 5]);
  return arrived.call;
}

function answered(answer: AdminAnswer): unknown {
  const response = decodeForwardResponse(encodeForwardedAnswer(answer, 9));
  if (response.kind === 'hello') throw new Error('a hello arrived');
  const decoded = decodeForwardedAnswer(response);
  expect(decoded.transmission).toBe(9);
  return decoded.answer;
}

describe('a forwarded call about access or settings', () => {
  it.each<AdminCall>([
    { kind: 'getAccess' },
    { kind: 'setAccess', policy, expectedRevision: 3 },
    { kind: 'getSettings' },
    { kind: 'changeSettings', changes: { entriesMax: 0, eviction: 'noeviction' } },
    { kind: 'changeSettings', changes: { bytesMax: 2 ** 40, sessionIdleMs: 1 } },
  ])('arrives as it was sent: %j', (call) => {
    expect(forwarded(call)).toEqual(call);
  });

  it.each<AdminAnswer>([
    { kind: 'admin', result: 'access', policy, revision: 2 },
    { kind: 'admin', result: 'accessSet', revision: 4 },
    {
      kind: 'admin',
      result: 'settings',
      settings: genesisSettings({ entriesMax: 5 }),
      revision: 6,
    },
    { kind: 'admin', result: 'refused', code: 17, outcome: Outcome.NOT_COMMITTED, message: 'no' },
  ])('is answered as the leader answered: %j', (answer) => {
    expect(answered(answer)).toEqual(answer);
  });

  it('without its body is refused', () => {
    // ForwardedAdmin { set_access = 9 {} } and { change_settings = 11 {} }
    for (const field of [9, 11]) {
      const bytes = Uint8Array.from([field * 8 + 2, 0]);
      expect(() => decodeAdminCall(bytes)).toThrow(CodecError);
    }
  });
});
