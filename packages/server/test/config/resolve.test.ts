import { describe, expect, it } from '@jest/globals';
import { defaultApiLimits } from '../../src/api/limits.js';
import { effectiveSettings } from '../../src/config/effective.js';
import { hostConfig } from '../../src/host/index.js';
import { defaultStorageSizes } from '../../src/node/storage.js';
import { hostSettings, storageSizes } from '../../src/node/tuning.js';
import { problemOf, resolve } from '../support/config.js';

describe('without any flag', () => {
  it('a node is raft0 on :3000 and :4000, with its data in ./data/raft0', () => {
    expect(resolve().options).toEqual({
      id: 'raft0',
      listen: { host: '', port: 3000 },
      raftListen: { host: '', port: 4000 },
      advertiseClient: undefined,
      advertiseRaft: undefined,
      join: undefined,
      founders: undefined,
      peerRoutes: new Map(),
      dataDir: './data/raft0',
      settings: {},
      tls: undefined,
      http: { rest: undefined, clientAuth: 'none', compat: false, metrics: undefined },
      access: { roles: [], bindings: [], tokens: [] },
      waitForJoin: false,
      insecure: false,
      leaveOnExit: false,
      rejoin: false,
      audit: 'denials',
      raft: expect.objectContaining({ tickMs: 10, electionMsMax: 320 }),
      limits: expect.objectContaining({ connectionsMax: 10_000 }),
      log: {
        level: 'info',
        format: 'json',
        file: undefined,
        errorFile: undefined,
        fileBytesMax: 64 * 1024 * 1024,
        filesMax: 5,
      },
      drainMs: 10_000,
    });
  });

  it('its tuning is that of the parts', () => {
    const { raft, limits } = resolve().options;
    expect(hostConfig(hostSettings(raft))).toEqual(hostConfig());
    expect(storageSizes(raft)).toEqual(defaultStorageSizes);
    expect(defaultApiLimits).toMatchObject(limits);
  });
});

describe('a flag', () => {
  it('wins over the file, and the file over the default', () => {
    const yaml = 'node: { id: fromfile, drain_ms: 1 }\nlog: { level: debug }\n';
    const { options, origins } = resolve({ 'node.id': 'fromflag' }, yaml);
    expect(options).toMatchObject({ id: 'fromflag', drainMs: 1, log: { level: 'debug' } });
    expect([...origins]).toEqual([
      ['node.id', { from: 'flag', key: '--id' }],
      ['node.drain_ms', { from: 'file', key: 'node.drain_ms', file: 'x.yaml', line: 1 }],
      ['logging.level', { from: 'file', key: 'log.level', file: 'x.yaml', line: 2 }],
    ]);
  });

  it('may be nothing at all: 0 is not the default', () => {
    const none = { 'node.drain_ms': '0', 'raft.follower_log_bytes_max': 0 };
    expect(resolve(none).options).toMatchObject({ drainMs: 0, raft: { followerLogBytesMax: 0 } });
  });

  it('turns off what the file turns on', () => {
    const yaml = 'listen: { insecure: true }';
    expect(resolve({ 'listen.insecure': false }, yaml).options.insecure).toBe(false);
  });

  it('is named in what is wrong with it', () => {
    expect(problemOf(() => resolve({ 'cache.capacity': 'many' }))).toMatch(
      /^ConfigError: --capacity: must be an integer from 0 to \d+ or none, not "many"$/,
    );
    expect(problemOf(() => resolve({ 'cluster.join_addr': 'x' }))).toMatch(
      /--leaderaddr: "x" is not/,
    );
  });
});

describe('replicated settings', () => {
  it('are only those that were stated', () => {
    const stated = { 'cache.capacity': 'none', 'cache.max_bytes': '1GiB' };
    expect(resolve(stated).options.settings).toEqual({ entriesMax: 0, bytesMax: 2 ** 30 });
    const others = { 'cache.eviction': 'noeviction', 'cluster.replication_factor': '5' };
    expect(resolve(others).options.settings).toEqual({
      eviction: 'noeviction',
      replicationFactor: 5,
    });
  });
});

describe('peer routes', () => {
  it('come from repeated flags, and :PORT is this machine', () => {
    const given = { 'cluster.peer_routes': ['a=:1', 'b=[::1]:2'] };
    expect([...resolve(given).options.peerRoutes]).toEqual([
      ['a', '127.0.0.1:1'],
      ['b', '[::1]:2'],
    ]);
  });

  it.each([
    [['a'], /--peer-route: must be ID=HOST:PORT, not "a"/],
    [['a=x:0'], /--peer-route: port 0 is out of range/],
    [['a=x:1', 'a=x:2'], /--peer-route: node a has two routes/],
    [['a/b=x:1'], /--peer-route: node id "a\/b" must be/],
  ])('%j are refused', (words, message) => {
    expect(problemOf(() => resolve({ 'cluster.peer_routes': words }))).toMatch(message);
  });
});

