/**
 * Bearer tokens (RFC 6750). The cluster stores SHA-256 of them alone, which is enough for secrets
 * with 256 bits of randomness: there is nothing to guess, so no slow hash is needed.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AccessPolicy } from '@cashe/codec';

const TOKEN_BYTES = 32;
/** Longer ones are not looked at (R35). */
const TOKEN_CHARACTERS_MAX = 512;
/** RFC 6750, section 2.1: b64token. */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** A new token: 43 characters of base64url. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** What a policy has of it. */
export function tokenSha256(token: string): string {
  return digestOf(token).toString('hex');
}

/** The token of an Authorization header; undefined when it is not one of a bearer. */
export function bearerToken(authorization: string): string | undefined {
  if (authorization.length > TOKEN_CHARACTERS_MAX) return undefined;
  return BEARER.exec(authorization)?.[1];
}

/** The tokens of one policy, ready to be compared with. */
export class TokenTable {
  readonly policy: AccessPolicy;
  readonly #tokens: readonly KnownToken[];
  readonly #hashes: ReadonlySet<string>;

  constructor(policy: AccessPolicy) {
    this.policy = policy;
    this.#tokens = policy.tokens.map(({ name, sha256 }) => ({
      principal: `token/${name}`,
      sha256,
      digest: Buffer.from(sha256, 'hex'),
    }));
    this.#hashes = new Set(policy.tokens.map(({ sha256 }) => sha256));
  }

  /** Which token it is. Takes the same time whatever of it is right: every one is compared. */
  find(token: string): KnownToken | undefined {
    const digest = digestOf(token);
    let found: KnownToken | undefined;
    for (const known of this.#tokens) {
      const isSame = known.digest.length === digest.length && timingSafeEqual(known.digest, digest);
      if (isSame) found = known;
    }
    return found;
  }

  /** Whether a token with this hash counts still: names may be given a new secret. */
  has(sha256: string): boolean {
    return this.#hashes.has(sha256);
  }
}

interface KnownToken {
  readonly principal: string;
  readonly sha256: string;
  readonly digest: Buffer;
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
