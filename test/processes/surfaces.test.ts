// Goal: every surface of a node works on a real cluster, with clients that were not built here, on
// the leader and on a follower, and what clients send never harms it. Method: one cluster of real
// processes; the last cases stop its nodes where they are.
import {
  ClusterProcess,
  type NodeProcess,
  nodeStatus,
  transferLeadership,
  waitUntil,
} from '@cashe/bench';
import { type CasheError, connect } from '@cashe/client';
import { HealthClient, KVClient, HealthCheckResponse_ServingStatus as Serving } from '@cashe/proto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bufCurl, type ReflectionVersion } from './support/buf-curl.js';
import { call, failure, openClient } from './support/calls.js';
import { Dynamic } from './support/dynamic-client.js';
import { ServerProcess } from './support/server-process.js';

const caseMs = 60_000;
const mib = 1024 * 1024;
const attemptsMax = 5;

let cluster: ClusterProcess;
beforeAll(async () => {
  cluster = await ClusterProcess.start();
}, caseMs);
afterAll(() => cluster?.stop('kill'), caseMs);

async function follower(): Promise<NodeProcess> {
  const leader = await cluster.leader();
  const other = cluster.nodes.find((node) => node !== leader);
  if (other === undefined) throw new Error('there is no follower');
  return other;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** In order: each method with a request and a part of its answer. */
const keyCalls: readonly (readonly [string, object, object])[] = [
  ['Set', { key: 'a', value: base64('1'), ttlMs: '90000' }, {}],
  ['Get', { key: 'a' }, { found: true, value: base64('1'), version: '1' }],
  ['Has', { key: 'a', consistency: 'CONSISTENCY_STALE' }, {}],
  ['SetMany', { entries: [{ key: 'b', value: base64('2') }] }, { results: [{ code: 'CODE_OK' }] }],
  ['GetMany', { keys: ['b', 'x'] }, { results: [{ found: true }, { code: 'CODE_OK' }] }],
  ['DeleteMany', { keys: ['b'] }, { results: [{ code: 'CODE_OK', found: true }] }],
  ['Delete', { key: 'a' }, { found: true }],
  ['Get', { key: 'a' }, {}],
];

/** Where the calls go: reflection v1 on the leader, v1alpha on a follower. */
const places: readonly (readonly [string, ReflectionVersion])[] = [
  ['the leader', 'grpc-v1'],
  ['a follower', 'grpc-v1alpha'],
];
const nodeFor = (place: string): Promise<NodeProcess> =>
  place === 'the leader' ? cluster.leader() : follower();

interface Seen<T> {
  readonly node: NodeProcess;
  readonly leader: NodeProcess;
  readonly answers: T;
}

/** A machine under load may move leadership during an attempt, which then gives nothing. */
async function whileLeadershipStays<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let left = attemptsMax; left > 0; left -= 1) {
    const value = await attempt();
    if (value !== undefined) return value;
  }
  throw new Error(`leadership moved during each of ${attemptsMax} attempts`);
}

/** What `ask` answers while one node leads. */
function underOneLeader<T>(
  place: string,
  ask: (node: NodeProcess) => Promise<T>,
): Promise<Seen<T>> {
  return whileLeadershipStays(async () => {
    const leader = await cluster.leader();
    const node = await nodeFor(place);
    const answers = await ask(node);
    const inPlace = (node === leader) === (place === 'the leader');
    return inPlace && (await cluster.leader()) === leader ? { node, leader, answers } : undefined;
  });
}

