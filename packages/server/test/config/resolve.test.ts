import { describe, expect, it } from '@jest/globals';
import { effectiveSettings } from '../../src/config/resolve.js';
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
      insecure: false,
      leaveOnExit: false,
      rejoin: false,
      log: { level: 'info', format: 'json' },
      drainMs: 10_000,
    });
  });
});

describe('a flag', () => {
  it('wins over the file, and the file over the default', () => {
    const yaml = 'node: { id: fromfile, drain_ms: 1 }\nlog: { level: debug }\n';
    const { options, origins } = resolve({ 'node.id': 'fromflag' }, yaml);
    expect(options).toMatchObject({ id: 'fromflag', drainMs: 1, log: { level: 'debug' } });
    expect([...origins]).toEqual([
      ['node.id', 'flag'],
      ['node.drain_ms', 'file'],
      ['log.level', 'file'],
    ]);
  });

  it('turns off what the file turns on', () => {
    const yaml = 'listen: { insecure: true }';
    expect(resolve({ 'listen.insecure': false }, yaml).options.insecure).toBe(false);
  });

  it('is named in what is wrong with it', () => {
    expect(problemOf(() => resolve({ 'cache.capacity': 'many' }))).toMatch(
      /^ConfigError: --capacity: must be an integer from 0 to \d+ or none, not "many"$/,
    );
    expect(problemOf(() => resolve({ 'cluster.join': 'x' }))).toMatch(/--leaderaddr: "x" is not/);
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
      /x\.yaml:3: cluster\.genesis: 10\.0\.0\.1:3200 is not loopback.*--insecure/,
    );
    const open = resolve({ ...given, 'listen.insecure': true }, founders('10.0.0.1')).options;
    expect(open.listen).toEqual({ host: '', port: 3200 });
  });

  it('does not join', () => {
    const given = { 'node.id': 'b', 'cluster.join': ':3000' };
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
        'read and write; use 127.0.0.1 or no host, or allow it with --insecure',
    );
    expect(problemOf(() => resolve({ [key]: address, 'listen.insecure': true }))).toBe(
      'nothing was thrown',
    );
  });
});

describe('the effective settings', () => {
  it('show every option and which were stated', () => {
    const fields = effectiveSettings(resolve({ 'node.id': 'n', 'cache.capacity': '7' }));
    expect(fields).toMatchObject({
      id: 'n',
      listenaddr: ':3000',
      dataDir: './data/n',
      entriesMax: 7,
      stated: 'node.id:flag,cache.capacity:flag',
    });
  });
});
