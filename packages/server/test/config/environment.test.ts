// Goal: a variable states what the same option in a file would, and nothing that is not an option
// keeps a node from starting.
import { describe, expect, it } from '@jest/globals';
import { environmentConfig, variableOf } from '../../src/config/environment.js';
import { loadConfig } from '../../src/config/load.js';
import { optionNames } from '../../src/config/schema.js';
import { flags, problemOf } from '../support/config.js';

type Variables = Readonly<Record<string, string>>;

function load(variables: Variables, given: Parameters<typeof flags>[0] = {}) {
  return loadConfig({ flags: flags(given), configFile: undefined, variables, terminal: false });
}

describe('a variable', () => {
  it('is named after its option, and no two options share one', () => {
    expect(variableOf('listen.advertise_client')).toBe('CASHE_LISTEN_ADVERTISE_CLIENT');
    const names = [...optionNames.keys()].map((name) => variableOf(name));
    expect(new Set([...names, 'CASHE_CONFIG']).size).toBe(names.length + 1);
  });

  it('states an option, below a flag', () => {
    const variables = { CASHE_NODE_ID: 'fromenv', CASHE_CACHE_MAX_BYTES: '1GiB' };
    const { options, origins } = load(variables, { 'node.id': 'fromflag' });
    expect(options).toMatchObject({ id: 'fromflag', settings: { bytesMax: 2 ** 30 } });
    expect(origins.get('cache.max_bytes')).toEqual({
      from: 'environment',
      key: 'CASHE_CACHE_MAX_BYTES',
    });
  });

  it.each([
    [{ CASHE_LISTEN_CLIENT: ':3100' }, { listen: { host: '', port: 3100 } }],
    [{ DCACHE_LISTEN_CLIENT: ':3100' }, { listen: { host: '', port: 3100 } }],
    [{ DCACHE_NODE_ID: 'n', CASHE_NODE_ID: 'n' }, { id: 'n' }],
    [{ CASHE_NODE_ID: '', DCACHE_NODE_ID: 'n' }, { id: 'n' }],
    [{ CASHE_LISTEN_INSECURE: 'true' }, { insecure: true }],
    [{ CASHE_LOG_LEVEL: 'warn', CASHE_LOG_FORMAT: 'pretty' }, { log: { format: 'pretty' } }],
    [{ DCACHE_LOGGING_JSON: 'false' }, { log: { format: 'pretty' } }],
    [{ DCACHE_HTTP_PORT: '9999' }, { http: { rest: { host: '', port: 9999 } } }],
    [{ CASHE_CLUSTER_JOIN: ':3000' }, { join: '127.0.0.1:3000' }],
    [{ CASHE_RAFT_ELECTION_MS_MAX: '400' }, { raft: { electionMsMax: 400 } }],
    [
      { CASHE_CLUSTER_GENESIS: '[{"id":"raft0","client":"127.0.0.1:1","raft":"127.0.0.1:2"}]' },
      { founders: [{ id: 'raft0' }], listen: { port: 1 } },
    ],
    [
      { CASHE_CLUSTER_GENESIS: '- { id: raft0, client: "127.0.0.1:1", raft: "127.0.0.1:2" }' },
      { founders: [{ id: 'raft0' }] },
    ],
  ] as const)('as in %j is taken', (variables, expected) => {
    expect(load(variables).options).toMatchObject(expected);
  });

  it.each([
    [{ CASHE_CACHE_CAPACITY: 'x' }, 'CASHE_CACHE_CAPACITY: must be an integer from 0'],
    [{ CASHE_LOG_LEVEL: 'loud' }, 'CASHE_LOG_LEVEL: must be one of error, warn, info, debug'],
    [
      { CASHE_NODE_ID: 'a', DCACHE_NODE_ID: 'b' },
      'DCACHE_NODE_ID: CASHE_NODE_ID states the same option differently',
    ],
    [
      { CASHE_LOG_LEVEL: 'info', CASHE_LOGGING_LEVEL: 'warn' },
      'CASHE_LOGGING_LEVEL: CASHE_LOG_LEVEL states the same option differently',
    ],
    [{ CASHE_CLUSTER_GENESIS: '[' }, 'CASHE_CLUSTER_GENESIS: is not YAML or JSON'],
    [{ CASHE_CLUSTER_GENESIS: '[{"id":"a"}]' }, 'CASHE_CLUSTER_GENESIS[0].client: is missing'],
    [{ CASHE_ACCESS_ROLES: 'admin' }, 'CASHE_ACCESS_ROLES: must be a list of at most'],
    [{ CASHE_TLS_CERT: 'c' }, 'CASHE_TLS_CERT: needs tls.key and tls.ca too'],
    [{ CASHE_LISTEN_RAFT: '0.0.0.0:1' }, 'CASHE_LISTEN_RAFT: 0.0.0.0:1 is not loopback'],
  ] as const)('as in %j is refused', (variables, message) => {
    expect(problemOf(() => load(variables))).toContain(`ConfigError: ${message}`);
  });

  it('is not read when it is too long to be a list', () => {
    const variables = { CASHE_CLUSTER_GENESIS: ' '.repeat(256 * 1024 + 1) };
    expect(problemOf(() => load(variables))).toContain('has more than 262144 characters');
  });
});

describe('CASHE_CONFIG', () => {
  it('names the file when no flag does', () => {
    const { configFile } = environmentConfig({ DCACHE_CONFIG: 'cluster.yaml' });
    expect(configFile).toBe('cluster.yaml');
    expect(problemOf(() => load({ CASHE_CONFIG: '/nowhere.yaml' }))).toContain('/nowhere.yaml:');
  });
});

describe('an unknown variable', () => {
  it.each([
    [
      'CASHE_TLS_CRT',
      'c',
      'CASHE_TLS_CRT in the environment is no option; did you mean CASHE_TLS_CERT?',
    ],
    ['CASHE_SOMETHING_ELSE', 'c', 'CASHE_SOMETHING_ELSE in the environment is no option'],
    [
      'DCACHE_NODE_IDD',
      'c',
      'DCACHE_NODE_IDD in the environment is no option; did you mean DCACHE_NODE_ID?',
    ],
  ])('%s is told, with the nearest one', (name, value, warning) => {
    expect(load({ [name]: value }).warnings).toEqual([warning]);
  });

  it.each([
    ['CASHE_NODES', 'cashe0,cashe1'],
    ['CASHE_TOKEN', 'secret'],
    ['CASHE_ENDPOINT', 'h:3000'],
    ['CASHE_SERVICE_HOST', '10.0.0.1'],
    ['CASHE_SERVICE_PORT_CLIENT', '3000'],
    ['CASHE_PORT', 'tcp://10.0.0.1:3000'],
    ['CASHE_PORT_3000_TCP_ADDR', '10.0.0.1'],
    ['CASHEW', 'nut'],
    ['PATH', '/bin'],
  ])('%s=%s is somebody else’s', (name, value) => {
    expect(load({ [name]: value }).warnings).toEqual([]);
  });
});
