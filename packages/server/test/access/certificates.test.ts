// Certificates say who a caller is (R40), on a node with TLS whose clients may show one.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@cashe/client';
import { type AccessPolicy, FORMAT_VERSION, openPolicy } from '@cashe/codec';
import type { ClusterClient } from '@cashe/proto';
import {
  type ChannelCredentials,
  type ClientReadableStream,
  credentials,
  Metadata,
  status,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RunningNode } from '../../src/index.js';
import { policyMessage } from '../../src/wire/access-policy.js';
import { answer, Messages } from '../support/api-fixture.js';
import { TestCa, type TestPair, TestPairFiles } from '../support/certificates.js';
import { codeOf, everything, grants, Place } from './node.js';

// Real nodes: seconds on a busy machine.
jest.setTimeout(20_000);

const ca = new TestCa();
const pairs = {
  app: ca.client('app'),
  other: ca.client('other'),
  root: ca.admin('root'),
  node: ca.node('raft1'),
};
type Who = keyof typeof pairs | 'nobody';

const place = new Place();
let directory = '';
let node: RunningNode;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cashe-mtls-'));
  node = await place.node({ id: 'raft0', tls: tlsOf('raft0', ca.node('raft0')) });
});
beforeEach(async () => {
  await setPolicy(openPolicy);
  place.audited.splice(0);
});
afterAll(async () => {
  await place.end();
});
afterAll(() => rm(directory, { recursive: true }));

function tlsOf(name: string, pair: TestPair) {
  const { certFile, keyFile, caFile } = new TestPairFiles(directory, name, ca.cert, pair);
  return { cert: certFile, key: keyFile, ca: caFile, clientAuth: 'request' } as const;
}

function channel(who: Who): ChannelCredentials {
  const root = Buffer.from(ca.cert);
  if (who === 'nobody') return credentials.createSsl(root);
  const { cert, key } = pairs[who];
  return credentials.createSsl(root, Buffer.from(key), Buffer.from(cert));
}

const cluster = (who: Who): ClusterClient => place.cluster(node, channel(who));

async function setPolicy(policy: AccessPolicy): Promise<void> {
  const root = cluster('root');
  const { revision } = await answer<{ revision: number }>((done) => root.getAccess({}, done));
  const request = { policy: policyMessage(policy), expectedRevision: revision };
  await answer((done) => root.setAccess(request, done));
}

const grpcCode = async (promise: Promise<unknown>): Promise<string> =>
  status[Number(await codeOf(promise))] ?? 'OK';

/** OK once the first picture came. */
async function watchCode(stream: ClientReadableStream<unknown>): Promise<string> {
  const code = await new Promise<string>((resolve) => {
    stream.once('data', () => resolve('OK'));
    stream.on('error', ({ code = 0 }: { code?: number }) => resolve(status[code] ?? 'OK'));
  });
  stream.cancel();
  return code;
}

/** get, set, members, status, topology, policy, and admission of node `id`. */
async function outcomes(who: Who, id: string, metadata = new Metadata()): Promise<string> {
  const [kv, its] = [place.kv(node, channel(who)), cluster(who)];
  const joining = {
    ...{ nodeId: id, nodeUid: 'f'.repeat(32), clientAddress: 'x:1', raftAddress: 'x:2' },
    ...{ formatVersionMax: FORMAT_VERSION, clusterId: 'e'.repeat(32), rejoin: false },
  };
  const codes = await Promise.all([
    grpcCode(answer((done) => kv.get({ key: 'app:1', consistency: 0 }, metadata, done))),
    grpcCode(
      answer((done) =>
        kv.set({ key: 'app:1', value: new Uint8Array(1), keepTtl: false }, metadata, done),
      ),
    ),
    grpcCode(answer((done) => its.listMembers({}, metadata, done))),
    grpcCode(answer((done) => its.status({}, metadata, done))),
    watchCode(its.watchTopology({}, metadata)),
    grpcCode(answer((done) => its.getAccess({}, metadata, done))),
    // Whoever may is told that it is another cluster: nothing is added here.
    grpcCode(answer((done) => its.addMember(joining, metadata, done))),
  ]);
  return codes.map((code) => code.replace('PERMISSION_DENIED', 'no')).join(' ');
}

