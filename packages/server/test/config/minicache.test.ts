// Goal: the node lists that minicache's users have are read as they are, in its own shape.
import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../src/config/file.js';
import { minicacheSource } from '../../src/config/minicache.js';
import type { Resolved } from '../../src/config/resolve.js';
import { resolveOptions } from '../../src/config/resolve.js';
import { Tree } from '../../src/config/tree.js';
import { type flags, problemOf, resolve } from '../support/config.js';

const node = (id: string, host: string, restPort: number, grpcPort: number): string =>
  `        "${id}": {
            "id": "${id}",
            "host": "${host}",
            "rest_port": ${restPort},
            "grpc_port": ${grpcPort},
            "hash_id": ""
        }`;

const settings = (https: boolean, clientAuth: boolean): string => `
    "enable_https": ${https},
    "enable_client_auth": ${clientAuth},
    "server_logfile": "minicache.log",
    "server_errfile": "minicache.err",
    "client_logfile": "minicache-client.log",
    "client_errfile": "minicache-client.err"`;

const file = (nodes: readonly string[], rest: string): string =>
  `{\n    "nodes": {\n${nodes.join(',\n')}\n    },${rest}\n}`;

/** Some of its files begin with empty lines, and name the computed key otherwise. */
const untidy = (content: string): string => `\n   \n${content.replaceAll('hash_id', 'HashId')}`;

const local = [
  node('node0', 'localhost', 8083, 5005),
  node('node1', 'localhost', 8084, 5006),
  node('node2', 'localhost', 8085, 5007),
];
const docker = [
  node('node0', 'cacheserver0', 8080, 5005),
  node('node1', 'cacheserver1', 8080, 5005),
  node('node2', 'cacheserver2', 8080, 5005),
];

const read = (content: string, given: Parameters<typeof flags>[0] = {}): Resolved =>
  resolve(given, content, 'nodes.json');

describe('minicache’s file', () => {
  it('for nodes on one machine makes them founders, each with its ports', () => {
    const { options } = read(file(local, settings(false, false)), { 'node.id': 'node1' });
    expect(options).toMatchObject({
      id: 'node1',
      listen: { host: 'localhost', port: 5006 },
      raftListen: { host: 'localhost', port: 6006 },
      http: { rest: { host: 'localhost', port: 8084 }, clientAuth: 'none' },
      advertiseClient: 'localhost:5006',
      tls: undefined,
      insecure: false,
      founders: [
        { id: 'node0', client: 'localhost:5005', raft: 'localhost:6005' },
        { id: 'node1', client: 'localhost:5006', raft: 'localhost:6006' },
        { id: 'node2', client: 'localhost:5007', raft: 'localhost:6007' },
      ],
    });
  });

  it('with TLS names the files that minicache reads, and a flag wins over them', () => {
    const content = untidy(file(docker, settings(true, true)));
    const { options, origins } = read(content, { 'node.id': 'node2', 'tls.ca': 'other.crt' });
    expect(options.tls).toEqual({
      certFile: 'certs/server-cert.pem',
      keyFile: 'certs/server-key.pem',
      caFile: 'other.crt',
      clientAuth: 'require',
    });
    expect(options).toMatchObject({
      listen: { host: '', port: 5005 },
      http: { rest: { host: '', port: 8080 }, clientAuth: 'require' },
      advertiseRaft: 'cacheserver2:6005',
    });
    expect(origins.get('tls.client_auth')).toMatchObject({ key: 'enable_client_auth', line: 28 });
  });

  it('without client authentication asks for no certificates', () => {
    const { options } = read(file(docker, settings(true, false)), { 'node.id': 'node0' });
    expect([options.tls?.clientAuth, options.http.clientAuth]).toEqual(['none', 'none']);
  });

  it('has TLS and client authentication on unless it says otherwise, as minicache has', () => {
    const content = '{"nodes":{"a":{"id":"a","host":"h","rest_port":1,"grpc_port":2}}}';
    expect(read(content, { 'node.id': 'a' }).options.tls?.clientAuth).toBe('require');
  });

  it('may state a raft port, and leave REST out', () => {
    const content =
      '{"nodes":{"a":{"id":"a","host":"::1","grpc_port":2,"raft_port":9}},"enable_https":false}';
    expect(read(content, { 'node.id': 'a' }).options).toMatchObject({
      raftListen: { host: '::1', port: 9 },
      http: { rest: undefined },
    });
  });

  it('gives nodes that share a host a log each', () => {
    const shared = read(file(local, settings(false, false)), { 'node.id': 'node0' }).options.log;
    expect(shared).toMatchObject({ file: 'minicache-node0.log', errorFile: 'minicache-node0.err' });
    const own = read(file(docker, settings(true, true)), { 'node.id': 'node0' }).options.log;
    expect(own).toMatchObject({ file: 'minicache.log', errorFile: 'minicache.err' });
  });

  it('says which node this is by the name of the machine', () => {
    const tree = new Tree(file(docker, settings(true, true)), 'nodes.json');
    const on = (host: string): string => {
      const source = minicacheSource(tree, [], host);
      return resolveOptions([source], { terminal: false }).options.id;
    };
    expect([on('cacheserver1'), on('elsewhere')]).toEqual(['node1', 'raft0']);
    expect(read(file(local, settings(false, false))).options.id).toBe('raft0');
  });

  it('lets a node that it does not name join through those that it names', () => {
    const { options } = read(file(docker, settings(true, true)), { 'node.id': 'node3' });
    expect(options).toMatchObject({ listen: { port: 3000 }, http: { rest: undefined } });
    expect(options.founders).toHaveLength(3);
  });
});

