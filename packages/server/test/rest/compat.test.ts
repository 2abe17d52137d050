// Goal: users of raft-cache, minicacher and minicache switch by changing a port.
// Method: each of their routes, with status codes and bodies, on one real node and on three.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningNode } from '../../src/index.js';
import { type Answer, ask, RestNodes } from './support/rest-nodes.js';

const nodes = new RestNodes();
let node: RunningNode;

beforeAll(async () => {
  node = await nodes.one({ compat: true });
});
afterAll(() => nodes.stopAll());

/** As `curl -d` sends it, with a Content-Type that is not JSON's. */
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const send = (path: string, body: unknown, to = node): Promise<Answer> =>
  ask(to, 'POST', path, { headers: form, body: JSON.stringify(body) });

describe('raft-cache', () => {
  it('sets by path in both forms, reads text with a line feed, deletes', async () => {
    const set = await ask(node, 'POST', '/api/v1/key/name/Ann%20B%2FC');
    expect([set.status, set.text]).toEqual([200, '']);
    const get = await ask(node, 'GET', '/api/v1/key/name');
    expect([get.status, get.text]).toEqual([200, 'Ann B/C\n']);
    expect(get.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const other = await ask(node, 'POST', '/api/v1/key/name/value/other');
    expect([other.status, other.text]).toEqual([200, '']);
    expect((await ask(node, 'GET', '/api/v1/key/name')).text).toBe('other\n');
    // Of two segments the second is the value, also when it is the word.
    await ask(node, 'POST', '/api/v1/key/name/value');
    expect((await ask(node, 'GET', '/api/v1/key/name')).text).toBe('value\n');
    const gone = await ask(node, 'DELETE', '/api/v1/key/name');
    expect([gone.status, gone.text]).toEqual([200, '']);
    const miss = await ask(node, 'GET', '/api/v1/key/name');
    expect([miss.status, miss.json]).toEqual([404, { error: 'key not found' }]);
  });

  it.each([
    ['POST', '/api/v1/key/k/', 400, 'value is required'],
    ['POST', '/api/v1/key//v', 400, 'key is required'],
    ['POST', '/api/v1/key/k/value/', 400, 'value is required'],
    ['GET', '/api/v1/key/', 400, 'key is required'],
    ['DELETE', '/api/v1/key/', 400, 'key is required'],
    ['DELETE', '/api/v1/node/', 400, 'id is required'],
    ['DELETE', '/api/v1/node/no-such-node', 404, 'no member has the id no-such-node'],
  ])('%s %s: %d', async (method, path, status, error) => {
    const answer = await ask(node, method, path);
    expect([answer.status, answer.json]).toEqual([status, { error }]);
  });

  it.each([
    [{ addr: '127.0.0.1:1' }, 'node_id is required'],
    [{ node_id: 'n' }, 'addr is required'],
    [{ node_id: '', addr: '127.0.0.1:1' }, 'node_id is required'],
    [{ node_id: 'a b', addr: '127.0.0.1:1' }, 'node_id has to be 1 to 64'],
    [{ node_id: 'n', addr: 'nowhere' }, 'addr: '],
    [[], 'the body has to be a JSON object'],
  ])('POST /api/v1/node with %j is 400', async (body, error) => {
    const answer = await send('/api/v1/node', body);
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({ error: expect.stringContaining(error) });
  });

  it('a node that does not answer is 503', async () => {
    const answer = await send('/api/v1/node', { node_id: 'n', addr: '127.0.0.1:1' });
    expect(answer.status).toBe(503);
    expect(answer.json).toEqual({ error: expect.stringContaining('no node answers') });
  });
});

describe('minicacher', () => {
  it('stores JSON, reads it, knows HEAD and DELETE', async () => {
    const set = await send('/store', { key: 'k/1', value: 'ä' });
    expect([set.status, set.json]).toEqual([
      201,
      { message: 'value set successfully', key: 'k/1' },
    ]);
    const get = await ask(node, 'GET', '/store/k%2F1');
    expect([get.status, get.json]).toEqual([200, { key: 'k/1', value: 'ä' }]);
    const head = await ask(node, 'HEAD', '/store/k%2F1');
    expect([head.status, head.text]).toEqual([200, '']);
    const gone = await ask(node, 'DELETE', '/store/k%2F1');
    expect([gone.status, gone.json]).toEqual([
      200,
      { message: 'value deleted successfully', key: 'k/1' },
    ]);
    const miss = await ask(node, 'GET', '/store/k%2F1');
    expect([miss.status, miss.json]).toEqual([404, { error: 'key not found' }]);
    expect((await ask(node, 'HEAD', '/store/k%2F1')).status).toBe(404);
  });

  it.each([
    [{ value: 'v' }, 'key is required'],
    [{ key: '', value: 'v' }, 'key is required'],
    [{ key: 'k' }, 'value is required'],
    [{ key: 'k', value: '' }, 'value is required'],
    [{ key: 'k', value: 5 }, 'value has to be a string'],
    [{ key: 'k', value: '\ud800' }, 'value has a lone surrogate, which is not text'],
    [{ key: '\ud800', value: 'v' }, 'the key has a lone surrogate'],
  ])('POST /store with %j is 400', async (body, error) => {
    const answer = await send('/store', body);
    expect([answer.status, answer.json]).toEqual([400, { error }]);
  });

  it.each(['/store', '/join', '/leave', '/put', '/api/v1/node'])(
    'broken JSON at %s is 400',
    async (path) => {
      const answer = await ask(node, 'POST', path, { headers: form, body: '{"key":' });
      expect(answer.status).toBe(400);
      expect(answer.json).toEqual({ error: expect.stringContaining('the body is not JSON') });
    },
  );

  it('tells its health and who leads', async () => {
    const health = await ask(node, 'GET', '/health');
    expect([health.status, health.json]).toEqual([
      200,
      {
        status: 'healthy',
        is_leader: true,
        leader_addr: node.clientAddress,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/),
      },
    ]);
  });

  it.each([
    ['/join', { id: 'n' }, 400, 'addr is required'],
    ['/join', { addr: '127.0.0.1:1' }, 400, 'id is required'],
    ['/join', { id: 'n', addr: '127.0.0.1:1' }, 503, 'no node answers'],
    ['/leave', {}, 400, 'id is required'],
    ['/leave', { id: 'no-such-node' }, 404, 'no member has the id'],
    ['/leave', { id: 'raft0' }, 400, 'last member'],
    ['/stepdown', {}, 400, 'no other voter'],
  ])('POST %s with %j is %d', async (path, body, status, error) => {
    const answer = await send(path, body);
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({ error: expect.stringContaining(error) });
  });
});

