// Goal: /v1/keys says what the cache holds, exactly, and every refusal has one form.
// Method: real requests to a real node of one.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RunningNode } from '../../src/index.js';
import { ask, RestNodes } from './support/rest-nodes.js';

const nodes = new RestNodes();
let node: RunningNode;

beforeAll(async () => {
  node = await nodes.one();
});
afterAll(() => nodes.stopAll());

const put = (path: string, body: string | Uint8Array = 'v', headers = {}) =>
  ask(node, 'PUT', `/v1/keys/${path}`, { body: body as NonNullable<RequestInit['body']>, headers });
const get = (path: string, headers = {}) => ask(node, 'GET', `/v1/keys/${path}`, { headers });

describe('PUT and GET of a key', () => {
  it('keep bytes as they are, whatever the Content-Type says', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    for (const type of ['image/png', 'application/json', 'not a type', 'text/plain']) {
      const written = await put('bytes', bytes, { 'content-type': type });
      expect([written.status, written.json]).toEqual([200, { revision: expect.any(Number) }]);
      const read = await get('bytes');
      expect(read.status).toBe(200);
      expect(read.headers.get('content-type')).toBe('application/octet-stream');
      expect(read.bytes.equals(bytes)).toBe(true);
    }
  });

  it('take an empty value, and a body without a length', async () => {
    expect((await ask(node, 'PUT', '/v1/keys/empty')).status).toBe(200);
    const empty = await get('empty');
    expect([empty.status, empty.bytes.length]).toEqual([200, 0]);
    const body = new Blob(['ab', 'cd']).stream();
    const init = { body, duplex: 'half' } as RequestInit;
    expect((await ask(node, 'PUT', '/v1/keys/chunked', init)).status).toBe(200);
    expect((await get('chunked')).text).toBe('abcd');
  });

  it('find every key that percent-encoding can name', async () => {
    const key = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 40 })
      .filter((text) => text !== '.' && text !== '..');
    const keys = fc.uniqueArray(key, { minLength: 30, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(keys, async (texts) => {
        const paths = texts.map(encodeURIComponent);
        const written = await Promise.all(paths.map((path, i) => put(path, texts[i] ?? '')));
        expect(new Set(written.map(({ status }) => status))).toEqual(new Set([200]));
        const read = await Promise.all(paths.map((path) => get(path)));
        expect(read.map(({ text }) => text)).toEqual(texts);
      }),
      { numRuns: 5 },
    );
  }, 30_000);

  it('keep slashes and percent signs of a key apart from those of the path', async () => {
    await put('a%2Fb%2Fc', 'slashes');
    await put('100%25', 'percent');
    await put('%2541', 'encoded twice');
    expect((await get('a%2Fb%2Fc')).text).toBe('slashes');
    expect((await get('100%25')).text).toBe('percent');
    expect((await get('%2541')).text).toBe('encoded twice');
    expect((await get('A')).status).toBe(404);
    expect((await get('a/b/c')).json).toMatchObject({ code: 'UNKNOWN_ROUTE' });
  });

  it('tell revision, version and time to live in headers', async () => {
    const first = await put('told', 'one');
    expect(first.headers.get('cashe-outcome')).toBe('committed');
    const second = await put('told?ttl=60000', 'two');
    const { revision } = second.json as { revision: number };
    const read = await get('told');
    expect(read.headers.get('etag')).toBe(`"${revision}"`);
    expect(second.headers.get('etag')).toBe(`"${revision}"`);
    expect(read.headers.get('cashe-version')).toBe('2');
    const left = Number(read.headers.get('cashe-ttl-ms'));
    expect(left > 50_000 && left <= 60_000).toBe(true);
    expect(read.headers.get('cache-control')).toBe('no-cache');
    await put('told?keep_ttl', 'three');
    expect((await get('told')).headers.has('cashe-ttl-ms')).toBe(true);
    await put('told', 'four');
    expect((await get('told')).headers.has('cashe-ttl-ms')).toBe(false);
  });

  it('answer a stale read with its age', async () => {
    await put('stale', 'v');
    const read = await get('stale?consistency=stale');
    expect([read.status, read.text]).toEqual([200, 'v']);
    expect(read.headers.get('cashe-age-ms')).toMatch(/^\d+$/);
    expect((await get('stale')).headers.has('cashe-age-ms')).toBe(false);
  });

  it('give HEAD the headers of GET without the body', async () => {
    await put('head', 'value');
    const head = await ask(node, 'HEAD', '/v1/keys/head');
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    expect(head.headers.get('content-length')).toBe('5');
    expect(head.headers.get('etag')).toBe((await get('head')).headers.get('etag'));
    const miss = await ask(node, 'HEAD', '/v1/keys/no-such-key');
    expect([miss.status, miss.bytes.length]).toEqual([404, 0]);
  });
});

describe('DELETE of a key', () => {
  it('says whether it was there, and that is no error', async () => {
    await put('gone');
    const first = await ask(node, 'DELETE', '/v1/keys/gone');
    expect([first.status, first.json]).toEqual([200, { found: true, revision: expect.anything() }]);
    expect(first.headers.get('cashe-outcome')).toBe('committed');
    const second = await ask(node, 'DELETE', '/v1/keys/gone');
    expect([second.status, second.json]).toEqual([200, { found: false, revision: 0 }]);
    const miss = await get('gone');
    expect(miss.status).toBe(404);
    expect(miss.json).toEqual({
      code: 'NOT_FOUND',
      message: 'the key does not exist',
      details: { key: 'gone' },
    });
    expect(miss.headers.get('cashe-outcome')).toBe('not_committed');
  });
});