describe('a mistake in it is told at its own key and line', () => {
  const edited = (from: string | RegExp, to: string): string =>
    file(local, settings(false, false)).replace(from, to);

  it.each([
    [
      edited('"rest_port": 8083', '"rest_prt": 8083'),
      6,
      'nodes.node0.rest_prt: unknown key; did you',
    ],
    [
      edited('"grpc_port": 5006', '"grpc_port": "x"'),
      14,
      'nodes.node1.grpc_port: must be an integer',
    ],
    [edited('"id": "node2"', '"id": "a b"'), 18, 'nodes.node2.id: must be 1 to 64 of'],
    [
      edited('"host": "localhost"', '"host": "-bad-"'),
      7,
      'nodes.node0.grpc_port: "-bad-" is not a',
    ],
    [edited('"id": "node1"', '"id": "node0"'), 11, 'nodes.node1.id: id node0 is already'],
    [edited('5007', '5006'), 21, 'nodes.node2.grpc_port: address localhost:5006 is already'],
    [edited('5007', '64999'), 21, 'nodes.node2.grpc_port: port 65999 is out of range'],
    [
      edited('"enable_https": false', '"enable_https": 1'),
      25,
      'enable_https: must be true or false',
    ],
    [
      edited('enable_https', 'enable_http'),
      25,
      'enable_http: unknown key; did you mean enable_https',
    ],
    [
      edited(/"host": "localhost",\n.*8084,\n/, ''),
      10,
      'nodes.node1.host: is missing: must be a host',
    ],
    ['{\n"nodes": {}}', 2, 'nodes: names no node'],
    ['{\n"nodes": {"a": {}}}', 2, 'nodes.a.id: is missing'],
  ])('%#', (content, line, message) => {
    const run = (): unknown => read(content, { 'node.id': 'node0' });
    expect(problemOf(run)).toContain(`nodes.json:${line}: ${message}`);
  });

  it('also when what is wrong is that nothing protects the node', () => {
    const content = file(docker, settings(false, false));
    expect(problemOf(() => read(content, { 'node.id': 'node1' }))).toMatch(
      /nodes\.json:14: nodes\.node1\.grpc_port: cacheserver1:5005 is not loopback.*--insecure/,
    );
    const open = read(content, { 'node.id': 'node1', 'listen.insecure': true }).options;
    expect(open.listen).toEqual({ host: '', port: 5005 });
  });
});

describe('a file of ours', () => {
  it('with `nodes` for `node` is not taken for one', () => {
    expect(problemOf(() => parseConfig('nodes: { id: a }\n', 'x.yaml'))).toContain(
      'x.yaml:1: nodes: unknown section; did you mean node?',
    );
  });
});
