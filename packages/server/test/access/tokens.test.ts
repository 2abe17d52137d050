// Tokens from the client's side: where they come from, and how a refusal is told.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CasheError, TokenSource } from '@cashe/client';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { newToken, tokenSha256 } from '../../src/access/tokens.js';
import type { RunningNode } from '../../src/index.js';
import { failure, trailer, until } from '../support/api-fixture.js';
import { codeOf, everything, grants, Place } from './node.js';

// Real nodes: seconds on a busy machine.
jest.setTimeout(20_000);

const roles = { root: everything, app: grants('', 'read', 'write') };
const place = new Place();
let node: RunningNode;
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cashe-token-'));
  node = await place.node({ access: place.policies.of(roles) });
});
beforeEach(() => place.setPolicy(node, place.policies.of(roles)));
afterAll(async () => {
  await place.end();
});
afterAll(() => rm(directory, { recursive: true }));

const connecting = (token: TokenSource | undefined) => place.client(node, undefined, { token });

describe('a client', () => {
  it('takes its token as text, from a function, or from a file with a newline', async () => {
    const secret = place.policies.secretOf('app');
    const file = join(directory, 'token');
    await writeFile(file, `${secret}\n`);
    const sources: TokenSource[] = [secret, () => secret, async () => secret, { file }];
    for (const source of sources) {
      const client = await connecting(source);
      expect(await codeOf(client.set('k', 'v'))).toBe('OK');
      await client.close();
    }
  });

  it('goes on with the token that stands in the file now when its old one is removed', async () => {
    const file = join(directory, 'rotated');
    await writeFile(file, place.policies.secretOf('app'));
    const client = await connecting({ file });
    await client.set('k', '1');
    const next = newToken();
    await writeFile(file, next);
    const policy = place.policies.of(roles);
    const tokens = policy.tokens.map((token) =>
      token.name === 'app' ? { ...token, sha256: tokenSha256(next) } : token,
    );
    await place.setPolicy(node, { ...policy, tokens });
    // Whoever has the old secret is out, on streams that are open too; this client reads the new.
    await until(() => client.status().nodes.some(({ state }) => state !== 'ready'));
    expect(await codeOf(client.set('k', '2'))).toBe('OK');
    expect(await codeOf(connecting(place.policies.secretOf('app')))).toBe('UNAUTHENTICATED');
    const other = await connecting({ file });
    expect(await other.get('k')).toBe('2');
  });

  it('is told at once and finally that no node knows its token', async () => {
    const startedMs = performance.now();
    const error = await connecting(newToken()).catch((reason: CasheError) => reason);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED', outcome: 'notCommitted' });
    expect(String(error)).toContain('the token is not known');
    expect(performance.now() - startedMs).toBeLessThan(4_000);
  });

  it.each<[string, TokenSource, string]>([
    ['is missing', { file: '/nowhere/token' }, 'UNAUTHENTICATED'],
    ['cannot be made', () => Promise.reject(new Error('vault is down')), 'UNAUTHENTICATED'],
    ['is empty', '', 'INVALID_ARGUMENT'],
    ['has a space', 'a b', 'INVALID_ARGUMENT'],
    ['has what a header must not have', 'a\r\nx: y', 'INVALID_ARGUMENT'],
  ])('whose token %s says so, without showing it', async (_what, token, code) => {
    const error = await connecting(token).catch((reason: CasheError) => reason);
    expect(error).toMatchObject({ code });
    expect(String(error)).toContain('token');
    expect(String(error)).not.toContain('a b');
  });

  it('without a token may connect, and may do nothing that nobody may', async () => {
    const client = await connecting(undefined);
    expect(await codeOf(client.get('k'))).toBe('PERMISSION_DENIED');
    expect(await codeOf(client.set('k', 'v'))).toBe('PERMISSION_DENIED');
    const anonymous = { principal: 'anonymous', role: 'app' };
    const policy = place.policies.of(roles);
    await place.setPolicy(node, { ...policy, bindings: [...policy.bindings, anonymous] });
    expect(await codeOf(client.set('k', 'v'))).toBe('OK');
  });
});

describe('a unary call', () => {
  const call = (metadata: Metadata): Promise<ServiceError> =>
    failure((done) => place.kv(node).get({ key: 'k', consistency: 0 }, metadata, done));

  it.each([
    ['an unknown token', [`Bearer ${newToken()}`]],
    ['another scheme', ['Basic YTpi']],
  ])('with %s is UNAUTHENTICATED, not committed', async (_what, values) => {
    const metadata = new Metadata();
    for (const value of values) metadata.add('authorization', value);
    const error = await call(metadata);
    expect(status[error.code]).toBe('UNAUTHENTICATED');
    expect(trailer(error.metadata, 'cashe-code')).toBe('UNAUTHENTICATED');
    expect(trailer(error.metadata, 'cashe-outcome')).toBe('not_committed');
  });

  it('that is denied names the right, in its status and per key', async () => {
    const error = await call(new Metadata());
    expect(status[error.code]).toBe('PERMISSION_DENIED');
    expect(trailer(error.metadata, 'cashe-code')).toBe('PERMISSION_DENIED');
    expect(error.details).toContain('anonymous needs read on key "k"');
  });

  it('needs no token for health and reflection, whatever the policy', async () => {
    const { HealthClient } = await import('@cashe/proto');
    const { credentials } = await import('@grpc/grpc-js');
    const health = new HealthClient(node.clientAddress, credentials.createInsecure());
    let serving = 0;
    health.check({ service: 'cashe.v1.KV' }, (_error, answer) => {
      serving = answer?.status ?? -1;
    });
    await until(() => serving !== 0);
    expect(serving).toBe(1);
    health.close();
  });
});