const founders = (host: string): string => `cluster:
  genesis:
    - { id: a, client: "${host}:3100", raft: "${host}:4100" }
    - { id: b, client: "${host}:3200", raft: "${host}:4200" }
`;

describe('a founder', () => {
  it('listens where its entry says and advertises its entry', () => {
    expect(resolve({ 'node.id': 'b' }, founders('127.0.0.2')).options).toMatchObject({
      listen: { host: '127.0.0.2', port: 3200 },
      raftListen: { host: '127.0.0.2', port: 4200 },
      advertiseClient: '127.0.0.2:3200',
      advertiseRaft: '127.0.0.2:4200',
    });
  });

  it('listens elsewhere when told so', () => {
    const given = { 'node.id': 'b', 'listen.client': ':1', 'listen.advertise_client': 'x:2' };
    expect(resolve(given, founders('127.0.0.1')).options).toMatchObject({
      listen: { host: '', port: 1 },
      advertiseClient: 'x:2',
    });
  });

  it('beyond loopback needs --insecure while there is no TLS', () => {
    const given = { 'node.id': 'b' };
    expect(problemOf(() => resolve(given, founders('10.0.0.1')))).toMatch(
      /x\.yaml:4: cluster\.genesis\[1\]\.client: 10\.0\.0\.1:3200 is not loopback.*--insecure/,
    );
    const open = resolve({ ...given, 'listen.insecure': true }, founders('10.0.0.1')).options;
    expect(open.listen).toEqual({ host: '', port: 3200 });
  });

  it('does not join', () => {
    const given = { 'node.id': 'b', 'cluster.join_addr': ':3000' };
    expect(problemOf(() => resolve(given, founders('127.0.0.1')))).toMatch(
      /--leaderaddr: cluster\.genesis names b as a founder/,
    );
  });
});

