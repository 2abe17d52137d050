// Goal: whatever happens on a connection has a defined end, in one form, with an outcome.
// Method: raw connections to the REST server alone; the rest of the node is the test's.

import type { Op } from '@cashe/codec';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { failed, outcomeOf, RestFixture } from './support/rest-fixture.js';
import { askUrl } from './support/rest-nodes.js';

let rest: RestFixture;

beforeEach(() => {
  rest = new RestFixture();
});
afterEach(() => rest.stop());

const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const put = (path: string, body: string) =>
  `PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
/** Everything of an error's answer that callers look at. */
const errorOf = (answer: string | undefined) => {
  const [head = '', body = ''] = (answer ?? '').split('\r\n\r\n');
  const { code, details, message } = JSON.parse(body) as Record<string, unknown>;
  expect(typeof message === 'string' && typeof details === 'object').toBe(true);
  const outcome = /^cashe-outcome: (.*)$/im.exec(head)?.[1];
  return [Number(head.split(' ')[1]), code, outcome];
};
/** A door that a test opens. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

describe('a connection', () => {
  it('is kept alive, and answers pipelined requests in their order', async () => {
    await rest.start();
    const raw = await rest.connect();
    raw.send(get('/v1/keys/a'));
    expect((await raw.answers(1))[0]).toMatch(/^HTTP\/1\.1 200 .*keep-alive.*\r\n\r\nvalue$/s);
    const first = gate();
    rest.run = async (ops) => {
      if (ops[0]?.key === 'slow') await first.passed;
      else first.open();
      return ops.map(outcomeOf);
    };
    raw.send(get('/v1/keys/slow') + put('/v1/keys/b', 'x') + get('/v1/keys/%FF'));
    const answers = (await raw.answers(4)).slice(1);
    expect(answers.map((answer) => answer.slice(9, 12))).toEqual(['200', '200', '400']);
    expect(answers[1]).toContain('{"revision":8}');
  });

  it('ends after as many requests as it may make', async () => {
    await rest.start({ requestsPerConnectionMax: 2 });
    const raw = await rest.connect();
    raw.send(get('/v1/keys/a'));
    expect((await raw.answers(1))[0]).toMatch(/connection: keep-alive/i);
    raw.send(get('/v1/keys/a'));
    expect((await raw.answers(2))[1]).toMatch(/connection: close/i);
    await raw.closed();
  });

  it('owes no answer when it ends, also when requests were pipelined', async () => {
    await rest.start({ requestsPerConnectionMax: 2 });
    const raw = await rest.connect();
    raw.send(get('/v1/keys/a') + get('/v1/keys/b') + get('/v1/keys/c'));
    const answers = await raw.answers(3);
    expect(answers.map((answer) => /connection: close/i.test(answer))).toEqual([
      false,
      false,
      true,
    ]);
    await raw.closed();
    expect(rest.ran).toHaveLength(3);
  });

  it('may not have too many requests without an answer', async () => {
    await rest.start({ pipelinedMax: 2 });
    const held = gate();
    rest.run = async (ops) => {
      await held.passed;
      return ops.map(outcomeOf);
    };
    const raw = await rest.connect();
    raw.send(get('/v1/keys/a').repeat(3));
    await until(() => rest.ran.length === 2);
    held.open();
    const answers = await raw.answers(3);
    expect(answers.map((answer) => answer.slice(9, 12))).toEqual(['200', '200', '429']);
  });

  it('may not make a node hold more answers than it can, and others wait no longer', async () => {
    await rest.start({ outputBytesMax: 40 * 1024 * 1024 });
    const value = Buffer.alloc(8 * 1024 * 1024);
    rest.run = async ([op]) => {
      const outcome = outcomeOf(op as Op);
      return outcome.kind === 'read' ? [{ ...outcome, result: { ...outcome.result, value } }] : [];
    };
    const raws = await Promise.all(Array.from({ length: 10 }, () => rest.connect()));
    for (const raw of raws) {
      raw.socket.pause();
      raw.send(get('/v1/keys/a'));
    }
    await until(() => rest.ran.length === 10 && rest.ends.size === 0);
    expect((await askUrl(rest.url('/v1/keys/a'), 'GET')).status).toBe(429);
    for (const raw of raws) raw.socket.destroy();
    await until(async () => (await askUrl(rest.url('/v1/keys/a'), 'GET')).status === 200);
  });

  it('ends with the answer that finds it too old', async () => {
    await rest.start({ connectionAgeMsMax: 0 });
    const raw = await rest.connect();
    raw.send(get('/v1/keys/a'));
    expect((await raw.answers(1))[0]).toMatch(/connection: close/i);
  });

  it('beyond the bound is refused, and logged', async () => {
    await rest.start({ connectionsMax: 1 });
    await rest.connect();
    await (await rest.connect()).closed();
    expect(rest.logged).toEqual(['a connection was refused']);
  });
});

describe('what is not a request', () => {
  it.each([
    ['\x16\x03\x01\r\n\r\n', 400, 'INVALID_ARGUMENT'],
    ['GET / HTTP/1.1\r\n\r\n', 400, 'INVALID_ARGUMENT'],
    ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n', 400, 'INVALID_ARGUMENT'],
    [get('/', `X: ${'x'.repeat(20_000)}\r\n`), 431, 'HEAD_TOO_LARGE'],
    [get(`/${'x'.repeat(20_000)}`), 431, 'HEAD_TOO_LARGE'],
    [get('/nowhere'), 404, 'UNKNOWN_ROUTE'],
    ['CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 501, 'UNIMPLEMENTED'],
    ['PROPFIND /v1/keys/a HTTP/1.1\r\nHost: x\r\n\r\n', 405, 'METHOD_NOT_ALLOWED'],
  ])('%.20j is %d %s', async (text, status, code) => {
    await rest.start();
    const raw = await rest.connect();
    raw.send(text);
    const [answer] = await raw.answers(1);
    expect(errorOf(answer)).toEqual([status, code, 'not_committed']);
  });

  it('does not take away the answer to the request before it', async () => {
    await rest.start();
    const raw = await rest.connect();
    const answered = gate();
    rest.run = async (ops) => {
      await answered.passed;
      return ops.map(outcomeOf);
    };
    raw.send(`${put('/v1/keys/a', 'x')}no request\r\n\r\n`);
    answered.open();
    const [answer] = await raw.answers(1);
    expect(answer).toContain('{"revision":8}');
    await raw.closed();
    expect(await raw.answers(1)).toHaveLength(1);
  });

  it('an expectation that is not known is ignored, a known one is met', async () => {
    await rest.start();
    const raw = await rest.connect();
    raw.send(get('/v1/keys/a', 'Expect: more\r\n'));
    expect((await raw.answers(1))[0]).toMatch(/^HTTP\/1\.1 200/);
    const head = 'Expect: 100-continue\r\nContent-Length: 1\r\n';
    raw.send(`PUT /v1/keys/a HTTP/1.1\r\nHost: x\r\n${head}\r\n`);
    expect((await raw.answers(2))[1]).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    raw.send('x');
    expect((await raw.answers(3))[2]).toContain('{"revision":8}');
    raw.send(get('/v1/keys/a', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
    expect((await raw.answers(4))[3]).toMatch(/^HTTP\/1\.1 200/);
  });
});

describe('an upload', () => {
  const slow = 'PUT /v1/keys/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc';

  it('that takes too long is ended with 408', async () => {
    await rest.start({ headTimeoutMs: 200, requestTimeoutMs: 200 });
    const raw = await rest.connect();
    raw.send(slow);
    const [answer] = await raw.answers(1);
    expect(errorOf(answer)).toEqual([408, 'REQUEST_TIMEOUT', 'not_committed']);
    await raw.closed();
    expect(rest.ran).toEqual([]);
  });

  it('that is given up by its client leaves nothing behind', async () => {
    await rest.start({ uploadBytesMax: 8 });
    const raw = await rest.connect();
    raw.send(slow);
    await until(() => rest.credentials.length === 1);
    raw.socket.destroy();
    // The bytes it had are free again: 8 fit.
    await until(async () => (await askUrl(rest.url('/v1/keys/b'), 'PUT', eight)).status === 200);
    expect(rest.ran).toHaveLength(1);
    expect(rest.logged).toEqual([]);
  });

  const eight = { body: '12345678' };

  it('beyond what a node receives at a time is refused', async () => {
    await rest.start({ uploadBytesMax: 7 });
    const answer = await askUrl(rest.url('/v1/keys/b'), 'PUT', eight);
    expect([answer.status, answer.json]).toMatchObject([429, { code: 'RESOURCE_EXHAUSTED' }]);
    expect(answer.headers.get('retry-after')).toBe('1');
  });
});

describe('a call', () => {
  it.each([
    [[], {}, 5_000, 5_000],
    [['cashe-timeout-ms', '1000'], {}, 900, 980],
    [[], '?timeout=1000', 900, 980],
    [['cashe-timeout-ms', '90000'], {}, 60_000, 60_000],
    [['cashe-timeout-ms', '1'], {}, 0, 1],
  ])('with %j %j has %d to %d ms', async (header, query, least, most) => {
    await rest.start();
    const [name, value = ''] = header;
    const headers: Record<string, string> = name === undefined ? {} : { [name]: value };
    const path = `/v1/keys/a${typeof query === 'string' ? query : ''}`;
    expect((await askUrl(rest.url(path), 'GET', { headers })).status).toBe(200);
    const { remainingMs = -1 } = rest.ran[0]?.options ?? {};
    expect(remainingMs >= least && remainingMs <= most).toBe(true);
  });

  it('with two deadlines is refused', async () => {
    await rest.start();
    const headers = { 'cashe-timeout-ms': '5' };
    const answer = await askUrl(rest.url('/v1/keys/a?timeout=5'), 'GET', { headers });
    expect(answer.json).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('whose client goes away is given up', async () => {
    await rest.start();
    const cancelled = gate();
    rest.run = async (ops, { onCancelled }) => {
      onCancelled(cancelled.open);
      await cancelled.passed;
      return ops.map(() => failed('ABORTED'));
    };
    const raw = await rest.connect();
    raw.send(get('/v1/keys/a'));
    await until(() => rest.ran.length === 1);
    raw.socket.destroy();
    await cancelled.passed;
    await until(() => rest.ends.size === 0);
  });

  it('beyond the bound of calls is refused', async () => {
    await rest.start();
    rest.callsMax = 0;
    const answer = await askUrl(rest.url('/v1/keys/a'), 'GET');
    expect([answer.status, answer.json]).toMatchObject([429, { code: 'RESOURCE_EXHAUSTED' }]);
    expect(rest.ran).toEqual([]);
  });

  it('of nobody known is refused before its body is read', async () => {
    await rest.start();
    const message = 'the token is not known';
    rest.principal = { code: 'UNAUTHENTICATED', outcome: 'notCommitted', message };
    const raw = await rest.connect();
    const head = 'Host: x\r\nAuthorization: Bearer t\r\nContent-Length: 100';
    raw.send(`PUT /v1/keys/a HTTP/1.1\r\n${head}\r\n\r\n`);
    const [answer] = await raw.answers(1);
    expect(errorOf(answer)).toEqual([401, 'UNAUTHENTICATED', 'not_committed']);
    expect(answer).toMatch(/www-authenticate: Bearer/i);
    expect(rest.credentials[0]).toMatchObject({ authorization: 'Bearer t', from: '127.0.0.1' });
  });

  it.each([
    [failed('DEADLINE_EXCEEDED'), 504, 'DEADLINE_EXCEEDED', 'not_committed'],
    [failed('UNKNOWN_OUTCOME', 'unknown'), 500, 'UNKNOWN_OUTCOME', 'unknown'],
    [failed('ABORTED', 'unknown'), 409, 'ABORTED', 'unknown'],
    [failed('PERMISSION_DENIED'), 403, 'PERMISSION_DENIED', 'not_committed'],
    [failed('RESOURCE_EXHAUSTED'), 429, 'RESOURCE_EXHAUSTED', 'not_committed'],
    [failed('UNAVAILABLE'), 503, 'UNAVAILABLE', 'not_committed'],
    [failed('CLOSED'), 503, 'UNAVAILABLE', 'not_committed'],
    [failed('CLUSTER_MISMATCH'), 409, 'CLUSTER_MISMATCH', 'not_committed'],
    [failed('TOO_LARGE'), 413, 'TOO_LARGE', 'not_committed'],
  ])('that fails with %j', async (outcome, status, code, text) => {
    await rest.start();
    rest.run = async () => [outcome];
    const answer = await askUrl(rest.url('/v1/keys/a'), 'DELETE');
    expect([answer.status, answer.json]).toEqual([
      status,
      { code, message: 'as the test says', details: {} },
    ]);
    expect(answer.headers.get('cashe-outcome')).toBe(text);
  });

  it('that meets a bug of ours is INTERNAL, unknown and logged', async () => {
    await rest.start();
    rest.run = () => Promise.reject(new Error('secret'));
    const answer = await askUrl(rest.url('/v1/keys/a'), 'DELETE');
    expect([answer.status, answer.json]).toMatchObject([500, { code: 'INTERNAL' }]);
    expect(answer.headers.get('cashe-outcome')).toBe('unknown');
    expect(answer.text).not.toContain('secret');
    expect(rest.logged).toEqual(['a request failed unexpectedly']);
  });
});

describe('a port that stops', () => {
  it('answers what is in flight, refuses what comes on the same connection, and ends', async () => {
    await rest.start();
    const idle = await rest.connect();
    idle.send(get('/v1/keys/a'));
    await idle.answers(1);
    const held = gate();
    rest.run = async (ops) => {
      await held.passed;
      return ops.map(outcomeOf);
    };
    const raw = await rest.connect();
    raw.send(get('/v1/keys/a'));
    await until(() => rest.ran.length === 2);
    rest.server.stopAccepting();
    await idle.closed();
    held.open();
    const [answer] = await raw.answers(1);
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*connection: close/is);
    await raw.closed();
    await rest.server.close();
  });

  it('asks for an answer now, which says that the outcome is unknown', async () => {
    await rest.start();
    rest.run = () => new Promise(() => undefined);
    const raw = await rest.connect();
    raw.send(put('/v1/keys/a', 'x'));
    await until(() => rest.ends.size === 1);
    const message = 'this node stopped before the answer was there';
    for (const end of rest.ends) end({ code: 'UNAVAILABLE', outcome: 'unknown', message });
    expect(errorOf((await raw.answers(1))[0])).toEqual([503, 'UNAVAILABLE', 'unknown']);
    expect(rest.ends.size).toBe(0);
  });

  it('ends connections that never do by themselves', async () => {
    await rest.start({ flushMs: 50 });
    rest.run = () => new Promise(() => undefined);
    const raw = await rest.connect();
    raw.send(get('/v1/keys/a'));
    await until(() => rest.ran.length === 1);
    await rest.server.close();
    await raw.closed();
  });
});

/** Looks again each time the loop has come round. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}