describe('conditions', () => {
  it('of reads are held against the entity tag', async () => {
    const etag = (await put('tagged')).headers.get('etag') ?? '';
    for (const tags of [etag, `W/${etag}`, `"0", ${etag}`, '*']) {
      const same = await get('tagged', { 'if-none-match': tags });
      expect([same.status, same.bytes.length]).toEqual([304, 0]);
      expect(same.headers.get('etag')).toBe(etag);
    }
    expect((await get('tagged', { 'if-none-match': '"0"' })).status).toBe(200);
    expect((await get('tagged', { 'if-match': etag })).status).toBe(200);
    const other = await get('tagged', { 'if-match': `W/${etag}` });
    expect([other.status, other.json]).toMatchObject([412, { code: 'PRECONDITION_FAILED' }]);
  });

  it.each([
    { 'if-match': '"1"' },
    { 'if-none-match': '*' },
    { 'if-unmodified-since': 'Wed, 21 Oct 2015 07:28:00 GMT' },
    { 'content-range': 'bytes 0-1/10' },
  ])('of writes are refused, not ignored: %j', async (headers) => {
    await put('kept', 'old');
    const refused = await put('kept', 'new', headers);
    expect([refused.status, refused.json]).toMatchObject([501, { code: 'UNIMPLEMENTED' }]);
    expect(refused.headers.get('cashe-outcome')).toBe('not_committed');
    expect((await get('kept')).text).toBe('old');
  });
});

describe('what a key request gets wrong', () => {
  const long = 'k'.repeat(1025);
  it.each([
    ['PUT', 'k?ttl=0', 400, 'INVALID_ARGUMENT', 'query/ttl must be >= 1'],
    ['PUT', 'k?ttl=1e3', 400, 'INVALID_ARGUMENT', 'query/ttl must be integer'],
    ['PUT', 'k?ttl=9007199254740992', 400, 'INVALID_ARGUMENT', 'query/ttl must be <='],
    ['PUT', 'k?ttl=5&ttl=6', 400, 'INVALID_ARGUMENT', 'query/ttl must be integer'],
    ['PUT', 'k?ttl=5&keep_ttl', 400, 'INVALID_ARGUMENT', 'ttl and keep_ttl'],
    ['PUT', 'k?tll=5', 400, 'INVALID_ARGUMENT', 'unknown field "tll"'],
    ['GET', 'k?consistency=often', 400, 'INVALID_ARGUMENT', 'query/consistency'],
    ['GET', 'k?timeout=-1', 400, 'INVALID_ARGUMENT', 'query/timeout'],
    ['GET', '', 400, 'INVALID_ARGUMENT', 'the key is empty'],
    ['GET', '%FF', 400, 'INVALID_ARGUMENT', 'not percent-encoded UTF-8'],
    ['GET', '%ED%A0%80', 400, 'INVALID_ARGUMENT', 'not percent-encoded UTF-8'],
    ['GET', '%2', 400, 'INVALID_ARGUMENT', 'not percent-encoded UTF-8'],
    ['GET', long, 413, 'TOO_LARGE', '1025 bytes'],
    ['PUT', long, 413, 'TOO_LARGE', '1025 bytes'],
  ])('%s %p: %d %s', async (method, path, status, code, message) => {
    const body = method === 'PUT' ? { body: 'v' } : {};
    const answer = await ask(node, method, `/v1/keys/${path}`, body);
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({
      code,
      message: expect.stringContaining(message),
      details: expect.any(Object),
    });
    expect(answer.headers.get('cashe-outcome')).toBe('not_committed');
  });

  it('a method that is not served there is told which are', async () => {
    const answer = await ask(node, 'POST', '/v1/keys/k', { body: 'v' });
    expect([answer.status, answer.json]).toMatchObject([405, { code: 'METHOD_NOT_ALLOWED' }]);
    expect(answer.headers.get('allow')?.split(', ').sort()).toEqual([
      'DELETE',
      'GET',
      'HEAD',
      'PUT',
    ]);
  });

  it('a Content-Encoding is refused: there is no place to keep it', async () => {
    const answer = await put('zip', 'x', { 'content-encoding': 'gzip' });
    expect([answer.status, answer.json]).toMatchObject([415, { code: 'UNSUPPORTED_MEDIA_TYPE' }]);
  });

  it.each(['0', 'soon', '1.5'])('the deadline %s is not one', async (text) => {
    const answer = await get('k', { 'cashe-timeout-ms': text });
    expect(answer.json).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('values', () => {
  it('are taken up to the limit and not beyond, with a length or without', async () => {
    const full = Buffer.alloc(1024 * 1024, 7);
    expect((await put('full', full)).status).toBe(200);
    expect((await get('full')).bytes.equals(full)).toBe(true);
    const over = Buffer.alloc(1024 * 1024 + 1, 8);
    const stated = await put('full', over);
    expect([stated.status, stated.json]).toMatchObject([413, { code: 'TOO_LARGE' }]);
    const init = { body: new Blob([over]).stream(), duplex: 'half' } as RequestInit;
    const chunked = await ask(node, 'PUT', '/v1/keys/full', init);
    expect([chunked.status, chunked.json]).toMatchObject([413, { code: 'TOO_LARGE' }]);
    expect((await get('full')).bytes.equals(full)).toBe(true);
  });
});

describe('a port that is taken', () => {
  it('is refused with its address, and the node leaves nothing behind', async () => {
    const rest = node.restAddress ?? '';
    await expect(nodes.start({ id: 'other', rest })).rejects.toThrow(`${rest} is in use`);
    // Its directory and its other ports are free again.
    const other = await nodes.one({ id: 'other' });
    expect((await ask(other, 'GET', '/v1/cluster')).status).toBe(200);
  });
});