describe('a node that the founders file does not name', () => {
  it('knows the founders and listens on the common ports', () => {
    const { options } = resolve({}, founders('10.0.0.1'));
    expect(options).toMatchObject({ id: 'raft0', listen: { host: '', port: 3000 } });
    expect(options.founders?.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(options.advertiseClient).toBeUndefined();
  });
});

describe('a host beyond loopback', () => {
  it.each([
    ['listen.client', '0.0.0.0:3000', '--listenaddr'],
    ['listen.raft', '10.0.0.1:4000', '--raftaddr'],
    ['listen.client', '[::]:3000', '--listenaddr'],
    ['listen.client', 'myhost:3000', '--listenaddr'],
  ])('%s=%s is refused without --insecure', (key, address, flag) => {
    expect(problemOf(() => resolve({ [key]: address }))).toBe(
      `ConfigError: ${flag}: ${address} is not loopback, and without TLS whoever reaches it may ` +
        'read and write; use 127.0.0.1 or no host, turn TLS on, or allow it with --insecure',
    );
    expect(problemOf(() => resolve({ [key]: address, 'listen.insecure': true }))).toBe(
      'nothing was thrown',
    );
  });
});

describe('a way into the cluster', () => {
  it.each([
    [{ 'cluster.wait_for_join': true, 'cluster.join_addr': ':1' }, /--wait-for-join: contradicts/],
    [{ 'node.id': 'b', 'cluster.wait_for_join': true }, /--wait-for-join: .* names b as a founder/],
  ])('%j is refused: there is another one', (given, message) => {
    expect(problemOf(() => resolve(given, founders('127.0.0.1')))).toMatch(message);
  });

  it('may be to wait, also for a node that the founders do not name', () => {
    const { options } = resolve({ 'cluster.wait_for_join': true }, founders('127.0.0.1'));
    expect(options).toMatchObject({ waitForJoin: true, id: 'raft0' });
  });
});

const tls = { 'tls.cert': 'c', 'tls.key': 'k', 'tls.ca': 'a' };

describe('TLS', () => {
  it('takes three files and then asks clients for certificates on every port but metrics', () => {
    const { options } = resolve({ ...tls, 'http.rest': ':1' });
    expect(options.tls).toEqual({
      certFile: 'c',
      keyFile: 'k',
      caFile: 'a',
      clientAuth: 'require',
    });
    expect(options.http).toMatchObject({ rest: { host: '', port: 1 }, clientAuth: 'require' });
  });

  it('may ask for less, on the REST port too', () => {
    const { options } = resolve({ ...tls, 'tls.client_auth': 'none' });
    expect([options.tls?.clientAuth, options.http.clientAuth]).toEqual(['none', 'none']);
    const rest = { ...tls, 'http.client_auth': 'request' };
    expect(resolve(rest).options.http.clientAuth).toBe('request');
  });

  it('lets a host beyond loopback be bound', () => {
    const { options } = resolve({
      ...tls,
      'listen.client': '0.0.0.0:1',
      'http.rest': '10.0.0.1:2',
    });
    expect(options.listen).toEqual({ host: '0.0.0.0', port: 1 });
  });

  it.each([
    [{ 'tls.cert': 'c' }, '--tls-cert: needs tls.key and tls.ca too'],
    [{ 'tls.cert': 'c', 'tls.ca': 'a' }, '--tls-cert: needs tls.key too'],
    [{ 'tls.ca': 'a' }, '--tls-ca: needs tls.cert and tls.key too'],
    [{ 'tls.client_auth': 'require' }, '--client-auth: require needs TLS'],
    [{ 'http.client_auth': 'request' }, '--http-client-auth: request needs TLS'],
    [{ ...tls, 'listen.insecure': true }, '--insecure: contradicts tls.cert'],
    [
      { ...tls, 'tls.client_auth': 'maybe' },
      '--client-auth: must be one of none, request, require',
    ],
  ])('%j is refused', (given, message) => {
    expect(problemOf(() => resolve(given))).toContain(message);
  });
});

describe('the HTTP surfaces', () => {
  it('are where they are stated, or where the own entry of a founder says', () => {
    const entry = '{ id: a, client: "127.0.0.1:1", raft: "127.0.0.1:2", rest: "127.0.0.1:3" }';
    const yaml = `cluster: { genesis: [${entry}] }`;
    expect(resolve({ 'node.id': 'a' }, yaml).options.http.rest).toEqual({
      host: '127.0.0.1',
      port: 3,
    });
    expect(resolve({ 'node.id': 'b' }, yaml).options.http.rest).toBeUndefined();
    const given = { 'node.id': 'a', 'http.rest': ':9', 'http.metrics': ':10' };
    const { http, founders: list } = resolve(given, yaml).options;
    expect(http).toMatchObject({ rest: { port: 9 }, metrics: { port: 10 } });
    expect(list).toEqual([{ id: 'a', client: '127.0.0.1:1', raft: '127.0.0.1:2' }]);
  });

  it.each([
    [{ 'http.rest': '0.0.0.0:1' }, '--restaddr: 0.0.0.0:1 is not loopback'],
    [{ 'http.metrics': 'h:1' }, '--metricsaddr: h:1 is not loopback'],
    [{ 'http.compat': true }, '--compat: needs an address for REST'],
    [{ 'http.rest': ':1', 'http.metrics': ':1' }, '--metricsaddr: :1 is the REST port'],
    [{ 'http.rest': ':1', 'listen.raft': ':1' }, '--restaddr: :1 is already listen.raft'],
    [{ 'listen.client': ':1', 'listen.raft': ':1' }, '--raftaddr: :1 is already listen.client'],
  ])('%j is refused', (given, message) => {
    expect(problemOf(() => resolve(given))).toContain(message);
  });

  it('may all have port 0', () => {
    const free = { 'listen.client': ':0', 'listen.raft': ':0', 'http.rest': ':0' };
    expect(resolve(free).options.http.rest).toEqual({ host: '', port: 0 });
  });
});

describe('an access policy', () => {
  const policy = (role: string, sha256: string, prefix = 'a:'): string => `access:
  roles:
    - { name: app, grants: [{ verb: read, prefix: "${prefix}" }] }
  bindings:
    - { principal: client/app, role: ${role} }
  tokens:
    - { name: ci, sha256: "${sha256}" }
`;
  const digest = 'ab'.repeat(32);

  it('is read from the file', () => {
    expect(resolve({}, policy('app', digest)).options.access).toEqual({
      roles: [{ name: 'app', grants: [{ verb: 'read', prefix: 'a:' }] }],
      bindings: [{ principal: 'client/app', role: 'app' }],
      tokens: [{ name: 'ci', sha256: digest }],
    });
  });

  it.each([
    [policy('app', 'secret'), /^ConfigError: x\.yaml:7: access\.tokens\[0\]\.sha256: must be/],
    [policy('nobody', digest), /^ConfigError: x\.yaml:3: access\.roles: .*nobody/],
    [policy('app', digest).replace('verb: read', 'verb: rad'), /must be one of read, write, admin/],
    [policy('app', digest).replace('role: app', 'rol: app'), /unknown key rol; did you mean role/],
  ])('with a mistake is refused: %j', (yaml, message) => {
    expect(problemOf(() => resolve({}, yaml))).toMatch(message);
  });
});

describe('the effective settings', () => {
  it('show every option and which were stated', () => {
    const fields = effectiveSettings(resolve({ 'node.id': 'n', 'cache.capacity': '7' }));
    expect(fields).toMatchObject({
      'node.id': 'n',
      'listen.client': ':3000',
      'node.data_dir': './data/n',
      'cache.capacity': 7,
      stated: 'node.id:flag,cache.capacity:flag',
    });
    expect(fields).not.toHaveProperty(['raft.tick_ms']);
  });
});
