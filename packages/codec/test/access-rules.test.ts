// validateAccessPolicy: every rule once, at its bound and beyond it.
import {
  ACCESS_BINDINGS_MAX,
  ACCESS_GRANTS_MAX,
  ACCESS_POLICY_BYTES_MAX,
  ACCESS_ROLES_MAX,
  ACCESS_TOKENS_MAX,
  type AccessGrant,
  type AccessPolicy,
  type AccessVerb,
  accessPolicyBytes,
  decodeEntry,
  deriveLimits,
  encodeEntry,
  FORMAT_VERSION,
  openPolicy,
  VALUE_BYTES_MAX_MIN,
  validateAccessPolicy,
} from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { policies } from './support/access.js';
import { holds } from './support/holds.js';

const readAll: AccessGrant = { verb: 'read', prefix: '' };
const roles = [{ name: 'reader', grants: [readAll] }];

const emptyHeader = {
  formatVersion: FORMAT_VERSION,
  clusterTimeMs: 0,
  restartLeases: false,
  envelopes: [],
  recencyHints: [],
  digest: undefined,
};

function problemOf(parts: Partial<AccessPolicy>): string | undefined {
  return validateAccessPolicy({ ...openPolicy, ...parts });
}

function hash(number: number): string {
  return number.toString(16).padStart(64, '0');
}

function bound(principal: string): string | undefined {
  return problemOf({ roles, bindings: [{ principal, role: 'reader' }] });
}