describe.each(places)('on %s, by reflection %s', (place, version) => {
  const services = ['cashe.v1.Cluster', 'cashe.v1.KV', 'grpc.health.v1.Health'];

  it(
    'buf curl lists services and methods',
    async () => {
      const { clientAddress } = await nodeFor(place);
      const [listed, methods] = await Promise.all([
        bufCurl(clientAddress, version, '', '--list-services'),
        bufCurl(clientAddress, version, '', '--list-methods'),
      ]);
      expect(listed.trim().split('\n').sort()).toEqual(services);
      expect(methods.trim().split('\n')).toHaveLength(22);
    },
    caseMs,
  );

  it(
    'buf curl calls every unary method of KV',
    async () => {
      const { clientAddress } = await nodeFor(place);
      for (const [method, request, expected] of keyCalls) {
        const path = `/cashe.v1.KV/${method}`;
        const answer = await bufCurl(clientAddress, version, path, '-d', JSON.stringify(request));
        expect(JSON.parse(answer)).toMatchObject(expected);
      }
    },
    caseMs,
  );

  it(
    'buf curl calls every unary method of Cluster',
    async () => {
      const run = async (
        { clientAddress }: NodeProcess,
        method: string,
        request: object,
      ): Promise<unknown> => {
        const data = JSON.stringify(request);
        const path = `/cashe.v1.Cluster/${method}`;
        return JSON.parse(await bufCurl(clientAddress, version, path, '-d', data)) as unknown;
      };
      const { node, leader, answers } = await underOneLeader(place, async (at) => {
        const { nodeUid, members } = await nodeStatus(at.clientAddress, 5_000);
        const own = members.find((member) => member.nodeUid === nodeUid);
        const { nodeId, clientAddress, raftAddress } = own ?? {};
        // A member that introduces itself again changes nothing.
        const introduction = { nodeId, nodeUid, clientAddress, raftAddress, formatVersionMax: 1 };
        const [state, list, added, removed] = await Promise.all([
          run(at, 'Status', {}),
          run(at, 'ListMembers', {}),
          run(at, 'AddMember', introduction),
          run(at, 'RemoveMember', { nodeId: 'nobody' }).catch((error: unknown) => String(error)),
        ]);
        return { own, state, list, added, removed };
      });
      const { own, state, list, added, removed } = answers;
      expect(state).toMatchObject({ nodeId: node.id, groups: [{ leader: { nodeId: leader.id } }] });
      expect(list).toMatchObject({ members: [{}, {}, {}] });
      expect(added).toMatchObject({ replicaId: String(own?.replicaId) });
      expect(removed).toContain('no member has the id nobody');
      expect(await run(node, 'TransferLeadership', { nodeId: leader.id })).toMatchObject({
        leader: { nodeId: leader.id },
      });
    },
    caseMs,
  );

  it(
    'a dynamic proto-loader client calls every unary method',
    async () => {
      const { clientAddress, id } = await nodeFor(place);
      const kv = new Dynamic(clientAddress, 'KV');
      const value = Buffer.from('1');
      expect(await kv.call('Set', { key: 'd', value })).toMatchObject({});
      expect(await kv.call('Get', { key: 'd' })).toMatchObject({ found: true, value });
      expect(await kv.call('Has', { key: 'd' })).toEqual({ found: true });
      const entries = [{ key: 'e', value }];
      expect(await kv.call('SetMany', { entries })).toMatchObject({
        results: [{ code: 'CODE_OK' }],
      });
      const keys = ['d', 'e'];
      const both = { results: [{ found: true }, { found: true }] };
      expect(await kv.call('GetMany', { keys })).toMatchObject(both);
      expect(await kv.call('DeleteMany', { keys })).toMatchObject(both);
      expect(await kv.call('Delete', { key: 'd' })).toMatchObject({});
      expect(await kv.call('Get', { key: 'd' })).not.toHaveProperty('found', true);
      kv.close();
      const members = new Dynamic(clientAddress, 'Cluster');
      expect(await members.call('Status', {})).toMatchObject({ nodeId: id });
      expect(await members.call('ListMembers', {})).toMatchObject({ members: [{}, {}, {}] });
      members.close();
    },
    caseMs,
  );

  it(
    'health says SERVING, for the process and for KV',
    async () => {
      const health = openClient(HealthClient, (await nodeFor(place)).clientAddress);
      for (const service of ['', 'cashe.v1.KV']) {
        expect(await call(health, health.check, { service })).toEqual({ status: Serving.SERVING });
      }
      const unknown = await failure(health, health.check, { service: 'nobody' });
      expect(status[unknown.code]).toBe('NOT_FOUND');
      health.close();
    },
    caseMs,
  );

  it(
    'what is too large or wrong is refused with a type and an outcome',
    async () => {
      const kv = openClient(KVClient, (await nodeFor(place)).clientAddress);
      const small = new Uint8Array(1);
      const set = { key: 'k', value: small, keepTtl: false };
      const many = Array.from({ length: 1_025 }, (_, i) => ({ ...set, key: `k${i}` }));
      const failures = await Promise.all([
        failure(kv, kv.set, { ...set, key: '' }),
        failure(kv, kv.set, { ...set, key: 'k'.repeat(1_025) }),
        failure(kv, kv.set, { ...set, value: new Uint8Array(mib + 1) }),
        failure(kv, kv.set, { ...set, ttlMs: 5, keepTtl: true }),
        failure(kv, kv.set, { ...set, ttlMs: 0 }),
        failure(kv, kv.setMany, { entries: many }),
        failure(kv, kv.getMany, { keys: many.map(({ key }) => key), consistency: 0 }),
        failure(kv, kv.get, { key: '', consistency: 0 }),
      ]);
      const of = (name: string): string[] =>
        failures.map(({ metadata }) => String(metadata.get(name)[0]));
      expect(failures.map(({ code }) => status[code])).toEqual(Array(8).fill('INVALID_ARGUMENT'));
      expect(of('cashe-outcome')).toEqual(Array(8).fill('not_committed'));
      const [invalid, large] = ['INVALID_ARGUMENT', 'TOO_LARGE'];
      expect(of('cashe-code')).toEqual([
        ...[invalid, large, large, invalid],
        ...[invalid, invalid, invalid, invalid],
      ]);
      // The receive limit of gRPC itself.
      const huge = await failure(kv, kv.set, { ...set, value: new Uint8Array(16 * mib) });
      expect(status[huge.code]).toBe('RESOURCE_EXHAUSTED');
      expect(await call(kv, kv.set, { ...set, value: new Uint8Array(mib) })).toBeDefined();
      kv.close();
    },
    caseMs,
  );
});

