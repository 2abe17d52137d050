// Clients that were not built here: `buf curl` knows the services by reflection alone, and a
// dynamic client reads the .proto files at run time.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type Client, credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture, answer } from '../support/api-fixture.js';
import { clusterId } from '../support/fake-calls.js';

const root = join(__dirname, '../../../..');
const buf = join(root, 'node_modules/.bin/buf');

let fixture: ApiFixture;
beforeAll(async () => {
  fixture = await ApiFixture.start();
});
afterAll(() => fixture.close());

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function curl(version: string, path: string, ...args: readonly string[]): Promise<Run> {
  const url = `http://${fixture.address}${path}`;
  const fixed = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge'];
  const all = [...fixed, '--reflect-protocol', version, ...args, url];
  return new Promise((resolve) => {
    execFile(buf, all, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** In order: each method with a request and a part of its answer. */
const unaryCalls: readonly (readonly [string, object, object])[] = [
  ['cashe.v1.KV/Set', { key: 'a', value: base64('1'), ttlMs: '9000' }, { revision: '1' }],
  ['cashe.v1.KV/Get', { key: 'a' }, { found: true, value: base64('1'), ttlMs: '9000' }],
  ['cashe.v1.KV/Has', { key: 'a', consistency: 'CONSISTENCY_STALE' }, { found: true }],
  [
    'cashe.v1.KV/SetMany',
    { entries: [{ key: 'b', value: base64('2') }] },
    { results: [{ code: 'CODE_OK', revision: '2' }] },
  ],
  [
    'cashe.v1.KV/GetMany',
    { keys: ['b', 'x'] },
    { results: [{ code: 'CODE_OK', found: true }, { code: 'CODE_OK' }] },
  ],
  ['cashe.v1.KV/DeleteMany', { keys: ['b'] }, { results: [{ code: 'CODE_OK', found: true }] }],
  ['cashe.v1.KV/Delete', { key: 'a' }, { found: true }],
  ['cashe.v1.Cluster/Status', {}, { clusterId, groups: [{ role: 'ROLE_LEADER' }] }],
  ['cashe.v1.Cluster/ListMembers', {}, { members: [{ role: 'MEMBER_ROLE_VOTER' }] }],
  ['grpc.health.v1.Health/Check', { service: 'cashe.v1.KV' }, { status: 'SERVING' }],
];

describe.each(['grpc-v1', 'grpc-v1alpha'])('buf curl over reflection %s', (version) => {
  it('lists the services and their methods', async () => {
    const services = await curl(version, '', '--list-services');
    expect(services.stdout.trim().split('\n').sort()).toEqual([
      'cashe.v1.Cluster',
      'cashe.v1.KV',
      'grpc.health.v1.Health',
    ]);
    const methods = await curl(version, '', '--list-methods');
    expect(methods.stdout.trim().split('\n').sort()).toEqual([
      'cashe.v1.Cluster/AddMember',
      'cashe.v1.Cluster/ChangeSettings',
      'cashe.v1.Cluster/ConfigureNode',
      'cashe.v1.Cluster/GetAccess',
      'cashe.v1.Cluster/GetSettings',
      'cashe.v1.Cluster/ListMembers',
      'cashe.v1.Cluster/RemoveMember',
      'cashe.v1.Cluster/SetAccess',
      'cashe.v1.Cluster/Status',
      'cashe.v1.Cluster/TransferLeadership',
      'cashe.v1.Cluster/WatchTopology',
      'cashe.v1.KV/Delete',
      'cashe.v1.KV/DeleteMany',
      'cashe.v1.KV/Get',
      'cashe.v1.KV/GetMany',
      'cashe.v1.KV/Has',
      'cashe.v1.KV/Session',
      'cashe.v1.KV/Set',
      'cashe.v1.KV/SetMany',
      'grpc.health.v1.Health/Check',
      'grpc.health.v1.Health/List',
      'grpc.health.v1.Health/Watch',
    ]);
  }, 20_000);

  it('calls every unary method', async () => {
    fixture.calls.reset();
    for (const [method, request, expected] of unaryCalls) {
      const run = await curl(version, `/${method}`, '-d', JSON.stringify(request));
      expect({ method, stderr: run.stderr, code: run.code }).toEqual({
        method,
        stderr: '',
        code: 0,
      });
      expect(JSON.parse(run.stdout)).toMatchObject(expected);
    }
  }, 60_000);

  it('calls the methods that change members', async () => {
    const members = fixture.calls.topologyView.members;
    const added = { replicaId: 7, genesisRecord: new Uint8Array([1]), members, clusterId };
    fixture.calls.adminAnswer = { kind: 'admin', result: 'added', ...added };
    const request = {
      nodeId: 'raft1',
      nodeUid: 'a'.repeat(32),
      clientAddress: '10.0.0.1:3000',
      raftAddress: '10.0.0.1:4000',
      formatVersionMax: 1,
    };
    const add = await curl(version, '/cashe.v1.Cluster/AddMember', '-d', JSON.stringify(request));
    expect(JSON.parse(add.stdout)).toMatchObject({ replicaId: '7', genesisRecord: 'AQ==' });
    fixture.calls.adminAnswer = { kind: 'admin', result: 'removed' };
    const remove = await curl(
      version,
      '/cashe.v1.Cluster/RemoveMember',
      '-d',
      '{"nodeId":"raft1"}',
    );
    expect(JSON.parse(remove.stdout)).toEqual({});
    const reached = { group: 0, term: 4, nodeId: 'raft1', clientAddress: '10.0.0.1:3000' };
    fixture.calls.adminAnswer = { kind: 'admin', result: 'transferred', ...reached };
    const transfer = await curl(version, '/cashe.v1.Cluster/TransferLeadership', '-d', '{}');
    expect(JSON.parse(transfer.stdout)).toMatchObject({ leader: { nodeId: 'raft1', term: '4' } });
    fixture.calls.reset();
  }, 30_000);

  it('shows the status of a failed call', async () => {
    const run = await curl(version, '/cashe.v1.KV/Get', '-d', '{"key":""}');
    // 8 times the gRPC code: INVALID_ARGUMENT.
    expect(run.code).toBe(24);
    expect(run.stderr).toContain('the key is empty');
  }, 20_000);
});

describe('a dynamic proto-loader client', () => {
  type Method = (request: object, done: (error: null, response: object) => void) => void;
  type DynamicClient = Client & Readonly<Record<string, Method>>;
  type ClientClass = new (address: string, credentials: object) => DynamicClient;

  function clientOf(file: string, service: 'KV' | 'Cluster'): DynamicClient {
    const options = { includeDirs: [join(root, 'proto')], longs: Number, enums: String };
    const loaded: unknown = loadPackageDefinition(loadSync(file, options));
    const { cashe } = loaded as { cashe: { v1: Record<string, ClientClass> } };
    const Class = cashe.v1[service];
    if (Class === undefined) throw new Error(`no service ${service}`);
    return fixture.track(new Class(fixture.address, credentials.createInsecure()));
  }

  it('calls the unary methods', async () => {
    fixture.calls.reset();
    const kv = clientOf('cashe/v1/kv.proto', 'KV');
    const call = (name: string, request: object): Promise<object> =>
      answer((done) => kv[name]?.(request, done));
    expect(await call('Set', { key: 'a', value: Buffer.from('1') })).toEqual({ revision: 1 });
    expect(await call('Get', { key: 'a' })).toMatchObject({ found: true, value: Buffer.from('1') });
    expect(await call('Has', { key: 'b' })).toMatchObject({});
    const entries = [{ key: 'b', value: Buffer.from('2') }];
    expect(await call('SetMany', { entries })).toMatchObject({ results: [{ code: 'CODE_OK' }] });
    const keys = ['a', 'b'];
    expect(await call('GetMany', { keys })).toMatchObject({ results: [{}, { found: true }] });
    expect(await call('DeleteMany', { keys })).toMatchObject({ results: [{}, { found: true }] });
    expect(await call('Delete', { key: 'a' })).toMatchObject({});
  });

  it('reads the status', async () => {
    const cluster = clientOf('cashe/v1/cluster.proto', 'Cluster');
    const response = await answer<object>((done) => cluster['Status']?.({}, done));
    expect(response).toMatchObject({ clusterId, groups: [{ role: 'ROLE_LEADER' }] });
  });
});
