// Who a caller is (R40): its token, else its certificate, else nobody; never nobody by mistake.

import { type AccessPolicy, openPolicy } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import { newToken, tokenSha256 } from '../../src/access/tokens.js';
import {
  type Authenticated,
  type Authentication,
  Authenticator,
} from '../../src/api/authenticate.js';
import type { AuditEvent } from '../../src/host/index.js';

const [ci, app] = [newToken(), newToken()];
const tokens = [
  { name: 'ci', sha256: tokenSha256(ci) },
  { name: 'app', sha256: tokenSha256(app) },
];

interface Setup {
  readonly of: (authorization?: string, certificate?: string) => Authentication;
  readonly events: AuditEvent[];
  readonly authenticator: Authenticator;
  policy: AccessPolicy | undefined;
}

function setup(): Setup {
  const events: AuditEvent[] = [];
  const audit = { withDataOps: false, record: (event: AuditEvent) => void events.push(event) };
  const authenticator = new Authenticator({ policy: () => made.policy, audit });
  const made: Setup = {
    of: (authorization, certificate) =>
      authenticator.authenticate({ certificate, authorization, from: '127.0.0.1:9' }),
    events,
    authenticator,
    policy: { ...openPolicy, tokens },
  };
  return made;
}

function authenticated(found: Authentication): Authenticated {
  if (!found.ok) throw new Error(found.failure.message);
  return found;
}

const refused = (code: string) => ({ ok: false, failure: { code, outcome: 'notCommitted' } });

describe('a caller', () => {
  it('without token and certificate is anonymous, with a certificate whom that names', () => {
    const { of } = setup();
    expect(of()).toMatchObject({ ok: true, principal: 'anonymous' });
    expect(of(undefined, 'client/app')).toMatchObject({ ok: true, principal: 'client/app' });
  });

  it('with a token is who the token belongs to, whatever its certificate says', () => {
    const { of } = setup();
    expect(of(`Bearer ${ci}`)).toMatchObject({ ok: true, principal: 'token/ci' });
    expect(of(`bearer  ${app}`, 'admin/root')).toMatchObject({ ok: true, principal: 'token/app' });
  });

  it('with a token that is not known is refused, also with a good certificate, and logged', () => {
    const { of, events } = setup();
    expect(of(`Bearer ${newToken()}`)).toMatchObject(refused('UNAUTHENTICATED'));
    expect(of(`Bearer ${newToken()}`, 'admin/root')).toMatchObject(refused('UNAUTHENTICATED'));
    expect(events.map(({ outcome, target }) => [outcome, target])).toEqual([
      ['unauthenticated', '127.0.0.1:9'],
      ['unauthenticated', '127.0.0.1:9'],
    ]);
  });

  it.each([
    ['no scheme', ci],
    ['another scheme', `Basic ${Buffer.from('a:b').toString('base64')}`],
    ['no token', 'Bearer '],
    ['two tokens', `Bearer ${ci}, Bearer ${app}`],
    ['a hash in place of the token', `Bearer ${tokenSha256(ci)}`],
    ['a token and more', `Bearer ${ci} x`],
    ['more than a header may have', `Bearer ${'a'.repeat(600)}`],
    ['nothing', ''],
  ])('that presents %s is refused', (_what, authorization) => {
    expect(setup().of(authorization)).toMatchObject(refused('UNAUTHENTICATED'));
  });

  it('cannot be told before the node has a cluster: unavailable, with a time to try again', () => {
    const made = setup();
    made.policy = undefined;
    expect(made.of(`Bearer ${ci}`)).toMatchObject({
      failure: { code: 'UNAVAILABLE', retryAfterMs: 1000 },
    });
    expect(made.of()).toMatchObject({ ok: true, principal: 'anonymous' });
  });

  it('loses its token with the next policy, which also ends what it had open', () => {
    const made = setup();
    const [ciCaller, appCaller, client] = [
      authenticated(made.of(`Bearer ${ci}`)),
      authenticated(made.of(`Bearer ${app}`)),
      authenticated(made.of(undefined, 'client/ci')),
    ];
    expect(made.authenticator.revocation(ciCaller)).toBeUndefined();
    made.policy = { ...openPolicy, tokens: tokens.slice(1) };
    expect(made.of(`Bearer ${ci}`)).toMatchObject(refused('UNAUTHENTICATED'));
    expect(made.authenticator.revocation(ciCaller)).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(made.authenticator.revocation(appCaller)).toBeUndefined();
    expect(made.authenticator.revocation(client)).toBeUndefined();
  });

  it('is who a new secret of a token belongs to, and the old one ends what it had open', () => {
    const made = setup();
    const next = newToken();
    const before = authenticated(made.of(`Bearer ${ci}`));
    made.policy = { ...openPolicy, tokens: [{ name: 'ci', sha256: tokenSha256(next) }] };
    expect(made.of(`Bearer ${ci}`)).toMatchObject(refused('UNAUTHENTICATED'));
    expect(made.of(`Bearer ${next}`)).toMatchObject({ ok: true, principal: 'token/ci' });
    expect(made.authenticator.revocation(before)).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('a new token', () => {
  it('has 256 bits of randomness in 43 characters that a header takes', () => {
    const made = new Set(Array.from({ length: 100 }, newToken));
    expect(made.size).toBe(100);
    for (const token of made) expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});
