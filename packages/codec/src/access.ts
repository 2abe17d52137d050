/**
 * What a policy allows (R40). A key and a prefix are checked alike: a grant covers a key, or every
 * key under a prefix, exactly when what is asked for begins with the grant's own prefix.
 *
 * Checks run for every op, so a policy is compiled: per principal and verb into a sorted list of
 * prefixes of which none begins with another. The only one that can cover a key is then the last
 * that is not above it.
 */
import type { AccessBinding, AccessGrant, AccessPolicy, AccessVerb } from './access-policy.js';
import { quoted } from './quoted.js';

/**
 * What is asked for. `node` is what nodes ask of each other: peer calls, to be admitted and to
 * leave; certificates `node/*` have it, and so has whoever has admin on everything.
 */
export type AccessRight = AccessVerb | 'node';

/** What one principal may do under one policy. */
export interface Rights {
  /**
   * `target`: a key, or the prefix that a scan or watch would show; '' for admin and node. When it
   * holds for '' it holds for every key: with that, a batch needs one check and not one per op.
   */
  allows(right: AccessRight, target: string): boolean;
  /** Whether there is anything it may do it to. */
  allowsSome(right: AccessRight): boolean;
}

/** A policy that restricts nothing. */
export const openPolicy: AccessPolicy = Object.freeze({
  roles: Object.freeze([]),
  bindings: Object.freeze([]),
  tokens: Object.freeze([]),
});

/** Principals whose rights are kept compiled; beyond them the cache starts empty again. */
const COMPILED_MAX = 1024;
const NOTHING: readonly string[] = Object.freeze([]);
const EVERYTHING: readonly string[] = Object.freeze(['']);

const unlimited: Rights = limitedTo(() => true);
/** Open policy with TLS, a principal that is neither admin nor node. */
const dataOnly: Rights = limitedTo((right) => right === 'read' || right === 'write');
const dataAndNode: Rights = limitedTo((right) => right !== 'admin');

/** Rights that are the same for every key. */
function limitedTo(allowed: (right: AccessRight) => boolean): Rights {
  return { allows: allowed, allowsSome: allowed };
}

/** Neither roles nor bindings nor tokens: see AccessPolicy. */
export function isOpenPolicy(policy: AccessPolicy): boolean {
  return policy.roles.length + policy.bindings.length + policy.tokens.length === 0;
}

/** Whether the binding is for this principal: by name, or by what precedes a trailing `*`. */
export function bindingMatches(binding: AccessBinding, principal: string): boolean {
  const pattern = binding.principal;
  if (!pattern.endsWith('*')) return pattern === principal;
  return principal.startsWith(pattern.slice(0, -1));
}

/** One check; who makes many keeps an AccessChecks. */
export function allows(
  policy: AccessPolicy,
  principal: string,
  right: AccessRight,
  target: string,
  tlsOn: boolean,
): boolean {
  return rightsOf(policy, principal, tlsOn).allows(right, target);
}

/** What the principal may do; for one batch or call, since the policy may change at any time. */
export function rightsOf(policy: AccessPolicy, principal: string, tlsOn: boolean): Rights {
  if (principal.startsWith('admin/')) return unlimited;
  // Without TLS nobody can show that it is a node, and the peer port takes any.
  const isNode = !tlsOn || principal.startsWith('node/');
  if (isOpenPolicy(policy)) {
    if (!tlsOn) return unlimited;
    return isNode ? dataAndNode : dataOnly;
  }
  return new GrantedRights(grantsOf(policy, principal), isNode);
}

/** The right as errors name it. `kind` says what the target is. */
export function missingRight(right: AccessRight, kind: 'key' | 'prefix', target: string): string {
  if (right === 'admin' || right === 'node') return right;
  if (kind === 'prefix' && target === '') return `${right} on every key`;
  return `${right} on ${kind} ${quoted(target)}`;
}

/** Compiled rights by principal, of the policy asked for last. */
export class AccessChecks {
  readonly #tlsOn: boolean;
  readonly #rights: Map<string, Rights> = new Map();
  #policy: AccessPolicy = openPolicy;

  constructor(tlsOn: boolean) {
    this.#tlsOn = tlsOn;
  }

  /** A policy is another one when it is another object: it is replaced, never changed. */
  rightsOf(policy: AccessPolicy, principal: string): Rights {
    if (policy !== this.#policy) {
      this.#rights.clear();
      this.#policy = policy;
    }
    const known = this.#rights.get(principal);
    if (known !== undefined) return known;
    if (this.#rights.size >= COMPILED_MAX) this.#rights.clear();
    const rights = rightsOf(policy, principal, this.#tlsOn);
    this.#rights.set(principal, rights);
    return rights;
  }
}

class GrantedRights implements Rights {
  readonly #read: readonly string[];
  readonly #write: readonly string[];
  readonly #admin: readonly string[];
  readonly #isNode: boolean;

  constructor(grants: readonly AccessGrant[], isNode: boolean) {
    this.#read = prefixesOf(grants, 'read');
    this.#write = prefixesOf(grants, 'write');
    this.#admin = prefixesOf(grants, 'admin');
    this.#isNode = isNode;
  }

  allowsSome(right: AccessRight): boolean {
    switch (right) {
      case 'read':
        return this.#read.length > 0;
      case 'write':
        return this.#write.length > 0;
      case 'admin':
        return this.#admin.length > 0;
      case 'node':
        return this.allows(right, '');
    }
  }

  allows(right: AccessRight, target: string): boolean {
    switch (right) {
      case 'read':
        return covers(this.#read, target);
      case 'write':
        return covers(this.#write, target);
      case 'admin':
        return covers(this.#admin, target);
      case 'node':
        return this.#isNode || covers(this.#admin, '');
    }
  }
}

/** All that the principal's bindings give it; a token that is no longer listed has nothing. */
function grantsOf(policy: AccessPolicy, principal: string): readonly AccessGrant[] {
  const { roles, bindings, tokens } = policy;
  const isToken = principal.startsWith('token/');
  if (isToken && !tokens.some((token) => `token/${token.name}` === principal)) return [];
  const bound = new Set<string>();
  for (const binding of bindings) {
    if (bindingMatches(binding, principal)) bound.add(binding.role);
  }
  return roles.filter((role) => bound.has(role.name)).flatMap((role) => role.grants);
}

/** Sorted, without those that another one covers. */
function prefixesOf(grants: readonly AccessGrant[], verb: AccessVerb): readonly string[] {
  const all = grants.filter((grant) => grant.verb === verb).map((grant) => grant.prefix);
  if (all.length === 0) return NOTHING;
  if (all.includes('')) return EVERYTHING;
  const kept: string[] = [];
  for (const prefix of all.sort()) {
    const last = kept.at(-1);
    if (last === undefined || !prefix.startsWith(last)) kept.push(prefix);
  }
  return kept;
}

function covers(prefixes: readonly string[], target: string): boolean {
  if (prefixes === EVERYTHING) return true;
  let [low, high] = [0, prefixes.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (prefixes[middle]! <= target) low = middle + 1;
    else high = middle;
  }
  return low > 0 && target.startsWith(prefixes[low - 1]!);
}
