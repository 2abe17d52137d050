// Every unary KV method through the generated client: answers, errors with their trailers, limits.

import { Code, Consistency, Outcome } from '@cashe/codec';
import { type KVClient, KVService } from '@cashe/proto';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiFixture, answer, failure, trailer } from '../support/api-fixture.js';

const text = (value: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(value));
const set = (key: string, value: Uint8Array<ArrayBuffer> = text('v')) => ({
  key,
  value,
  keepTtl: false,
});

const MARGIN_MS = 1_500;

let fixture: ApiFixture;
let kv: KVClient;

beforeEach(async () => {
  // A wide margin: on a busy machine the answer must still beat the caller's own timer.
  fixture = await ApiFixture.start({ deadlineMarginMs: MARGIN_MS });
  kv = fixture.kv();
});
afterEach(() => fixture.close());

function expectError(error: ServiceError, code: status, casheCode: string, outcome: string): void {
  const { metadata } = error;
  expect({
    status: status[error.code],
    code: trailer(metadata, 'cashe-code'),
    outcome: trailer(metadata, 'cashe-outcome'),
  }).toEqual({ status: status[code], code: casheCode, outcome });
}

const getOf = (key: string) =>
  answer<Awaited<ReturnType<typeof KVService.get.responseDeserialize>>>((done) =>
    kv.get({ key, consistency: Consistency.UNSPECIFIED }, done),
  );

describe('one key', () => {
  it('is set, read with revision, version and ttl, and deleted', async () => {
    const first = await answer<{ revision: number }>((done) => kv.set(set('k'), done));
    const second = await answer<{ revision: number }>((done) =>
      kv.set({ ...set('k', text('two')), ttlMs: 5000 }, done),
    );
    expect(second.revision).toBe(first.revision + 1);
    expect(await getOf('k')).toEqual({
      found: true,
      value: Buffer.from('two'),
      revision: second.revision,
      version: 2,
      ttlMs: 5000,
    });
    const has = { key: 'k', consistency: Consistency.LINEARIZABLE };
    expect(await answer((done) => kv.has(has, done))).toEqual({ found: true });
    expect(await answer((done) => kv.delete({ key: 'k' }, done))).toEqual({
      found: true,
      revision: second.revision + 1,
    });
    expect(await answer((done) => kv.has(has, done))).toEqual({ found: false });
  });

  it('that is absent is an answer, not an error', async () => {
    const miss = { found: false, value: Buffer.alloc(0), revision: 0, version: 0 };
    expect(await getOf('nobody')).toEqual({ ...miss, ttlMs: undefined });
    const deleted = await answer((done) => kv.delete({ key: 'nobody' }, done));
    expect(deleted).toEqual({ found: false, revision: 0 });
  });

  it('is read as anonymous without TLS, and STALE reads say so to the host', async () => {
    await answer((done) => kv.get({ key: 'k', consistency: Consistency.STALE }, done));
    expect([...fixture.calls.principals]).toEqual(['anonymous']);
    expect(fixture.calls.reads[0]?.consistency).toBe(Consistency.STALE);
  });
});

