/** Who may do what (R40): replicated, part of the state of group 0. */

/** admin: membership, settings, access, clear and backup. */
export type AccessVerb = 'read' | 'write' | 'admin';

/** A right on all keys that start with `prefix`; '' is every key, and all that admin allows. */
export interface AccessGrant {
  readonly verb: AccessVerb;
  readonly prefix: string;
}

export interface AccessRole {
  readonly name: string;
  readonly grants: readonly AccessGrant[];
}

/** Gives a role to principals: `client/app`, `token/ci`, `anonymous`, or `client/*`. */
export interface AccessBinding {
  readonly principal: string;
  readonly role: string;
}

/** A bearer token; its principal is `token/<name>`. */
export interface AccessToken {
  readonly name: string;
  /** SHA-256 of the token, 64 hex digits: the token itself is stored nowhere. */
  readonly sha256: string;
}

/**
 * Without roles, bindings and tokens the policy is open: every principal reads and writes, and with
 * TLS only admin certificates (`admin/*`) have admin. Otherwise a principal has what its bindings
 * give it; `admin/*` has everything and `node/*` what nodes need, whatever the policy says.
 */
export interface AccessPolicy {
  readonly roles: readonly AccessRole[];
  readonly bindings: readonly AccessBinding[];
  readonly tokens: readonly AccessToken[];
}
