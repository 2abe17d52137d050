// Exactly-once and permissions (R14, R40): the session table speaks before the policy does.

import { Code, OpsEncoder, Outcome, opFor, type SessionResponse } from '@cashe/codec';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RunningNode } from '../../src/index.js';
import { getOps, type SessionClient, setOps } from '../support/session-client.js';
import { everything, grants, Place } from './node.js';

// Real nodes: seconds on a busy machine.
jest.setTimeout(20_000);

const roles = {
  root: everything,
  app: grants('app:', 'read', 'write'),
  other: grants('app:', 'read', 'write'),
  reader: grants('app:', 'read'),
};

const place = new Place();
let node: RunningNode;

beforeAll(async () => {
  node = await place.node({ access: place.policies.of(roles) });
});
beforeEach(() => place.setPolicy(node, place.policies.of(roles)));
afterAll(() => place.end());

type Kind = SessionResponse['kind'];

async function answerOf<K extends Kind>(
  client: SessionClient,
  kind: K,
): Promise<Extract<SessionResponse, { kind: K }>> {
  for (;;) {
    const message = await client.messages.next();
    if (message.kind === kind) return message as Extract<SessionResponse, { kind: K }>;
  }
}

async function open(name: string): Promise<{ client: SessionClient; session: number }> {
  const client = place.session(node, name);
  await client.greet();
  client.send({ kind: 'open', transmission: 1, group: 0, remainingMs: 5000 });
  const { code, session } = await answerOf(client, 'session');
  expect(code).toBe(Code.OK);
  return { client, session };
}

function write(client: SessionClient, session: number, sequence: number, ops: Uint8Array): void {
  const numbers = { session, sequence, firstOutstanding: 1, remainingMs: 5000 };
  client.send({ kind: 'write', transmission: 100 + sequence, group: 0, ...numbers, ops });
}

describe('a batch that is sent again', () => {
  it('after the right was taken away is answered as it was executed', async () => {
    const { client, session } = await open('app');
    const ops = setOps('app:once', Uint8Array.of(1));
    write(client, session, 1, ops);
    const first = await answerOf(client, 'write');
    expect(first).toMatchObject({ code: Code.OK, outcome: Outcome.COMMITTED, exceptions: [] });
    await place.setPolicy(node, place.policies.of({ ...roles, app: roles.reader }));
    write(client, session, 1, ops);
    expect(await answerOf(client, 'write')).toEqual(first);
    write(client, session, 2, setOps('app:twice', Uint8Array.of(1)));
    const second = await answerOf(client, 'write');
    expect(second).toMatchObject({ code: Code.OK, exceptions: [{ code: Code.PERMISSION_DENIED }] });
    expect(second.exceptions[0]?.message).toContain('token/app needs write on key "app:twice"');
  });

  it('keeps its own reason where an op of it did nothing', async () => {
    const { client, session } = await open('app');
    const encoder = new OpsEncoder();
    encoder.add(opFor.delete('app:absent'));
    const ops = encoder.finish(new Uint8Array(8));
    write(client, session, 1, ops);
    const first = await answerOf(client, 'write');
    expect(first.exceptions).toMatchObject([{ code: Code.NOT_FOUND }]);
    await place.setPolicy(node, place.policies.of({ ...roles, app: roles.reader }));
    write(client, session, 1, ops);
    expect(await answerOf(client, 'write')).toEqual(first);
  });

  it('after the right was given stays denied: its answer is remembered', async () => {
    await place.setPolicy(node, place.policies.of({ ...roles, app: grants('x', 'write') }));
    const { client, session } = await open('app');
    const ops = setOps('app:never', Uint8Array.of(1));
    write(client, session, 1, ops);
    const denial = { code: Code.OK, exceptions: [{ index: 0, code: Code.PERMISSION_DENIED }] };
    expect(await answerOf(client, 'write')).toMatchObject(denial);
    await place.setPolicy(node, place.policies.of(roles));
    write(client, session, 1, ops);
    expect(await answerOf(client, 'write')).toMatchObject(denial);
    client.read(200, getOps('app:never'));
    expect(await answerOf(client, 'read')).toMatchObject({ results: [{ found: false }] });
  });
});

describe('a session', () => {
  it('cannot be used, nor closed, by another principal', async () => {
    const { client, session } = await open('app');
    write(client, session, 1, setOps('app:mine', Uint8Array.of(1)));
    await answerOf(client, 'write');
    const stranger = place.session(node, 'other');
    await stranger.greet();
    write(stranger, session, 2, setOps('app:mine', Uint8Array.of(2)));
    expect(await answerOf(stranger, 'write')).toMatchObject({
      code: Code.SESSION_CONFLICT,
      outcome: Outcome.NOT_COMMITTED,
    });
    stranger.send({ kind: 'close', transmission: 9, group: 0, session });
    expect(await answerOf(stranger, 'session')).toMatchObject({ code: Code.SESSION_CONFLICT });
    write(client, session, 2, setOps('app:mine', Uint8Array.of(3)));
    expect(await answerOf(client, 'write')).toMatchObject({ code: Code.OK, exceptions: [] });
  });

  it('is opened for nobody who may write nothing', async () => {
    const client = place.session(node, 'reader');
    await client.greet();
    client.send({ kind: 'open', transmission: 1, group: 0, remainingMs: 5000 });
    const refused = await answerOf(client, 'session');
    expect(refused.code).toBe(Code.PERMISSION_DENIED);
    expect(refused.message).toContain('token/reader needs write on some prefix');
  });
});
