// Three nodes: a call keeps its principal when it is forwarded, and the node that serves decides.

import { freePorts } from '@cashe/bench';
import type { Cashe } from '@cashe/client';
import { type Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RunningNode } from '../../src/index.js';
import { answer, until } from '../support/api-fixture.js';
import { codeOf, everything, grants, Place } from './node.js';

// Real nodes: seconds on a busy machine.
jest.setTimeout(20_000);

const roles = {
  root: everything,
  app: grants('app:', 'read', 'write'),
  reader: grants('', 'read'),
};

const place = new Place();
let nodes: RunningNode[] = [];
let leader: RunningNode;
let follower: RunningNode;

beforeAll(async () => {
  const ports = await freePorts(6);
  const founders = [0, 1, 2].map((i) => ({
    id: `n${i}`,
    client: `127.0.0.1:${ports[2 * i]}`,
    raft: `127.0.0.1:${ports[2 * i + 1]}`,
  }));
  const access = place.policies.of(roles);
  for (const { id, client, raft } of founders) {
    nodes.push(await place.start({ id, founders, listen: client, raftListen: raft, access }));
  }
  await Promise.all(nodes.map((node) => node.ready));
  const members = await answer<{ members: { nodeId: string; leader: boolean }[] }>((done) =>
    place.cluster(nodes[0] as RunningNode).listMembers({}, place.metadata('root'), done),
  );
  const leading = members.members.find((member) => member.leader)?.nodeId;
  leader = nodes.find((node) => node.id === leading) as RunningNode;
  follower = nodes.find((node) => node.id !== leading) as RunningNode;
});
beforeEach(() => {
  place.audited.splice(0);
});
afterAll(async () => {
  nodes = [];
  await place.end();
});

/** Sends everything to the follower, which forwards. */
const through = (name: string): Promise<Cashe<'string'>> =>
  place.client(follower, name, { tuning: { linksMax: 1 } });

const grpcCode = async (promise: Promise<unknown>): Promise<string | undefined> =>
  status[Number(await codeOf(promise))] ?? 'OK';

describe('a call to a follower', () => {
  it('is checked by the leader, as whom the follower authenticated', async () => {
    const [app, reader] = [await through('app'), await through('reader')];
    expect(await codeOf(app.set('app:1', 'v'))).toBe('OK');
    expect(await codeOf(app.get('other'))).toBe('PERMISSION_DENIED');
    expect(await codeOf(reader.get('app:1'))).toBe('OK');
    expect(await codeOf(reader.set('app:1', 'w'))).toBe('PERMISSION_DENIED');
    const many = app.setMany({ 'app:2': 'v', other: 'v' });
    expect(await codeOf(many)).toBe('PERMISSION_DENIED');
    expect(await reader.getMany(['app:1', 'app:2', 'other'])).toEqual(['v', 'v', undefined]);
    const denied = place.audited.map(({ principal, action, outcome }) => [
      principal,
      action,
      outcome,
    ]);
    expect(denied).toContainEqual(['token/app', 'read', 'denied']);
    expect(denied).toContainEqual(['token/reader', 'session', 'denied']);
  });

  it('runs unary calls of two principals in two sessions', async () => {
    const kv = place.kv(follower);
    const set = (name: string, key: string): Promise<unknown> =>
      answer((done) =>
        kv.set({ key, value: new Uint8Array(1), keepTtl: false }, place.metadata(name), done),
      );
    // Sent in one turn: shared, they would travel in one batch, as one of the two.
    expect(
      await Promise.all([
        grpcCode(set('app', 'app:u')),
        grpcCode(set('root', 'root:u')),
        grpcCode(set('reader', 'app:u')),
        grpcCode(set('app', 'root:u')),
      ]),
    ).toEqual(['OK', 'OK', 'PERMISSION_DENIED', 'PERMISSION_DENIED']);
  });

  it('that reads stale is decided by the follower, with the policy it has applied', async () => {
    const app = await through('app');
    await app.set('app:s', 'v');
    const stale = (key: string): Promise<string> => codeOf(app.get(key, { consistency: 'stale' }));
    expect([await stale('app:s'), await stale('other')]).toEqual(['OK', 'PERMISSION_DENIED']);
    await place.setPolicy(leader, place.policies.of({ ...roles, app: grants('b:', 'read') }));
    let code = 'OK';
    await until(() => {
      void stale('app:s').then((next) => {
        code = next;
      });
      return code === 'PERMISSION_DENIED';
    });
    await place.setPolicy(leader, place.policies.of(roles));
  });
});