describe('minicache', () => {
  it('puts a pair and gets the value, and a miss is an answer', async () => {
    const put = await send('/put', { key: 'k', value: 'v' });
    expect([put.status, put.json]).toEqual([201, { key: 'k', value: 'v' }]);
    const get = await ask(node, 'GET', '/get/k');
    expect([get.status, get.json]).toEqual([200, { value: 'v' }]);
    const empty = await send('/put', { key: 'k', value: '' });
    expect([empty.status, empty.json]).toEqual([201, { key: 'k', value: '' }]);
    expect((await ask(node, 'GET', '/get/k')).json).toEqual({ value: '' });
    const miss = await ask(node, 'GET', '/get/no-such-key');
    expect([miss.status, miss.json]).toEqual([200, { message: 'key not found' }]);
  });

  it.each(['0', 'soon', '5&timeout=6'])('the deadline %s is 400', async (timeout) => {
    const answer = await ask(node, 'GET', `/get/k?timeout=${timeout}`);
    expect([answer.status, answer.json]).toEqual([
      400,
      { error: 'timeout is not a positive integer' },
    ]);
  });

  it('an empty key is 400', async () => {
    const answer = await send('/put', { key: '', value: 'v' });
    expect([answer.status, answer.json]).toEqual([400, { error: 'key is required' }]);
  });
});

describe('values that are not text', () => {
  it.each(['/api/v1/key/raw', '/store/raw', '/get/raw'])('are 406 at %s', async (path) => {
    await ask(node, 'PUT', '/v1/keys/raw', {
      body: Uint8Array.of(0xff, 0xfe) as NonNullable<RequestInit['body']>,
    });
    const answer = await ask(node, 'GET', path);
    const error = 'the value is not text: read it at /v1/keys/{key}';
    expect([answer.status, answer.json]).toEqual([406, { error }]);
    expect((await ask(node, 'HEAD', '/store/raw')).status).toBe(200);
  });

  it('a byte order mark is part of the value', async () => {
    await send('/put', { key: 'bom', value: '\ufeffx' });
    expect((await ask(node, 'GET', '/get/bom')).json).toEqual({ value: '\ufeffx' });
  });
});

describe('without --compat', () => {
  it('none of the routes is there', async () => {
    const plain = await nodes.one({ id: 'plain' });
    for (const path of ['/store/k', '/get/k', '/api/v1/key/k', '/health']) {
      const answer = await ask(plain, 'GET', path);
      expect([answer.status, answer.json]).toMatchObject([404, { code: 'UNKNOWN_ROUTE' }]);
    }
  });
});
