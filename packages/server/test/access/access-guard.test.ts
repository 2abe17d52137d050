// The guard alone: what it leaves untouched, how verdicts stand beside those of the decoder, and
// what it tells the audit log.

import { type AccessPolicy, Code, openPolicy, opFor } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import { AccessGuard, type AuditEvent } from '../../src/host/access-guard.js';

const policy: AccessPolicy = {
  roles: [{ name: 'a', grants: [{ verb: 'write', prefix: 'a' }] }],
  bindings: [{ principal: 'client/app', role: 'a' }],
  tokens: [],
};

function guardOf(
  found: AccessPolicy,
  withDataOps = false,
): { guard: AccessGuard; events: AuditEvent[] } {
  const events: AuditEvent[] = [];
  const audit = { withDataOps, record: (event: AuditEvent) => void events.push(event) };
  return { guard: new AccessGuard(() => found, { tlsOn: true, audit }), events };
}

const tooLarge = { index: 1, code: Code.TOO_LARGE, message: 'the value is too large' };
const batch = {
  ops: [opFor.set('b', new Uint8Array(1)), undefined, opFor.set('c', new Uint8Array(1))],
  verdicts: [tooLarge],
};

describe('a batch', () => {
  it('is handed on as it is while the policy is open, and where nothing of it is denied', () => {
    expect(guardOf(openPolicy).guard.checkOps('anonymous', 'write', batch)).toBe(batch);
    const mine = { ops: [opFor.delete('a'), opFor.delete('aa')], verdicts: [] };
    expect(guardOf(policy).guard.checkOps('client/app', 'write', mine)).toBe(mine);
  });

  it('has verdicts in the order of its ops, those of the decoder with their own reason', () => {
    const { ops, verdicts } = guardOf(policy).guard.checkOps('client/app', 'write', batch);
    expect(ops).toEqual([undefined, undefined, undefined]);
    expect(verdicts.map(({ index, code }) => [index, code])).toEqual([
      [0, Code.PERMISSION_DENIED],
      [1, Code.TOO_LARGE],
      [2, Code.PERMISSION_DENIED],
    ]);
    expect(verdicts[1]).toBe(tooLarge);
  });

  it('is told of once, with how many of its ops were denied and how many were not', () => {
    const { guard, events } = guardOf(policy, true);
    const mixed = {
      ops: ['a1', 'b', 'a2', 'c', 'd'].map((key) => opFor.delete(key)),
      verdicts: [],
    };
    guard.checkOps('client/app', 'write', mixed);
    const common = { principal: 'client/app', action: 'write' };
    expect(events).toEqual([
      { ...common, target: 'b', ops: 3, outcome: 'denied' },
      { ...common, target: 'a1', ops: 2, outcome: 'allowed' },
    ]);
  });

  it('that was denied stays denied, and is told of once, when it is looked at again', () => {
    const { guard, events } = guardOf(policy);
    const write = { ...batch, principal: 'client/app' };
    const denied = guard.permit(write);
    expect(guard.permit(denied)).toBe(denied);
    expect(events.length).toBe(1);
  });
});

describe('the rights that count', () => {
  it('are those of the policy at that moment', () => {
    let current: AccessPolicy = openPolicy;
    const audit = { withDataOps: false, record: () => undefined };
    const guard = new AccessGuard(() => current, { tlsOn: true, audit });
    const one = { ops: [opFor.delete('b')], verdicts: [] };
    expect(guard.checkOps('client/app', 'write', one).verdicts).toEqual([]);
    current = policy;
    expect(guard.checkOps('client/app', 'write', one).verdicts.length).toBe(1);
    current = openPolicy;
    expect(guard.checkOps('client/app', 'write', one).verdicts).toEqual([]);
  });
});