describe('calls about the cluster, through a follower', () => {
  const admin = (
    name: string | undefined,
    run: (metadata: Metadata, done: (error: never, value: unknown) => void) => void,
  ): Promise<string | undefined> =>
    grpcCode(answer((done) => run(place.metadata(name), done as never)));

  it('need admin where they change something, and a known caller where they tell', async () => {
    const cluster = place.cluster(follower);
    const calls = {
      removeMember: (metadata: Metadata, done: never) =>
        cluster.removeMember({ nodeId: 'nobody' }, metadata, done),
      transfer: (metadata: Metadata, done: never) =>
        cluster.transferLeadership({ group: 0, nodeId: 'nobody' }, metadata, done),
      getAccess: (metadata: Metadata, done: never) => cluster.getAccess({}, metadata, done),
      listMembers: (metadata: Metadata, done: never) => cluster.listMembers({}, metadata, done),
      status: (metadata: Metadata, done: never) => cluster.status({}, metadata, done),
    };
    const outcome = async (name: string | undefined) =>
      Object.fromEntries(
        await Promise.all(
          Object.entries(calls).map(async ([call, run]) => [call, await admin(name, run as never)]),
        ),
      );
    const denied = 'PERMISSION_DENIED';
    const told = { listMembers: 'OK', status: 'OK' };
    const refused = { removeMember: denied, transfer: denied, getAccess: denied };
    expect(await outcome('app')).toEqual({ ...refused, ...told });
    // Without TLS no joiner can be told from anybody else, and needs these two.
    expect(await outcome(undefined)).toEqual({ ...refused, ...told });
    expect(await outcome('root')).toEqual({
      removeMember: 'NOT_FOUND',
      transfer: 'INVALID_ARGUMENT',
      getAccess: 'OK',
      ...told,
    });
    const audited = place.audited.filter(({ action }) => action === 'removeMember');
    const [app, anonymous, root] = ['token/app', 'anonymous', 'token/root'].map((principal) =>
      audited.find((line) => line['principal'] === principal),
    );
    const line = { audit: true, action: 'removeMember', target: 'nobody' };
    expect(app).toEqual({ ...line, principal: 'token/app', outcome: 'denied' });
    expect(anonymous).toEqual({ ...line, principal: 'anonymous', outcome: 'denied' });
    expect(root).toEqual({ ...line, principal: 'token/root', outcome: 'failed' });
  });

  it('cannot lock everybody out, and two that change the policy at once do not mix', async () => {
    const cluster = place.cluster(follower);
    const { app: _, ...others } = roles;
    const lockedOut = place.setPolicy(follower, place.policies.of({ app: roles.app }));
    expect(await grpcCode(lockedOut)).toBe('INVALID_ARGUMENT');
    const stale = { roles: [], bindings: [], tokens: [] };
    const late = answer((done) =>
      cluster.setAccess({ policy: stale, expectedRevision: 1 }, place.metadata('root'), done),
    );
    expect(await grpcCode(late)).not.toBe('OK');
    await place.setPolicy(follower, place.policies.of(others));
    expect((await place.policy(follower)).tokens.map(({ name }) => name)).toEqual([
      'root',
      'reader',
    ]);
    await place.setPolicy(follower, place.policies.of(roles));
  });
});
