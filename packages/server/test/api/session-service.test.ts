// The Session stream over gRPC: hello rules, window, pushes, malformed frames, output bounds.

import { Code, Outcome, type SessionResponse } from '@cashe/codec';
import { type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ApiLimits } from '../../src/api/index.js';
import { ApiFixture, trailer, until } from '../support/api-fixture.js';
import { clusterId, hello, leader } from '../support/fake-calls.js';
import { clientHello, getOps, SessionClient, setOps } from '../support/session-client.js';

let fixture: ApiFixture;

async function start(limits: Partial<ApiLimits> = {}): Promise<SessionClient> {
  fixture = await ApiFixture.start(limits);
  return new SessionClient(fixture);
}

afterEach(() => fixture.close());

const MIB = 1024 * 1024;

function summary(error: ServiceError): readonly string[] {
  const { metadata } = error;
  const trailers = [trailer(metadata, 'cashe-code'), trailer(metadata, 'cashe-outcome')];
  return [status[error.code] ?? '', ...trailers];
}

describe('hello', () => {
  it('is answered with the window and at once followed by the leaders', async () => {
    const client = await start({ batchesMax: 7, bytesMax: 2 * MIB });
    client.send(clientHello);
    expect(await client.messages.next()).toEqual({
      kind: 'hello',
      protocolVersion: 1,
      ...hello,
      batchesMax: 7,
      bytesMax: 2 * MIB,
    });
    expect(await client.messages.next()).toEqual(leader);
  });

  it('grants a window that holds at least one batch', async () => {
    const client = await start({ bytesMax: 10 });
    expect((await client.greet()).bytesMax).toBe(hello.limits.batchBytesMax);
  });

  it('must come first', async () => {
    const client = await start();
    client.write(1);
    const error = await client.failure();
    expect(summary(error)).toEqual(['INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'not_committed']);
    expect(error.details).toBe('the first message is write; it must be hello');
  });

  it('must come only once', async () => {
    const client = await start();
    await client.greet();
    client.send(clientHello);
    expect((await client.failure()).details).toBe('a second hello; one is allowed');
  });

  it('must come in time', async () => {
    const client = await start({ helloMs: 30 });
    const error = await client.failure();
    expect(summary(error)[0]).toBe('DEADLINE_EXCEEDED');
    expect(error.details).toBe('no hello within 30 ms');
  });

  it('may name other protocol versions beside ours', async () => {
    const client = await start();
    client.send({ ...clientHello, protocolVersions: [2, 1] });
    expect(await client.messages.next()).toMatchObject({ protocolVersion: 1 });
  });

  it.each([
    ['of another protocol', { protocolVersions: [2, 3] }, 'versions 2, 3; this node speaks 1'],
    ['with a long name', { clientName: 'x'.repeat(65) }, 'longer than 64 bytes'],
  ])('%s is refused', async (_, part, details) => {
    const client = await start();
    client.send({ ...clientHello, ...part });
    const error = await client.failure();
    expect(summary(error)).toEqual(['INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'not_committed']);
    expect(error.details).toContain(details);
  });

  it('of a client of another cluster is CLUSTER_MISMATCH', async () => {
    const client = await start();
    client.send({ ...clientHello, clusterId: 'f'.repeat(32) });
    const error = await client.failure();
    expect(summary(error)).toEqual(['FAILED_PRECONDITION', 'CLUSTER_MISMATCH', 'not_committed']);
    expect(error.details).toContain(clusterId);
  });

  it('to a node without a cluster is UNAVAILABLE', async () => {
    const client = await start();
    fixture.calls.helloView = undefined;
    client.send(clientHello);
    const error = await client.failure();
    expect(summary(error)).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'not_committed']);
    expect(error.details).toContain('founder raft1');
  });
});

describe('batches', () => {
  it('are answered each with its transmission', async () => {
    const client = await start();
    await client.greet();
    client.send({ kind: 'open', transmission: 1, group: 0, remainingMs: 1000 });
    expect(await client.messages.next()).toMatchObject({ kind: 'session', transmission: 1 });
    client.write(2, setOps('k', Buffer.from('value')));
    expect(await client.messages.next()).toMatchObject({
      kind: 'write',
      transmission: 2,
      code: Code.OK,
      firstRevision: 1,
    });
    client.read(3, getOps('k', 'x'));
    const answer = await client.messages.next();
    expect(answer).toMatchObject({ kind: 'read', transmission: 3 });
    expect(answer.kind === 'read' && answer.results.map(({ found }) => found)).toEqual([
      true,
      false,
    ]);
    client.send({ kind: 'close', transmission: 4, group: 0, session: 1 });
    expect(await client.messages.next()).toMatchObject({ kind: 'session', transmission: 4 });
  });

  it('wait no longer than the node allows', async () => {
    const client = await start({ batchDeadlineMsMax: 1234 });
    await client.greet();
    client.write(1);
    await client.messages.next();
    expect(fixture.calls.writes[0]?.remainingMs).toBe(1234);
  });

  it('beyond the granted number end the stream', async () => {
    const client = await start({ batchesMax: 2 });
    await client.greet();
    fixture.calls.hold();
    for (const transmission of [1, 2, 3]) client.write(transmission);
    const error = await client.failure();
    expect(summary(error)).toEqual(['RESOURCE_EXHAUSTED', 'RESOURCE_EXHAUSTED', 'unknown']);
    expect(error.details).toContain('more than the 2 batches in flight');
  });

  it('beyond the granted bytes end the stream', async () => {
    const client = await start({ bytesMax: 0 });
    const { bytesMax } = await client.greet();
    fixture.calls.hold();
    client.write(1, setOps('k', new Uint8Array(MIB)));
    client.write(2, setOps('k', new Uint8Array(MIB)));
    expect((await client.failure()).details).toContain(`more than the ${bytesMax} bytes`);
  });

  it('free the window when they are answered', async () => {
    const client = await start({ batchesMax: 1 });
    await client.greet();
    for (const transmission of [1, 2, 3]) {
      client.write(transmission);
      expect(await client.messages.next()).toMatchObject({ transmission, code: Code.OK });
    }
  });

  it('beyond what the node holds for all streams are refused as BUSY', async () => {
    const client = await start({ totalBytesMax: 100 });
    await client.greet();
    client.write(1, setOps('k', new Uint8Array(200)));
    expect(await client.messages.next()).toMatchObject({
      kind: 'write',
      code: Code.BUSY,
      outcome: Outcome.NOT_COMMITTED,
    });
    client.read(2, getOps('k'.repeat(150)));
    expect(await client.messages.next()).toMatchObject({ kind: 'read', code: Code.BUSY });
    client.write(3, setOps('k', new Uint8Array(20)));
    expect(await client.messages.next()).toMatchObject({ code: Code.OK });
  });

  it('in flight are still answered when the client half-closes', async () => {
    const client = await start();
    await client.greet();
    fixture.calls.hold();
    client.write(1);
    client.stream.end();
    await fixture.calls.held();
    const ended = new Promise<void>((resolve) => client.stream.on('end', resolve));
    fixture.calls.release();
    expect(await client.messages.next()).toMatchObject({ transmission: 1, code: Code.OK });
    await ended;
  });
});

describe('leaders', () => {
  it('are pushed on each change until the stream ends', async () => {
    const client = await start();
    await client.greet();
    const next = { ...leader, term: 4, nodeId: 'raft1', clientAddress: '127.0.0.1:3001' };
    fixture.calls.pushLeader(next);
    expect(await client.messages.next()).toEqual(next);
    client.stream.end();
    await new Promise<void>((resolve) => client.stream.on('end', resolve));
    expect(fixture.calls.leaderListeners.size).toBe(0);
  });
});

describe('malformed frames', () => {
  it.each([
    ['no kind', []],
    ['an unknown wire type', [0x0f, 1]],
    ['a write that is cut off', [0x12, 40, 1]],
    ['two kinds', [0x0a, 0, 0x1a, 0]],
  ])('%s ends that stream only', async (_, bytes) => {
    const client = await start();
    const other = new SessionClient(fixture);
    await other.greet();
    await client.greet();
    client.stream.write(Buffer.from(bytes));
    const error = await client.failure();
    expect(summary(error)).toEqual(['INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'not_committed']);
    expect(error.details).toContain('malformed');
    other.write(1);
    expect(await other.messages.next()).toMatchObject({ code: Code.OK });
  });
});

describe('a client that does not read', () => {
  const value = new Uint8Array(MIB - 100);

  async function silentReader(limits: Partial<ApiLimits>, reads: number): Promise<SessionClient> {
    const client = await start(limits);
    await client.greet();
    client.write(1, setOps('big', value));
    await client.messages.next();
    client.stream.pause();
    for (let index = 0; index < reads; index++) client.read(index + 2, getOps('big'));
    return client;
  }

  it('loses its stream at the output bound', async () => {
    const bounds = { outputPauseBytes: 64 * MIB, outputBytesMax: 4 * MIB, readsInFlightMax: 16 };
    const client = await silentReader(bounds, 12);
    const error = await client.failure();
    expect(status[error.code]).toBe('RESOURCE_EXHAUSTED');
    expect(fixture.calls.leaderListeners.size).toBe(0);
  });

  it('is not served further reads until it reads, and then gets every answer', async () => {
    const client = await silentReader({ outputPauseBytes: 2 * MIB, readsInFlightMax: 2 }, 60);
    // A turn of another stream: what the silent one could get served it has by then.
    const other = new SessionClient(fixture);
    await other.greet();
    for (let turn = 1; turn <= 20; turn++) {
      other.write(turn);
      await other.messages.next();
    }
    expect(fixture.calls.reads.length).toBeLessThan(50);
    client.stream.resume();
    const answers: SessionResponse[] = [];
    while (answers.length < 60) answers.push(await client.messages.next());
    expect(answers.map((answer) => answer.kind === 'read' && answer.transmission)).toEqual(
      Array.from({ length: 60 }, (_, index) => index + 2),
    );
  });

  it('loses its stream when it takes nothing for too long', async () => {
    const client = await silentReader({ outputPauseBytes: MIB, outputStallMs: 60 }, 60);
    await until(() => fixture.calls.leaderListeners.size === 0);
    client.stream.resume();
    expect(status[(await client.failure()).code]).toBe('RESOURCE_EXHAUSTED');
  });
});

describe('more streams than the bound', () => {
  it('are refused', async () => {
    const client = await start({ sessionStreamsMax: 1 });
    await client.greet();
    const second = new SessionClient(fixture);
    expect(summary(await second.failure())[0]).toBe('RESOURCE_EXHAUSTED');
    client.stream.cancel();
    await until(() => fixture.calls.leaderListeners.size === 0);
    const third = new SessionClient(fixture);
    await third.greet();
  });
});