describe('the SDK', () => {
  it(
    'refuses what is too large or wrong before and after sending',
    async () => {
      await using cashe = await connect({ endpoints: cluster.endpoints });
      const codeOf = (call: Promise<unknown>): Promise<string> =>
        call.then(
          () => 'OK',
          ({ code }: CasheError) => code,
        );
      expect(
        await Promise.all([
          codeOf(cashe.set('', 'v')),
          codeOf(cashe.set('k'.repeat(1_025), 'v')),
          codeOf(cashe.set('lone \ud800', 'v')),
          codeOf(cashe.set('k', new Uint8Array(mib + 1))),
          codeOf(cashe.set('k', new Uint8Array(mib))),
          codeOf(cashe.set('k', 'v', { ttlMs: 0 })),
          codeOf(cashe.setMany(Array.from({ length: 3_000 }, (_, i) => [`m${i}`, 'v'] as const))),
        ]),
      ).toEqual([
        ...['INVALID_ARGUMENT', 'TOO_LARGE', 'INVALID_ARGUMENT', 'TOO_LARGE', 'OK'],
        ...['INVALID_ARGUMENT', 'OK'],
      ]);
    },
    caseMs,
  );
});

describe('the command line', () => {
  /** Exit code and the one line it complains with. */
  async function cashe(...args: readonly string[]): Promise<readonly [number | null, string]> {
    const run = new ServerProcess(args);
    const { code } = await run.exited;
    return [code, run.stdout + run.lines.map(({ message }) => message).join('\n')];
  }

  it(
    'answers with exit codes',
    async () => {
      const at = `--endpoint=${(await follower()).clientAddress}`;
      expect(await cashe('set', 'cli', 'value', at)).toEqual([0, '']);
      const [get, miss, gone, tooLong, unreachable, shown] = await Promise.all([
        cashe('get', 'cli', at),
        cashe('get', 'cli-missing', at),
        cashe('delete', 'cli-missing', at),
        cashe('set', 'k'.repeat(1_025), 'v', at),
        cashe('get', 'cli', '--endpoint=127.0.0.1:1', '--timeout=300'),
        cashe('status', at),
      ]);
      expect(get).toEqual([0, 'value']);
      expect([miss[0], gone[0]]).toEqual([1, 1]);
      expect(tooLong[0]).toBe(5);
      expect(unreachable[0]).toBe(3);
      expect(shown[0]).toBe(0);
      expect(shown[1]).toContain('leader');
    },
    caseMs,
  );

  it(
    'says in one line what is wrong with a start',
    async () => {
      const { clientAddress, raftAddress, dataDir } = await follower();
      const own = [
        '--id=x',
        '--listenaddr=127.0.0.1:0',
        '--raftaddr=127.0.0.1:0',
        '--log-format=json',
      ];
      const free = `--data-dir=${cluster.dir}/unused`;
      const starts = await Promise.all([
        cashe('--listenadr=:3000'),
        cashe(...own, free, '--leaderaddr=nowhere'),
        cashe(...own, `${free}1`, `--listenaddr=${clientAddress}`),
        cashe(...own, `${free}2`, `--raftaddr=${raftAddress}`),
        cashe(...own, `--data-dir=${process.execPath}`),
        cashe(...own, `--data-dir=${dataDir}`),
      ]);
      expect(starts.map(([code]) => code)).toEqual([2, 2, 1, 1, 1, 1]);
      const texts = [
        /unknown option '--listenadr'.*--listenaddr/,
        /--leaderaddr/,
        new RegExp(`${clientAddress} is in use`),
        new RegExp(`${raftAddress} is in use`),
        /is a file, not a directory/,
        /is in use by process \d+/,
      ];
      for (const [i, text] of texts.entries()) expect(starts[i]?.[1]).toMatch(text);
    },
    caseMs,
  );
});