describe('many keys', () => {
  it('are set, read and deleted with one status each, in order', async () => {
    const entries = [set('a', text('1')), set('b', text('2')), set('', text('3'))];
    const { results } = await answer<{ results: object[] }>((done) =>
      kv.setMany({ entries }, done),
    );
    expect(results).toMatchObject([
      { code: Code.OK, revision: expect.any(Number) },
      { code: Code.OK, revision: expect.any(Number) },
      { code: Code.INVALID_ARGUMENT, outcome: Outcome.NOT_COMMITTED, revision: 0 },
    ]);
    const read = { keys: ['b', 'x', 'a', 'b'], consistency: Consistency.UNSPECIFIED };
    const many = await answer<{ results: { found: boolean; value: Uint8Array }[] }>((done) =>
      kv.getMany(read, done),
    );
    expect(many.results.map(({ found, value }) => [found, String(value)])).toEqual([
      [true, '2'],
      [false, ''],
      [true, '1'],
      [true, '2'],
    ]);
    const gone = await answer<{ results: object[] }>((done) =>
      kv.deleteMany({ keys: ['a', 'x'] }, done),
    );
    expect(gone.results).toMatchObject([
      { code: Code.OK, found: true },
      { code: Code.OK, found: false, revision: 0 },
    ]);
  });

  it('that are none have no results', async () => {
    expect(await answer((done) => kv.setMany({ entries: [] }, done))).toEqual({ results: [] });
  });

  it('whose values do not fit into one answer are refused one by one', async () => {
    const value = new Uint8Array(1024 * 1024);
    const keys = ['1', '2', '3', '4', '5', '6'];
    for (const key of keys) await answer((done) => kv.set(set(key, value), done));
    const many = await answer<{ results: { code: Code; message: string }[] }>((done) =>
      kv.getMany({ keys, consistency: Consistency.UNSPECIFIED }, done),
    );
    const { OK, RESOURCE_EXHAUSTED: full } = Code;
    expect(many.results.map(({ code }) => code)).toEqual([OK, OK, OK, full, full, full]);
    expect(many.results[3]?.message).toContain('ask for fewer keys');
  });

  it('that are too many are refused, naming the limit', async () => {
    const keys = Array.from({ length: 1025 }, (_, index) => `k${index}`);
    const error = await failure((done) => kv.deleteMany({ keys }, done));
    expectError(error, status.INVALID_ARGUMENT, 'INVALID_ARGUMENT', 'not_committed');
    expect(error.details).toBe('1025 keys; up to 1024 are allowed in one call');
  });
});

describe('bad arguments', () => {
  it.each([
    ['an empty key', set(''), 'INVALID_ARGUMENT', 'the key is empty'],
    ['a long key', set('k'.repeat(1025)), 'TOO_LARGE', '1025 bytes, more than 1024'],
    ['a large value', set('k', new Uint8Array(1024 * 1024 + 1)), 'TOO_LARGE', 'more than 1048576'],
    ['ttl 0', { ...set('k'), ttlMs: 0 }, 'INVALID_ARGUMENT', 'ttl_ms is 0; 1 to 2^53 - 1'],
    ['ttl and keep_ttl', { ...set('k'), ttlMs: 1, keepTtl: true }, 'INVALID_ARGUMENT', 'keep_ttl'],
  ])('%s is INVALID_ARGUMENT and says what is allowed', async (_, request, code, details) => {
    const error = await failure((done) => kv.set(request, done));
    expectError(error, status.INVALID_ARGUMENT, code, 'not_committed');
    expect(error.details).toContain(details);
  });

  it.each([
    ['a key that is not UTF-8', [0x0a, 2, 0xc3, 0x28], 'a string is not UTF-8'],
    ['a request that is cut off', [0x0a, 9, 0x61], 'a length exceeds what follows it'],
    ['an unknown consistency', [0x0a, 1, 0x61, 0x10, 9], 'consistency 9 is unknown'],
  ])('%s is INVALID_ARGUMENT', async (_, bytes, details) => {
    const error = await failure((done) =>
      kv.makeUnaryRequest(KVService.get.path, Buffer.from, Buffer.from, bytes, done),
    );
    expectError(error, status.INVALID_ARGUMENT, 'INVALID_ARGUMENT', 'not_committed');
    expect(error.details).toContain(details);
  });

  it('that a newer client may send are skipped', async () => {
    const bytes = Buffer.concat([
      KVService.set.requestSerialize(set('newer')),
      Buffer.from([0xfa, 0x07, 1, 0]),
    ]);
    const same = (value: Buffer): Buffer => value;
    await answer((done) => kv.makeUnaryRequest(KVService.set.path, same, same, bytes, done));
    expect(fixture.calls.stored.has('newer')).toBe(true);
  });
});

