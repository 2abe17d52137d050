/**
 * Reads minicache's node list: a map `nodes` of { id, host, rest_port, grpc_port } with switches
 * for TLS and names of log files. What it states is translated; errors point at its own keys.
 */
import { hostname } from 'node:os';
import { z } from 'zod';
import { formatAddress } from './address.js';
import type { ConfigError } from './errors.js';
import { didYouMean } from './nearest.js';
import type { OptionKey } from './schema.js';
import { sectionNames } from './sections-file.js';
import type { Given, Source } from './source.js';
import type { Tree } from './tree.js';
import { integer, nodeId, text } from './values.js';

/** Other than in Cashe's own files, there is a map of maps named `nodes`, and no section. */
export function isMinicache(tree: Tree): boolean {
  const names = tree.pairs([], []).map(({ name }) => name);
  if (!names.includes('nodes') || names.some((name) => sectionNames.has(name))) return false;
  return tree.pairs(['nodes'], []).every(({ name }) => tree.isMap(['nodes', name]));
}

const port = integer(1, 65535);
const flag = z.boolean({ error: 'must be true or false' });

const nodeFields = {
  id: nodeId.schema,
  host: text('a host name or IP address'),
  grpc_port: port,
  rest_port: port.optional(),
  raft_port: port.optional(),
};
/** Computed by minicache itself. */
const ignoredNodeKeys: ReadonlySet<string> = new Set(['hash_id', 'HashId']);

const topFields = {
  enable_https: flag.default(true),
  enable_client_auth: flag.default(true),
  server_logfile: text('a file').optional(),
  server_errfile: text('a file').optional(),
};
/** Of minicache's client, which is not this process. */
const ignoredTopKeys: ReadonlySet<string> = new Set(['client_logfile', 'client_errfile']);

/** minicache reads its certificates from these files, always. */
const certificates = {
  'tls.ca': 'certs/ca-cert.pem',
  'tls.cert': 'certs/server-cert.pem',
  'tls.key': 'certs/server-key.pem',
} as const;
const raftPortOffset = 1000;

interface Node {
  /** Its key in the map. */
  readonly name: string;
  readonly id: string;
  readonly host: string;
  readonly grpc_port: number;
  readonly rest_port?: number | undefined;
  readonly raft_port?: number | undefined;
}

/** Appends to `errors` what is wrong. */
export function minicacheSource(
  tree: Tree,
  errors: ConfigError[],
  thisHost: string = hostname(),
): Source {
  const topKeys = ['nodes', ...Object.keys(topFields), ...ignoredTopKeys];
  refuseUnknown(tree, [], topKeys, errors);
  const top = fieldsAt(tree, [], topFields, errors);
  const nodes = readNodes(tree, errors);
  if (top === undefined || nodes === undefined) return new Map();
  const source = new Map<OptionKey, Given>();
  const state = (key: OptionKey, value: unknown, at: string): void => {
    const place: Given['place'] = () => tree.place(tree.has([at]) ? [at] : []);
    source.set(key, { value, key: at, from: 'file', place });
  };
  source.set('cluster.genesis', foundersGiven(tree, nodes));
  const own = nodes.filter(({ host }) => host.toLowerCase() === thisHost.toLowerCase());
  if (own.length === 1 && own[0] !== undefined) {
    const at = ['nodes', own[0].name, 'id'];
    const place: Given['place'] = () => tree.place(at);
    source.set('node.id', { value: own[0].id, key: at.join('.'), from: 'file', place });
  }
  if (top.enable_https) {
    for (const [key, file] of Object.entries(certificates)) {
      state(key as keyof typeof certificates, file, 'enable_https');
    }
    const mode = top.enable_client_auth ? 'require' : 'none';
    state('tls.client_auth', mode, 'enable_client_auth');
  }
  const { server_logfile: logFile, server_errfile: errorFile } = top;
  if (logFile !== undefined) state('logging.file', logName(logFile, nodes), 'server_logfile');
  if (errorFile !== undefined) {
    state('logging.error_file', logName(errorFile, nodes), 'server_errfile');
  }
  return source;
}

function readNodes(tree: Tree, errors: ConfigError[]): readonly Node[] | undefined {
  const names = tree.pairs(['nodes'], errors).map(({ name }) => name);
  const known = [...Object.keys(nodeFields), ...ignoredNodeKeys];
  const nodes = names.flatMap((name): Node[] => {
    const at = ['nodes', name];
    refuseUnknown(tree, at, known, errors);
    const fields = fieldsAt(tree, at, nodeFields, errors);
    return fields === undefined ? [] : [{ name, ...fields }];
  });
  if (names.length === 0) errors.push(tree.error('nodes', tree.line(['nodes']), 'names no node'));
  return nodes.length === names.length && names.length > 0 ? nodes : undefined;
}

function refuseUnknown(
  tree: Tree,
  at: readonly string[],
  known: readonly string[],
  errors: ConfigError[],
): void {
  for (const { name, line } of tree.pairs(at, errors)) {
    if (known.includes(name)) continue;
    const hint = didYouMean(name, known) || ` (keys here: ${known.join(', ')})`;
    errors.push(tree.error([...at, name].join('.'), line, `unknown key${hint}`));
  }
}

/** The fields of the map at the path; undefined when one of them is wrong. */
function fieldsAt<T extends z.ZodRawShape>(
  tree: Tree,
  at: readonly string[],
  shape: T,
  errors: ConfigError[],
): z.output<z.ZodObject<T>> | undefined {
  const value = Object.fromEntries(
    Object.keys(shape)
      .filter((name) => tree.has([...at, name]))
      .map((name) => [name, tree.value([...at, name], [...at, name].join('.'))]),
  );
  const parsed = z.object(shape).safeParse(value);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) {
    const full = [...at, ...path];
    errors.push(tree.error(full.join('.'), tree.line(full), message));
  }
  return undefined;
}

/** What of a node an address of its founder entry is made of. */
const addressKeys: ReadonlyMap<PropertyKey, keyof typeof nodeFields> = new Map([
  ['id', 'id'],
  ['client', 'grpc_port'],
  ['rest', 'rest_port'],
  ['raft', 'raft_port'],
]);

function foundersGiven(tree: Tree, nodes: readonly Node[]): Given {
  const value = nodes.map(({ id, host, grpc_port, rest_port, raft_port }) => ({
    id,
    client: formatAddress(host, grpc_port),
    raft: formatAddress(host, raft_port ?? grpc_port + raftPortOffset),
    ...(rest_port !== undefined && { rest: formatAddress(host, rest_port) }),
  }));
  const place: Given['place'] = ([index, field]) => {
    const node = nodes[Number(index)];
    if (node === undefined) return { key: 'nodes', ...tree.place(['nodes']) };
    const stated = addressKeys.get(field ?? '') ?? 'host';
    const name = stated === 'raft_port' && node.raft_port === undefined ? 'grpc_port' : stated;
    const at = ['nodes', node.name, name];
    return { key: at.join('.'), ...tree.place(at) };
  };
  return { value, key: 'nodes', from: 'file', place };
}

/** Nodes on one host would share the file: then each has its own, by its id. */
function logName(file: string, nodes: readonly Node[]): string {
  const hosts = new Set(nodes.map(({ host }) => host));
  if (hosts.size === nodes.length) return file;
  const end = /(\.[^./\\]*)?$/.exec(file)?.index ?? file.length;
  return `${file.slice(0, end)}-<id>${file.slice(end)}`;
}