describe('with an open policy and TLS', () => {
  it.each<[Who, string, string]>([
    ['nobody', 'raft1', 'OK OK OK OK OK no no'],
    ['app', 'raft1', 'OK OK OK OK OK no no'],
    ['root', 'raft1', 'OK OK OK OK OK OK FAILED_PRECONDITION'],
    ['node', 'raft1', 'OK OK OK OK OK no FAILED_PRECONDITION'],
    ['node', 'raft2', 'OK OK OK OK OK no no'],
  ])('%s, asking to admit %s: %s', async (who, id, expected) => {
    expect(await outcomes(who, id)).toBe(expected);
  });
});

describe('with a policy', () => {
  const policy: AccessPolicy = {
    ...place.policies.of({ reader: grants('app:', 'read') }),
    bindings: [
      { principal: 'token/reader', role: 'reader' },
      { principal: 'client/app', role: 'reader' },
    ],
  };

  it.each<[Who, string, string]>([
    ['nobody', 'raft1', 'no no no no no no no'],
    ['app', 'raft1', 'OK no OK OK OK no no'],
    // Known, and bound to nothing.
    ['other', 'raft1', 'no no OK OK OK no no'],
    ['root', 'raft1', 'OK OK OK OK OK OK FAILED_PRECONDITION'],
    ['node', 'raft1', 'no no OK OK OK no FAILED_PRECONDITION'],
    ['node', 'raft2', 'no no OK OK OK no no'],
  ])('%s, asking to admit %s: %s', async (who, id, expected) => {
    await setPolicy(policy);
    expect(await outcomes(who, id)).toBe(expected);
  });

  it('lets a token win over the certificate, also when the certificate could do more', async () => {
    await setPolicy(policy);
    const reader = place.metadata('reader');
    expect(await outcomes('root', 'raft1', reader)).toBe('OK no OK OK OK no no');
    expect(await outcomes('nobody', 'raft1', reader)).toBe('OK no OK OK OK no no');
    const denied = new Set(place.audited.map(({ principal }) => principal));
    expect(denied).toContain('token/reader');
    expect(denied).not.toContain('anonymous');
  });

  it('knows the SDK by its certificate, on a stream that stays open', async () => {
    const client = await connect({
      endpoints: [node.clientAddress],
      tls: { ca: ca.cert, ...pairs.app },
    });
    await client.set('app:1', 'v');
    await setPolicy(policy);
    expect(await codeOf(client.get('app:1'))).toBe('OK');
    expect(await codeOf(client.set('app:1', 'w'))).toBe('PERMISSION_DENIED');
    await setPolicy(openPolicy);
    expect(await codeOf(client.set('app:1', 'w'))).toBe('OK');
    await client.close();
  });

  it('ends a topology stream that its caller may not see any more', async () => {
    const stream = cluster('nobody').watchTopology({});
    const pictures = new Messages(stream);
    await pictures.next();
    await setPolicy(policy);
    expect(status[(await pictures.failure()).code]).toBe('PERMISSION_DENIED');
  });

  it('lets a node join and leave with its own certificate alone', async () => {
    await setPolicy({ ...policy, roles: [...policy.roles, { name: 'all', grants: everything }] });
    const { clientAddress: join } = node;
    const wrong = await place.start({ id: 'raft2', join, tls: tlsOf('raft2', pairs.node) }).then(
      (started) => started.closed,
      (error: Error) => ({ kind: 'failed', message: error.message }) as const,
    );
    expect(wrong).toMatchObject({ kind: 'failed' });
    const joined = await place.node({ id: 'raft1', join, tls: tlsOf('raft1', pairs.node) });
    const members = await answer<{ members: { nodeId: string }[] }>((done) =>
      cluster('root').listMembers({}, done),
    );
    expect(members.members.map(({ nodeId }) => nodeId)).toEqual(['raft0', 'raft1']);
    await joined.leave();
    expect(await joined.closed).toMatchObject({ kind: 'removed' });
  }, 20_000);
});
