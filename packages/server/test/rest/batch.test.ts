// Goal: a batch does each op alone and in order, and refuses what it cannot read as a whole.
// Method: real requests to a real node of one.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningNode } from '../../src/index.js';
import { ask, post, RestNodes } from './support/rest-nodes.js';

const nodes = new RestNodes();
let node: RunningNode;

beforeAll(async () => {
  node = await nodes.one();
});
afterAll(() => nodes.stopAll());

const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64');
const batch = (ops: unknown, more = {}) => post(node, '/v1/batch', { ops, ...more });
const resultsOf = (json: unknown) => (json as { results: Record<string, unknown>[] }).results;

describe('a batch', () => {
  it('answers each op, in the order of the ops on a key', async () => {
    const answer = await batch([
      { op: 'set', key: 'a', value: base64('1') },
      { op: 'get', key: 'a' },
      { op: 'set', key: 'a', value: base64('2'), ttl_ms: 60_000 },
      { op: 'get', key: 'a' },
      { op: 'has', key: 'a' },
      { op: 'delete', key: 'a' },
      { op: 'has', key: 'a' },
      { op: 'get', key: 'a' },
      { op: 'delete', key: 'a' },
    ]);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cashe-outcome')).toBe('committed');
    const revision = expect.any(Number);
    const hit = { code: 'OK', found: true, revision };
    expect(resultsOf(answer.json)).toEqual([
      { code: 'OK', revision },
      { ...hit, value: base64('1'), version: 1 },
      { code: 'OK', revision },
      { ...hit, value: base64('2'), version: 2, ttl_ms: expect.any(Number) },
      { code: 'OK', found: true },
      { ...hit },
      { code: 'OK', found: false },
      { code: 'OK', found: false },
      { code: 'OK', found: false, revision: 0 },
    ]);
  });

  it('lets one op fail alone, and says so where the ops differ', async () => {
    const ops = [
      { op: 'set', key: 'fine', value: '' },
      { op: 'set', key: '', value: '' },
    ];
    const answer = await batch(ops);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cashe-outcome')).toBe('unknown');
    expect(resultsOf(answer.json)).toMatchObject([
      { code: 'OK' },
      { code: 'INVALID_ARGUMENT', outcome: 'not_committed', message: 'the key is empty' },
    ]);
    const failed = await batch([ops[1]]);
    expect(failed.headers.get('cashe-outcome')).toBe('not_committed');
  });

  it('may be empty, and may have 1,024 ops but not one more', async () => {
    expect((await batch([])).json).toEqual({ results: [] });
    const many = Array.from({ length: 1024 }, (_, i) => ({ op: 'get', key: `k${i}` }));
    expect(resultsOf((await batch(many)).json)).toHaveLength(1024);
    const more = await batch([...many, { op: 'get', key: 'k' }]);
    expect([more.status, more.json]).toMatchObject([400, { code: 'INVALID_ARGUMENT' }]);
  });

  it('answers the values that fit and refuses the others one by one', async () => {
    const value = Buffer.alloc(1024 * 1024, 1);
    for (const key of ['x', 'y', 'z']) {
      await ask(node, 'PUT', `/v1/keys/${key}`, { body: value });
    }
    const keys = ['x', 'y', 'z', 'missing'];
    const answer = await batch(keys.map((key) => ({ op: 'get', key })));
    const [x, y, z, missing] = resultsOf(answer.json);
    expect([x?.['value'] === base64(value), y?.['code'], z?.['code']]).toEqual([
      true,
      'RESOURCE_EXHAUSTED',
      'RESOURCE_EXHAUSTED',
    ]);
    expect(missing).toEqual({ code: 'OK', found: false });
  });

  it('reads stale when asked to', async () => {
    const answer = await batch([{ op: 'get', key: 'a' }], { consistency: 'stale' });
    expect(answer.status).toBe(200);
  });
});

describe('what a batch gets wrong', () => {
  it.each([
    [{ ops: 5 }, 'body/ops'],
    [{}, "required property 'ops'"],
    [{ ops: [{ op: 'increment', key: 'k' }] }, 'body/ops/0/op'],
    [{ ops: [{ op: 'get' }] }, "required property 'key'"],
    [{ ops: [{ op: 'get', key: 5 }] }, 'body/ops/0/key must be string'],
    [{ ops: [{ op: 'set', key: 'k', value: null }] }, 'body/ops/0/value must be string'],
    [{ ops: [{ op: 'set', key: 'k', value: '', ttl_ms: '5' }] }, 'ttl_ms must be integer'],
    [{ ops: [{ op: 'set', key: 'k', value: '', ttl: 5 }] }, 'unknown field "ttl"'],
    [{ ops: [{ op: 'set', key: 'k' }] }, 'op 0: set needs a value'],
    [{ ops: [{ op: 'get', key: 'k', value: '' }] }, 'op 0: get does not take value'],
    [{ ops: [{ op: 'set', key: 'k', value: 'a' }] }, 'op 0: value is not base64'],
    [{ ops: [{ op: 'set', key: 'k', value: 'YQ' }] }, 'op 0: value is not base64'],
    [{ ops: [{ op: 'set', key: 'k', value: 'Y Q==' }] }, 'op 0: value is not base64'],
    [{ ops: [{ op: 'set', key: 'k', value: '_-8=' }] }, 'op 0: value is not base64'],
    [{ ops: [{ op: 'set', key: 'k', value: '', ttl_ms: 5, keep_ttl: true }] }, 'op 0: ttl_ms and'],
  ])('%j', async (body, message) => {
    const answer = await post(node, '/v1/batch', body);
    expect([answer.status, answer.json]).toEqual([
      400,
      {
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(message),
        details: expect.any(Object),
      },
    ]);
    expect(answer.headers.get('cashe-outcome')).toBe('not_committed');
  });

  it.each([
    ['{"ops":[', 'application/json', 400, 'not JSON'],
    ['', 'application/json', 400, 'body must be object'],
    [
      Buffer.from('{"ops":[{"op":"get","key":"\xff"}]}', 'latin1'),
      'application/json',
      400,
      'UTF-8',
    ],
    ['{"ops":[{"op":"get","key":"k","__proto__":{}}]}', 'application/json', 400, 'unknown field'],
    [`{"ops":${'['.repeat(1_000_000)}`, 'application/json', 400, 'nested too deeply'],
    [`["${'['.repeat(100)}\\"[", ${'['.repeat(20)}`, 'application/json', 400, 'not JSON'],
    ['{"ops":[]}', 'text/plain', 415, 'takes application/json'],
    [`{"ops":[],"x":"${'x'.repeat(2 * 1024 * 1024)}"}`, 'application/json', 413, 'more than'],
  ])('%.30p as %s: %d', async (body, type, status, message) => {
    const init = { body, headers: { 'content-type': type } };
    const answer = await ask(node, 'POST', '/v1/batch', init);
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ message: expect.stringContaining(message) });
  });

  it('a lone surrogate in a key is that op’s failure', async () => {
    const body = '{"ops":[{"op":"get","key":"\\ud800"}]}';
    const init = { body, headers: { 'content-type': 'application/json' } };
    const answer = await ask(node, 'POST', '/v1/batch', init);
    expect(resultsOf(answer.json)).toMatchObject([{ code: 'INVALID_ARGUMENT' }]);
  });
});