describe('a policy', () => {
  it('of what the rules allow is valid', () => {
    holds(
      fc.property(policies, (policy) => {
        expect(validateAccessPolicy(policy)).toBeUndefined();
      }),
    );
  });

  it('has at most so many roles, grants, bindings and tokens', () => {
    const many = (count: number): AccessPolicy['roles'] =>
      Array.from({ length: count }, (_, at) => ({ name: `r${at}`, grants: [readAll] }));
    expect(problemOf({ roles: many(ACCESS_ROLES_MAX) })).toBeUndefined();
    expect(problemOf({ roles: many(ACCESS_ROLES_MAX + 1) })).toContain('more than 256');
    const grants = Array.from({ length: ACCESS_GRANTS_MAX }, (_, at): AccessGrant => {
      return { verb: 'read', prefix: `p${at}` };
    });
    expect(problemOf({ roles: [{ name: 'r', grants }] })).toBeUndefined();
    const more = [{ name: 'r', grants: [...grants, readAll] }];
    expect(problemOf({ roles: more })).toBe('role "r" has 65 grants, more than 64');
    const bindings = Array.from({ length: ACCESS_BINDINGS_MAX + 1 }, (_, at) => {
      return { principal: `client/c${at}`, role: 'reader' };
    });
    expect(problemOf({ roles, bindings: bindings.slice(1) })).toBeUndefined();
    expect(problemOf({ roles, bindings })).toContain('1025 bindings');
    const tokens = Array.from({ length: ACCESS_TOKENS_MAX + 1 }, (_, at) => {
      return { name: `t${at}`, sha256: hash(at) };
    });
    expect(problemOf({ tokens: tokens.slice(1) })).toBeUndefined();
    expect(problemOf({ tokens })).toContain('1025 tokens');
  });

  it('is bounded in bytes', () => {
    const fat = Array.from({ length: 32 }, (_, role) => ({
      name: `r${role}`,
      grants: Array.from({ length: 16 }, (__, at): AccessGrant => {
        return { verb: 'read', prefix: `${at}:`.padEnd(1024, 'x') };
      }),
    }));
    const policy = { ...openPolicy, roles: fat };
    expect(accessPolicyBytes(policy)).toBeGreaterThan(ACCESS_POLICY_BYTES_MAX);
    expect(validateAccessPolicy(policy)).toContain(`more than ${ACCESS_POLICY_BYTES_MAX}`);
    expect(problemOf({ roles: fat.slice(2) })).toBeUndefined();
  });

  it('of the largest size fits into the smallest entry', () => {
    const tokens = Array.from({ length: ACCESS_TOKENS_MAX }, (_, at) => {
      return { name: `${at}`.padStart(64, 't'), sha256: hash(at) };
    });
    const grants = (role: number): AccessGrant[] =>
      Array.from({ length: 22 }, (_, at): AccessGrant => {
        return { verb: 'read', prefix: `${role}:${at}`.padEnd(1024, '\u0001') };
      });
    const fat = Array.from({ length: 15 }, (_, role) => ({
      name: `r${role}`,
      grants: grants(role),
    }));
    const policy = { roles: fat, bindings: [], tokens };
    expect(validateAccessPolicy(policy)).toBeUndefined();
    expect(accessPolicyBytes(policy)).toBeGreaterThan(0.9 * ACCESS_POLICY_BYTES_MAX);
    const { entryBytesMax: room } = deriveLimits(VALUE_BYTES_MAX_MIN);
    const command = { kind: 'setAccess', policy, expectedRevision: 1 } as const;
    const header = { ...emptyHeader, command };
    const data = encodeEntry({ header, batches: [] });
    expect(data.length).toBeLessThanOrEqual(room);
    expect(data.length).toBeLessThanOrEqual(accessPolicyBytes(policy) + 256);
    expect(decodeEntry(data).header.command).toEqual(command);
  });

  it('names things with 1 to 64 of a few characters', () => {
    for (const name of ['', 'a b', 'ä', 'a/b', 'x'.repeat(65)]) {
      expect(problemOf({ roles: [{ name, grants: [] }] })).toContain('1 to 64 of');
      expect(problemOf({ tokens: [{ name, sha256: hash(1) }] })).toContain('1 to 64 of');
    }
    expect(problemOf({ roles: [{ name: 'A.z_0-9', grants: [] }] })).toBeUndefined();
  });

  it('grants known verbs on prefixes that keys can begin with', () => {
    const granting = (grant: AccessGrant): string | undefined =>
      problemOf({ roles: [{ name: 'r', grants: [grant] }] });
    expect(granting({ verb: 'execute' as AccessVerb, prefix: '' })).toContain('read, write, admin');
    expect(granting({ verb: 'read', prefix: '\ud800' })).toContain('lone surrogate');
    expect(granting({ verb: 'read', prefix: 'é'.repeat(513) })).toContain('1026 bytes');
    expect(granting({ verb: 'read', prefix: 'é'.repeat(512) })).toBeUndefined();
  });

  it('binds principals that there can be, by name or with one * at the end', () => {
    const good = ['anonymous', '*', 'client/app', 'client/*', 'token/ci-*', 'node/n1', 'admin/a'];
    expect(good.map(bound)).toEqual(good.map(() => undefined));
    const bad = ['', 'clients/app', 'client/', 'client', 'client/a*b', 'client/**', 'anonymous*'];
    for (const principal of [...bad, 'client/a/b', `client/${'x'.repeat(65)}`]) {
      expect(bound(principal)).toContain('it must be anonymous, or client/');
    }
  });

  it('refers to roles that exist and says nothing twice', () => {
    const binding = { principal: 'client/app', role: 'writer' };
    expect(problemOf({ roles, bindings: [binding] })).toContain('there is no role "writer"');
    const twice = { principal: 'client/app', role: 'reader' };
    expect(problemOf({ roles, bindings: [twice, twice] })).toContain('twice');
    expect(problemOf({ roles: [...roles, ...roles] })).toBe('role reader is there twice');
    const grants = [readAll, readAll];
    expect(problemOf({ roles: [{ name: 'r', grants }] })).toContain('read on "" is there twice');
    const token = { name: 'ci', sha256: hash(1) };
    expect(problemOf({ tokens: [token, token] })).toBe('token ci is there twice');
  });

  it('keeps hashes of tokens in one spelling, each of one principal', () => {
    for (const sha256 of ['', 'ab', hash(1).toUpperCase().replace('0', 'A'), 'g'.repeat(64)]) {
      expect(problemOf({ tokens: [{ name: 'ci', sha256 }] })).toContain('64 hex digits');
    }
    const tokens = ['a', 'b'].map((name) => ({ name, sha256: hash(1) }));
    expect(problemOf({ tokens })).toBe('tokens a and b have the same sha256');
  });
});
