/**
 * What a policy must be like (R35, R40): checked where it enters, before it is proposed, and again
 * by apply. Every bound is part of the log format: a change of one raises FORMAT_VERSION.
 */
import type { AccessGrant, AccessPolicy } from './access-policy.js';
import { KEY_BYTES_MAX } from './limits.js';
import { quoted } from './quoted.js';
import { isWellFormed, utf8Bytes } from './utf8.js';

export const ACCESS_ROLES_MAX = 256;
/** Grants of one role. */
export const ACCESS_GRANTS_MAX = 64;
export const ACCESS_BINDINGS_MAX = 1024;
export const ACCESS_TOKENS_MAX = 1024;
/** All of a policy as `accessPolicyBytes` counts it: a fraction of the smallest entry limit. */
export const ACCESS_POLICY_BYTES_MAX: number = 512 * 1024;

/** Bytes that one role, grant, binding or token has beside its texts, at most. */
const ITEM_BYTES_MAX = 32;
const VERBS: readonly string[] = ['read', 'write', 'admin'];
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const SHA256 = /^[0-9a-f]{64}$/;
/** `anonymous`, a kind with a name, or what a name begins with and `*`. */
const PRINCIPAL =
  /^(?:\*|anonymous|(?:node|admin|client|token)\/(?:[A-Za-z0-9._-]{1,64}|[A-Za-z0-9._-]{0,63}\*))$/;

const NAME_RULE = 'it must be 1 to 64 of A-Z a-z 0-9 . _ -';
const PRINCIPAL_RULE =
  'it must be anonymous, or client/, token/, node/ or admin/ with a name; a * may end it';

/** Bytes of the encoded policy, at most. */
export function accessPolicyBytes(policy: AccessPolicy): number {
  let bytes = ITEM_BYTES_MAX;
  for (const { name, grants } of policy.roles) {
    bytes += ITEM_BYTES_MAX + utf8Bytes(name);
    for (const { prefix } of grants) bytes += ITEM_BYTES_MAX + utf8Bytes(prefix);
  }
  for (const { principal, role } of policy.bindings) {
    bytes += ITEM_BYTES_MAX + utf8Bytes(principal) + utf8Bytes(role);
  }
  for (const { name, sha256 } of policy.tokens) {
    bytes += ITEM_BYTES_MAX + utf8Bytes(name) + utf8Bytes(sha256);
  }
  return bytes;
}

/** The first rule the policy breaks, as a sentence that names the place and what is allowed. */
export function validateAccessPolicy(policy: AccessPolicy): string | undefined {
  return (
    countProblem(policy) ?? roleProblem(policy) ?? bindingProblem(policy) ?? tokenProblem(policy)
  );
}

/** First, so that nothing below loops over more than it may. */
function countProblem(policy: AccessPolicy): string | undefined {
  const { roles, bindings, tokens } = policy;
  const counts = [
    ['roles', roles.length, ACCESS_ROLES_MAX],
    ['bindings', bindings.length, ACCESS_BINDINGS_MAX],
    ['tokens', tokens.length, ACCESS_TOKENS_MAX],
  ] as const;
  for (const [what, count, max] of counts) {
    if (count > max) return `there are ${count} ${what}, more than ${max}`;
  }
  for (const { name, grants } of roles) {
    const count = grants.length;
    if (count > ACCESS_GRANTS_MAX) {
      return `role ${quoted(name)} has ${count} grants, more than ${ACCESS_GRANTS_MAX}`;
    }
  }
  const bytes = accessPolicyBytes(policy);
  if (bytes <= ACCESS_POLICY_BYTES_MAX) return undefined;
  return `the policy has ${bytes} bytes, more than ${ACCESS_POLICY_BYTES_MAX}`;
}

function roleProblem({ roles }: AccessPolicy): string | undefined {
  const seen = new Set<string>();
  for (const { name, grants } of roles) {
    if (!NAME.test(name)) return `role ${quoted(name)}: ${NAME_RULE}`;
    if (seen.has(name)) return `role ${name} is there twice`;
    seen.add(name);
    const problem = grantsProblem(grants);
    if (problem !== undefined) return `role ${name}: ${problem}`;
  }
  return undefined;
}

function grantsProblem(grants: readonly AccessGrant[]): string | undefined {
  const seen = new Set<string>();
  for (const { verb, prefix } of grants) {
    if (!VERBS.includes(verb)) return `the verb ${quoted(verb)} must be one of ${VERBS.join(', ')}`;
    if (!isWellFormed(prefix)) return 'a prefix has a lone surrogate';
    const bytes = utf8Bytes(prefix);
    if (bytes > KEY_BYTES_MAX) return `a prefix has ${bytes} bytes, more than ${KEY_BYTES_MAX}`;
    const grant = `${verb} ${prefix}`;
    if (seen.has(grant)) return `${verb} on ${quoted(prefix)} is there twice`;
    seen.add(grant);
  }
  return undefined;
}

function bindingProblem({ roles, bindings }: AccessPolicy): string | undefined {
  const names = new Set(roles.map((role) => role.name));
  const seen = new Set<string>();
  for (const { principal, role } of bindings) {
    if (!PRINCIPAL.test(principal)) {
      return `binding of ${quoted(principal)}: ${PRINCIPAL_RULE}`;
    }
    if (!names.has(role)) return `binding of ${principal}: there is no role ${quoted(role)}`;
    const binding = `${principal} ${role}`;
    if (seen.has(binding)) return `the binding of ${principal} to ${role} is there twice`;
    seen.add(binding);
  }
  return undefined;
}

function tokenProblem({ tokens }: AccessPolicy): string | undefined {
  const names = new Set<string>();
  const hashes = new Map<string, string>();
  for (const { name, sha256 } of tokens) {
    if (!NAME.test(name)) return `token ${quoted(name)}: ${NAME_RULE}`;
    if (names.has(name)) return `token ${name} is there twice`;
    names.add(name);
    if (!SHA256.test(sha256)) return `token ${name}: sha256 must be 64 hex digits in lower case`;
    // One secret is one principal: who presents it must not be one of two.
    const other = hashes.get(sha256);
    if (other !== undefined) return `tokens ${other} and ${name} have the same sha256`;
    hashes.set(sha256, name);
  }
  return undefined;
}