describe('nodes that stand still', () => {
  it(
    'turn the others NOT_SERVING, and every promise of the SDK settles in time',
    async () => {
      const leader = await cluster.leader();
      const [one, two] = cluster.nodes.filter((node) => node !== leader);
      if (one === undefined || two === undefined) throw new Error('there are no followers');
      await using cashe = await connect({ endpoints: cluster.endpoints });
      await cashe.set('before', 'x');
      const health = openClient(HealthClient, one.clientAddress);
      leader.pause();
      two.pause();
      await waitUntil('the last node turns NOT_SERVING', 10_000, async () => {
        const answer = await call(health, health.check, { service: 'cashe.v1.KV' });
        return answer.status === Serving.NOT_SERVING || undefined;
      });
      expect(await call(health, health.check, { service: '' })).toEqual({
        status: Serving.SERVING,
      });
      health.close();
      one.pause();
      await settlesInTime(cashe);
      for (const node of cluster.nodes) node.resume();
      await cluster.waitUntilServing();
      expect(await cashe.get('before')).toBe('x');
    },
    caseMs,
  );
});

async function settlesInTime(cashe: Awaited<ReturnType<typeof connect>>): Promise<void> {
  const timeoutMs = 1_000;
  const beganMs = performance.now();
  const keys = ['a', 'b'];
  const calls = await Promise.allSettled([
    cashe.set('k', 'v', { timeoutMs }),
    cashe.get('k', { timeoutMs }),
    cashe.get('k', { timeoutMs, consistency: 'stale' }),
    cashe.has('k', { timeoutMs }),
    cashe.delete('k', { timeoutMs }),
    cashe.setMany({ a: '1', b: '2' }, { timeoutMs }),
    cashe.getMany(keys, { timeoutMs }),
    cashe.deleteMany(keys, { timeoutMs }),
    cashe.set('aborted', 'v', { timeoutMs: 30_000, signal: AbortSignal.timeout(timeoutMs) }),
  ]);
  expect(calls.map(({ status: how }) => how)).toEqual(Array(9).fill('rejected'));
  expect(performance.now() - beganMs).toBeLessThan(timeoutMs + 3_000);
}

it(
  'leadership goes to the node it is asked to go to',
  async () => {
    const now = await whileLeadershipStays(async () => {
      const other = await follower();
      const { clientAddress } = await cluster.leader();
      const { leader } = await transferLeadership(clientAddress, other.id, 10_000);
      expect(leader).toMatchObject({ nodeId: other.id, clientAddress: other.clientAddress });
      const { groups } = await nodeStatus(other.clientAddress, 5_000);
      const seen = groups[0]?.leader;
      expect(seen?.term).toBeGreaterThanOrEqual(leader?.term ?? Number.NaN);
      return seen?.term === leader?.term ? { other, seen } : undefined;
    });
    expect(now.seen?.nodeId).toBe(now.other.id);
  },
  caseMs,
);
