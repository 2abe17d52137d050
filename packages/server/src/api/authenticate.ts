/**
 * Who calls (R40): decided once per unary call, REST request or stream, by the node the caller
 * reached; forwarded calls carry the answer. A bearer token wins over the certificate. A token that
 * is not known is refused, never taken for an anonymous caller: whoever shows one means it.
 */
import type { AccessPolicy } from '@cashe/codec';
import { bearerToken, TokenTable } from '../access/tokens.js';
import type { AccessAudit } from '../host/access-guard.js';
import type { CallFailure } from './failure.js';

/** What came with a call. */
interface Presented {
  /** Principal of the connection's verified certificate. */
  readonly certificate: string | undefined;
  /** The Authorization header, or metadata of that name. */
  readonly authorization: string | undefined;
  /** Address of the caller, for the audit log. */
  readonly from: string;
}

export interface Authenticated {
  readonly ok: true;
  readonly principal: string;
  /** Hash of the token that was shown; undefined: none was. */
  readonly tokenSha256: string | undefined;
}

export type Authentication = Authenticated | { readonly ok: false; readonly failure: CallFailure };

interface AuthenticatorOptions {
  /** The policy this node has applied; undefined while it does not belong to a cluster. */
  readonly policy: () => AccessPolicy | undefined;
  readonly audit: AccessAudit;
}

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  #table: TokenTable | undefined;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  authenticate({ certificate, authorization, from }: Presented): Authentication {
    if (authorization === undefined) {
      return { ok: true, principal: certificate ?? 'anonymous', tokenSha256: undefined };
    }
    const token = bearerToken(authorization);
    if (token === undefined) {
      return this.#refuse(from, 'the authorization is not of the form "Bearer TOKEN"');
    }
    const table = this.#tokens();
    if (table === undefined) return notYet;
    const known = table.find(token);
    if (known === undefined) return this.#refuse(from, 'the token is not known');
    return { ok: true, principal: known.principal, tokenSha256: known.sha256 };
  }

  /** Why a stream that was authenticated before must end; undefined: it may go on. */
  revocation({ principal, tokenSha256 }: Authenticated): CallFailure | undefined {
    if (tokenSha256 === undefined || this.#tokens()?.has(tokenSha256) !== false) return undefined;
    return unauthenticated(`the token that ${principal} showed was removed`);
  }

  #tokens(): TokenTable | undefined {
    const policy = this.#options.policy();
    if (policy === undefined) return undefined;
    if (policy !== this.#table?.policy) this.#table = new TokenTable(policy);
    return this.#table;
  }

  #refuse(from: string, message: string): Authentication {
    const event = { principal: 'unknown', action: 'authenticate', target: from, ops: 0 } as const;
    this.#options.audit.record({ ...event, outcome: 'unauthenticated' });
    return { ok: false, failure: unauthenticated(message) };
  }
}

function unauthenticated(message: string): CallFailure {
  return { code: 'UNAUTHENTICATED', outcome: 'notCommitted', message };
}

const RETRY_AFTER_MS = 1_000;

/** Tokens are known once the node has the cluster's state. */
const notYet: Authentication = {
  ok: false,
  failure: {
    code: 'UNAVAILABLE',
    outcome: 'notCommitted',
    message: 'this node does not serve yet and cannot check tokens: try again, or another node',
    retryAfterMs: RETRY_AFTER_MS,
  },
};
