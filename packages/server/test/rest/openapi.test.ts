// Goal: the OpenAPI document is valid, is the committed one, and promises nothing untested.
// Method: it is fetched from a running server; the committed copy is rewritten with REWRITE=1 (then
// `npx biome check --write docs`); every operation, status and error code is met by a request.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type PublicCode, publicCodes } from '../../src/rest/failure.js';
import { failed, RestFixture } from './support/rest-fixture.js';
import { type Answer, askUrl } from './support/rest-nodes.js';

const root = join(__dirname, '../../../..');
const committed = join(root, 'docs/openapi.json');

/** In a process of its own, because the validator is an ES module and tests are CommonJS. */
const validation = `
import { Validator } from '@seriousme/openapi-schema-validator';
const document = JSON.parse(process.argv[1]);
console.log(JSON.stringify(await new Validator().validate(document)));
`;

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

let rest: RestFixture;
beforeEach(async () => {
  rest = new RestFixture();
  await rest.start({}, true);
});
afterEach(() => rest.stop());

async function served(): Promise<Document> {
  return (await askUrl(rest.url('/v1/openapi.json'), 'GET')).json as Document;
}

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const document = await served();
    const script = ['--input-type=module', '-e', validation, '--', JSON.stringify(document)];
    const { stdout } = await promisify(execFile)(process.execPath, script, { cwd: root });
    expect(JSON.parse(stdout)).toEqual({ valid: true });
    expect(document.openapi).toBe('3.1.0');
  });

  it('is the one in docs/openapi.json (written anew with REWRITE=1)', async () => {
    const document = await served();
    if (process.env['REWRITE'] === '1') writeFileSync(committed, JSON.stringify(document));
    expect(document).toEqual(JSON.parse(readFileSync(committed, 'utf8')));
  });

  it('has the routes of /v1 and only those', async () => {
    const { paths } = await served();
    const routes = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} ${path}`),
    );
    expect(routes.sort()).toEqual([
      'delete /v1/cluster/members/{id}',
      'delete /v1/keys/{key}',
      'get /v1/cluster',
      'get /v1/cluster/access',
      'get /v1/cluster/members',
      'get /v1/cluster/settings',
      'get /v1/keys/{key}',
      'head /v1/keys/{key}',
      'patch /v1/cluster/settings',
      'post /v1/batch',
      'post /v1/cluster/members',
      'post /v1/cluster/transfer',
      'put /v1/cluster/access',
      'put /v1/keys/{key}',
    ]);
  });

  it('names each operation once', async () => {
    const { paths } = await served();
    const names = Object.values(paths).flatMap((operations) =>
      Object.values(operations).map(({ operationId }) => operationId),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it('states for each operation what requests meet', async () => {
    const { paths } = await served();
    const stated = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { responses }]) =>
        Object.keys(responses)
          .filter((status) => status !== 'default')
          .map((status) => `${method} ${path} ${status}`),
      ),
    );
    const met = new Set<string>();
    for (const [route, path, init, prepare] of requests) {
      prepare?.(rest);
      const [method = ''] = route.split(' ');
      const { status } = await askUrl(rest.url(path), method.toUpperCase(), init);
      met.add(`${route} ${status}`);
    }
    expect([...met].sort()).toEqual(stated.sort());
  });
});

type Prepare = (rest: RestFixture) => void;
type Request = readonly [route: string, path: string, init?: RequestInit, prepare?: Prepare];

const json = (body: unknown): RequestInit => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
const key = '/v1/keys/{key}';
const hits: Prepare = (fixture) => {
  fixture.calls.adminAnswer = {
    ...{ kind: 'admin', result: 'transferred', group: 0, term: 4 },
    ...{ nodeId: 'raft1', clientAddress: '127.0.0.1:3001' },
  };
};
const misses: Prepare = (fixture) => {
  const { run } = fixture;
  fixture.run = async (ops, options) => {
    fixture.run = run;
    const outcomes = await run(ops, options);
    return outcomes.map((one) =>
      one.kind === 'read' ? { ...one, result: { ...one.result, found: false } } : one,
    );
  };
};
const noMember: Prepare = (fixture) => {
  const message = 'no member has the id x';
  fixture.calls.adminAnswer = { kind: 'admin', result: 'refused', code: 2, outcome: 2, message };
};
const settingsAre: Prepare = ({ calls }) => {
  const { settings } = calls.status();
  if (settings === undefined) throw new Error('the fake has settings');
  calls.adminAnswer = { kind: 'admin', result: 'settings', settings, revision: 1 };
};
const accessIs: Prepare = ({ calls }) => {
  const policy = { roles: [], bindings: [], tokens: [{ name: 't', sha256: '' }] };
  calls.adminAnswer = { kind: 'admin', result: 'access', policy, revision: 1 };
};
const accessSet: Prepare = ({ calls }) => {
  calls.adminAnswer = { kind: 'admin', result: 'accessSet', revision: 2 };
};
const accessMoved: Prepare = ({ calls }) => {
  const message = 'the policy was replaced';
  calls.adminAnswer = { kind: 'admin', result: 'refused', code: 17, outcome: 2, message };
};
const removed: Prepare = (fixture) => {
  fixture.calls.adminAnswer = { kind: 'admin', result: 'removed' };
};

const requests: readonly Request[] = [
  [`get ${key}`, '/v1/keys/k'],
  [`get ${key}`, '/v1/keys/k', { headers: { 'if-none-match': '"7"' } }],
  [`get ${key}`, '/v1/keys/k', { headers: { 'if-match': '"8"' } }],
  [`get ${key}`, '/v1/keys/k', {}, misses],
  [`head ${key}`, '/v1/keys/k'],
  [`head ${key}`, '/v1/keys/k', { headers: { 'if-none-match': '"7"' } }],
  [`head ${key}`, '/v1/keys/k', { headers: { 'if-match': '"8"' } }],
  [`head ${key}`, '/v1/keys/k', {}, misses],
  [`put ${key}`, '/v1/keys/k', { body: 'v' }],
  [`put ${key}`, '/v1/keys/k', { body: 'v'.repeat(1024 * 1024 + 1) }],
  [`delete ${key}`, '/v1/keys/k'],
  ['post /v1/batch', '/v1/batch', json({ ops: [] })],
  ['get /v1/cluster', '/v1/cluster'],
  ['get /v1/cluster/members', '/v1/cluster/members'],
  ['post /v1/cluster/members', '/v1/cluster/members', json(someNode())],
  ['post /v1/cluster/transfer', '/v1/cluster/transfer', {}, hits],
  ['get /v1/cluster/settings', '/v1/cluster/settings', {}, settingsAre],
  ['patch /v1/cluster/settings', '/v1/cluster/settings', json({ eviction: 'lru' })],
  ['get /v1/cluster/access', '/v1/cluster/access', {}, accessIs],
  ['put /v1/cluster/access', '/v1/cluster/access', json(somePolicy()), accessSet],
  ['put /v1/cluster/access', '/v1/cluster/access', json(somePolicy()), accessMoved],
  ['delete /v1/cluster/members/{id}', '/v1/cluster/members/x', {}, noMember],
  ['delete /v1/cluster/members/{id}', '/v1/cluster/members/x', {}, removed],
];

function somePolicy(): unknown {
  const policy = { roles: [], bindings: [], tokens: [{ name: 't' }] };
  return { policy, expected_revision: 1 };
}

function someNode(): unknown {
  return { node_id: 'raft1', raft_address: '127.0.0.1:4001' };
}

describe('every error code', () => {
  const codes = Object.keys(publicCodes) as PublicCode[];

  it.each(codes)('%s is met, with its status', async (code) => {
    const answer = await provoke[code]();
    expect(answer.status).toBe(publicCodes[code]);
    expect(answer.text).toContain(code === 'NOT_ACCEPTABLE' ? '"error"' : `"code":"${code}"`);
    expect(answer.headers.has('cashe-outcome')).toBe(true);
  });

  const ask = (method: string, path: string, init: RequestInit = {}): Promise<Answer> =>
    askUrl(rest.url(path), method, init);
  const failing = (code: Parameters<typeof failed>[0]) => (): Promise<Answer> => {
    rest.run = async () => [failed(code, code === 'UNKNOWN_OUTCOME' ? 'unknown' : undefined)];
    return ask('DELETE', '/v1/keys/k');
  };

  const provoke: Readonly<Record<PublicCode, () => Promise<Answer>>> = {
    INVALID_ARGUMENT: () => ask('GET', '/v1/keys/k?timeout=0'),
    UNAUTHENTICATED: () => {
      rest.principal = { code: 'UNAUTHENTICATED', outcome: 'notCommitted', message: 'who?' };
      return ask('GET', '/v1/keys/k');
    },
    PERMISSION_DENIED: failing('PERMISSION_DENIED'),
    NOT_FOUND: () => {
      misses(rest);
      return ask('GET', '/v1/keys/k');
    },
    UNKNOWN_ROUTE: () => ask('GET', '/v2'),
    METHOD_NOT_ALLOWED: () => ask('POST', '/v1/keys/k'),
    NOT_ACCEPTABLE: () => {
      const { run } = rest;
      rest.run = async (ops, options) => {
        const value = Uint8Array.of(0xff);
        const outcomes = await run(ops, options);
        return outcomes.map((one) =>
          one.kind === 'read' ? { ...one, result: { ...one.result, value } } : one,
        );
      };
      return ask('GET', '/get/k');
    },
    REQUEST_TIMEOUT: () => rawAnswer('GET /v1/keys/k HTTP/1.1\r\nHost: x\r\n', 100),
    ABORTED: failing('ABORTED'),
    CLUSTER_MISMATCH: failing('CLUSTER_MISMATCH'),
    PRECONDITION_FAILED: () => ask('GET', '/v1/keys/k', { headers: { 'if-match': '"0"' } }),
    TOO_LARGE: failing('TOO_LARGE'),
    UNSUPPORTED_MEDIA_TYPE: () => ask('POST', '/v1/batch', { body: '{}' }),
    RESOURCE_EXHAUSTED: failing('RESOURCE_EXHAUSTED'),
    HEAD_TOO_LARGE: () => ask('GET', `/v1/keys/${'k'.repeat(20_000)}`),
    INTERNAL: () => {
      rest.run = () => Promise.reject(new Error('a bug'));
      return ask('GET', '/v1/keys/k');
    },
    UNKNOWN_OUTCOME: failing('UNKNOWN_OUTCOME'),
    UNIMPLEMENTED: () => ask('PUT', '/v1/keys/k', { headers: { 'if-match': '"0"' } }),
    UNAVAILABLE: failing('UNAVAILABLE'),
    DEADLINE_EXCEEDED: failing('DEADLINE_EXCEEDED'),
  };

  /** What a request that never arrives whole is sent, in the form of an answer. */
  async function rawAnswer(request: string, headTimeoutMs: number): Promise<Answer> {
    await rest.stop();
    await rest.start({ headTimeoutMs, requestTimeoutMs: headTimeoutMs });
    const raw = await rest.connect();
    raw.send(request);
    const [text = ''] = await raw.answers(1);
    const [head = '', body = ''] = text.split('\r\n\r\n');
    const [first = '', ...lines] = head.split('\r\n');
    const headers = new Headers(lines.map((line) => line.split(': ') as [string, string]));
    const status = Number(first.split(' ')[1]);
    return { status, headers, bytes: Buffer.from(body), text: body, json: JSON.parse(body) };
  }
});