describe('failures (R29)', () => {
  const deadlineMs = MARGIN_MS + 1_000;
  const within = () => ({ deadline: Date.now() + deadlineMs });

  it('of a node without a cluster are UNAVAILABLE and say what it waits for', async () => {
    fixture.calls.helloView = undefined;
    const error = await failure((done) => kv.set(set('k'), done));
    expectError(error, status.UNAVAILABLE, 'UNAVAILABLE', 'not_committed');
    expect(error.details).toBe('this node does not serve yet; it waits for founder raft1');
  });

  it('of a read without an answer are DEADLINE_EXCEEDED with an outcome', async () => {
    fixture.calls.hold();
    const error = await failure((done) =>
      kv.get({ key: 'k', consistency: 0 }, new Metadata(), within(), done),
    );
    expectError(error, status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED', 'not_committed');
  });

  it('of a numbered write without an answer are UNKNOWN with outcome unknown', async () => {
    fixture.calls.hold();
    const error = await failure((done) => kv.set(set('k'), new Metadata(), within(), done));
    expectError(error, status.UNKNOWN, 'UNKNOWN_OUTCOME', 'unknown');
  });

  it('of a write that every transmission refused are not committed', async () => {
    const outcome = Outcome.NOT_COMMITTED;
    fixture.calls.writeRefusal = { code: Code.RESOURCE_EXHAUSTED, outcome, message: 'full' };
    const error = await failure((done) => kv.set(set('k'), done));
    expectError(error, status.RESOURCE_EXHAUSTED, 'RESOURCE_EXHAUSTED', 'not_committed');
    expect(error.details).toContain('full');
  });

  it('of a leader change are repeated with the same number: nothing executes twice', async () => {
    const outcome = Outcome.UNKNOWN;
    fixture.calls.hold();
    const done = answer<{ revision: number }>((callback) => kv.set(set('once'), callback));
    await fixture.calls.held();
    fixture.calls.writeRefusal = { code: Code.UNKNOWN_OUTCOME, outcome, message: 'stepped down' };
    fixture.calls.release();
    fixture.calls.hold();
    await fixture.calls.held();
    fixture.calls.writeRefusal = undefined;
    fixture.calls.release();
    await done;
    expect(fixture.calls.stored.get('once')?.version).toBe(1);
    const numbers = fixture.calls.writes.map(({ session, sequence }) => [session, sequence]);
    expect(numbers).toEqual([numbers[0], numbers[0]]);
  });

  it('beyond the bound of calls in flight are RESOURCE_EXHAUSTED', async () => {
    const small = await ApiFixture.start({ unaryCallsMax: 1 });
    try {
      small.calls.hold();
      const client = small.kv();
      const first = answer((done) => client.set(set('k'), done));
      await small.calls.held();
      const error = await failure((done) => client.set(set('l'), done));
      expectError(error, status.RESOURCE_EXHAUSTED, 'RESOURCE_EXHAUSTED', 'not_committed');
      small.calls.release();
      await first;
    } finally {
      small.close();
    }
  });

  it('of a cancelled call leave nothing behind', async () => {
    fixture.calls.hold();
    const cancelled = new Promise<ServiceError>((resolve) => {
      const call = kv.get({ key: 'k', consistency: 0 }, (error) => resolve(error as ServiceError));
      void fixture.calls.held().then(() => call.cancel());
    });
    expect((await cancelled).code).toBe(status.CANCELLED);
    fixture.calls.release();
    await getOf('k');
    // Drains at once only if the cancelled call is not counted any more.
    await fixture.server.drain(60_000);
  });

  it('of the port with anything but gRPC leave it serving', async () => {
    await expect(fetch(`http://${fixture.address}/`)).rejects.toThrow();
    expect((await getOf('k')).found).toBe(false);
  });
});
