// Rights (R40): the compiled form against a model that looks at every grant of every role, and the
// named cases of the rules that AccessPolicy states.
import {
  AccessChecks,
  type AccessGrant,
  type AccessPolicy,
  type AccessRight,
  allows,
  missingRight,
  openPolicy,
  rightsOf,
} from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { policies, principals } from './support/access.js';
import { holds } from './support/holds.js';

const targets = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '𝄞'), maxLength: 4 });
const rights = fc.constantFrom<AccessRight>('read', 'write', 'admin', 'node');

/** The rules as AccessPolicy states them, one after the other. */
function expected(
  policy: AccessPolicy,
  principal: string,
  right: AccessRight,
  target: string,
  tlsOn: boolean,
): boolean {
  const [kind = '', name = ''] = principal.split('/');
  const { roles, bindings, tokens } = policy;
  const open = roles.length === 0 && bindings.length === 0 && tokens.length === 0;
  if (kind === 'admin') return true;
  if (right === 'node' && (kind === 'node' || !tlsOn)) return true;
  if (open) return right === 'read' || right === 'write' || !tlsOn;
  if (kind === 'token' && !tokens.some((token) => token.name === name)) return false;
  const [verb, asked] = right === 'node' ? ['admin', ''] : [right, target];
  return bindings.some(({ principal: pattern, role }) => {
    const matches = pattern.endsWith('*')
      ? principal.indexOf(pattern.slice(0, pattern.length - 1)) === 0
      : principal === pattern;
    const grants = roles.find(({ name: of }) => of === role)?.grants ?? [];
    return matches && grants.some((grant) => covers(grant, verb, asked));
  });
}

function covers(grant: AccessGrant, verb: string, target: string): boolean {
  return grant.verb === verb && Buffer.from(target).indexOf(Buffer.from(grant.prefix)) === 0;
}

function policyOf(principal: string, ...grants: readonly AccessGrant[]): AccessPolicy {
  return {
    roles: [{ name: 'role', grants }],
    bindings: [{ principal, role: 'role' }],
    tokens: [{ name: 'ci', sha256: 'a'.repeat(64) }],
  };
}

describe('rights', () => {
  it('are those of a model that looks at every grant', () => {
    holds(
      fc.property(
        policies,
        principals,
        rights,
        targets,
        fc.boolean(),
        (policy, principal, right, target, tlsOn) => {
          const found = allows(policy, principal, right, target, tlsOn);
          expect(found).toBe(expected(policy, principal, right, target, tlsOn));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('follow the policy that is asked about, also when it comes back', () => {
    const checks = new AccessChecks(true);
    holds(
      fc.property(fc.array(policies, { minLength: 1, maxLength: 3 }), principals, (list, who) => {
        for (const policy of [...list, ...list]) {
          for (const target of ['', 'a', 'ab', 'b']) {
            const found = checks.rightsOf(policy, who).allows('read', target);
            expect(found).toBe(allows(policy, who, 'read', target, true));
          }
        }
      }),
    );
  });

  it('stay right for more principals than are kept compiled', () => {
    const checks = new AccessChecks(true);
    const policy = policyOf('client/c7*', { verb: 'write', prefix: 'x' });
    for (let at = 0; at < 3000; at++) {
      const right = checks.rightsOf(policy, `client/c${at}`).allows('write', 'xy');
      expect(right).toBe(String(at).startsWith('7'));
    }
  });

  it('let everybody read and write under an open policy, and only admins more with TLS', () => {
    for (const right of ['read', 'write'] as const) {
      expect(allows(openPolicy, 'anonymous', right, 'k', true)).toBe(true);
    }
    expect(allows(openPolicy, 'anonymous', 'admin', '', true)).toBe(false);
    expect(allows(openPolicy, 'client/app', 'admin', '', true)).toBe(false);
    expect(allows(openPolicy, 'node/n1', 'admin', '', true)).toBe(false);
    expect(allows(openPolicy, 'admin/ops', 'admin', '', true)).toBe(true);
    expect(allows(openPolicy, 'anonymous', 'admin', '', false)).toBe(true);
  });

  it('cover a prefix only when the grant covers all of it', () => {
    const policy = policyOf('client/app', { verb: 'read', prefix: 'user:' });
    const mayRead = (target: string): boolean => allows(policy, 'client/app', 'read', target, true);
    expect([mayRead('user:'), mayRead('user:1'), mayRead('user')]).toEqual([true, true, false]);
    expect([mayRead(''), mayRead('users'), mayRead('v')]).toEqual([false, false, false]);
  });

  it('of a token end when the token is no longer in the policy', () => {
    const policy = policyOf('token/*', { verb: 'read', prefix: '' });
    expect(allows(policy, 'token/ci', 'read', 'k', true)).toBe(true);
    expect(allows(policy, 'token/gone', 'read', 'k', true)).toBe(false);
  });

  it('of nodes are theirs whatever the policy says, and anybody’s without TLS', () => {
    const policy = policyOf('client/app', { verb: 'read', prefix: '' });
    expect(allows(policy, 'node/n1', 'node', '', true)).toBe(true);
    expect(allows(policy, 'client/app', 'node', '', true)).toBe(false);
    expect(allows(policy, 'anonymous', 'node', '', false)).toBe(true);
    expect(allows(policy, 'node/n1', 'read', 'k', true)).toBe(false);
  });

  it('do not depend on how many grants there are', () => {
    const many = Array.from({ length: 64 }, (_, at): AccessGrant => {
      return { verb: 'read', prefix: `tenant-${String(at * 2).padStart(3, '0')}/` };
    });
    const found = rightsOf(policyOf('client/app', ...many), 'client/app', true);
    for (let at = 0; at < 128; at++) {
      const key = `tenant-${String(at).padStart(3, '0')}/x`;
      expect(found.allows('read', key)).toBe(at % 2 === 0);
    }
  });
});

describe('a missing right', () => {
  it('is named with its key or prefix, cut when it is long', () => {
    expect(missingRight('write', 'key', 'user:1')).toBe('write on key "user:1"');
    expect(missingRight('read', 'prefix', 'user:')).toBe('read on prefix "user:"');
    expect(missingRight('read', 'prefix', '')).toBe('read on every key');
    expect(missingRight('admin', 'prefix', '')).toBe('admin');
    expect(missingRight('read', 'key', 'k'.repeat(1000)).length).toBeLessThan(100);
  });
});
