/** Small changes of an access policy, as `cashe access` makes them. Each returns the new policy. */
import type { AccessGrant, AccessPolicy } from '@cashe/codec';
import { CommandError, exitCodes } from './exit-codes.js';

export type PolicyEdit = (policy: AccessPolicy) => AccessPolicy;

/** Adds the token, or gives the one of that name a new secret; binds it to the roles. */
export function withToken(name: string, sha256: string, roles: readonly string[]): PolicyEdit {
  return (policy) => {
    const others = policy.tokens.filter((token) => token.name !== name);
    const added = { ...policy, tokens: [...others, { name, sha256 }] };
    return roles.reduce<AccessPolicy>(
      (next, role) => withBinding(`token/${name}`, role)(next),
      added,
    );
  };
}

/** Removes the token and what it alone was bound to: a later one of that name starts anew. */
export function withoutToken(name: string): PolicyEdit {
  return (policy) => {
    const tokens = policy.tokens.filter((token) => token.name !== name);
    if (tokens.length === policy.tokens.length) throw missing('token', name);
    const bindings = policy.bindings.filter(({ principal }) => principal !== `token/${name}`);
    return { ...policy, tokens, bindings };
  };
}

/** Makes the role, or replaces what it grants. */
export function withRole(name: string, grants: readonly AccessGrant[]): PolicyEdit {
  return (policy) => {
    const others = policy.roles.filter((role) => role.name !== name);
    return { ...policy, roles: [...others, { name, grants }] };
  };
}

/** Removes the role and its bindings. */
export function withoutRole(name: string): PolicyEdit {
  return (policy) => {
    const roles = policy.roles.filter((role) => role.name !== name);
    if (roles.length === policy.roles.length) throw missing('role', name);
    const bindings = policy.bindings.filter(({ role }) => role !== name);
    return { ...policy, roles, bindings };
  };
}

export function withBinding(principal: string, role: string): PolicyEdit {
  return (policy) => {
    const isThere = policy.bindings.some(
      (binding) => binding.principal === principal && binding.role === role,
    );
    if (isThere) return policy;
    return { ...policy, bindings: [...policy.bindings, { principal, role }] };
  };
}

export function withoutBinding(principal: string, role: string): PolicyEdit {
  return (policy) => {
    const bindings = policy.bindings.filter(
      (binding) => binding.principal !== principal || binding.role !== role,
    );
    if (bindings.length === policy.bindings.length)
      throw missing('binding', `${principal} ${role}`);
    return { ...policy, bindings };
  };
}

function missing(what: string, name: string): CommandError {
  return new CommandError(exitCodes.negative, `the policy has no ${what} ${name}`);
}
