/** Nodes inside another program: for tests, and for programs that bring their own cluster. */
import { join as joinPath } from 'node:path';
import type { AccessPolicy } from '@cashe/codec';
import { ConfigError } from './config/errors.js';
import { readConfigFile } from './config/file.js';
import type {
  AuditLevel,
  ClientAuth,
  EvictionPolicy,
  Founder,
  RunningNode,
} from './config/options.js';
import { resolveOptions } from './config/resolve.js';
import type { OptionKey } from './config/schema.js';
import type { Given, Source } from './config/source.js';
import type { Logger } from './host/index.js';
import type { NodeTuning } from './node/runtime.js';
import { startNode as startResolved } from './node.js';

/** Options of an embedded node; what is left out is as on the command line. */
export interface EmbeddedNodeOptions {
  /** Default raft0. */
  readonly id?: string;
  /** Client port, HOST:PORT; port 0 takes a free one. Default :3000, on loopback. */
  readonly listen?: string;
  /** Peer port, HOST:PORT. Default :4000, on loopback. */
  readonly raftListen?: string;
  readonly advertise?: string;
  readonly advertiseRaft?: string;
  /** Client address of any member to join through. */
  readonly join?: string;
  /** The founders, or `config`: their file. */
  readonly founders?: readonly Founder[];
  readonly config?: string;
  /** Default ./data/<id>. */
  readonly dataDir?: string;
  /** Entries kept at most. */
  readonly capacity?: number;
  /** Logical bytes kept at most. Default 256 MiB. */
  readonly maxBytes?: number;
  readonly eviction?: EvictionPolicy;
  readonly replicationFactor?: number;
  /** `ID=HOST:PORT`: how this node dials a peer. */
  readonly peerRoutes?: readonly string[];
  readonly rejoin?: boolean;
  readonly leaveOnExit?: boolean;
  /** Bound of a graceful stop, ms. Default 10,000. */
  readonly drainMs?: number;
  /** PEM files. Default: no TLS. */
  readonly tls?: EmbeddedTls;
  /** REST, HOST:PORT. Default: none. */
  readonly rest?: string;
  /** Health and metrics, HOST:PORT. Default: on the REST port. */
  readonly metrics?: string;
  readonly restClientAuth?: ClientAuth;
  /** Serve the routes of the systems that Cashe replaces, too. */
  readonly compat?: boolean;
  /** What a cluster that this node founds starts with. */
  readonly access?: Partial<AccessPolicy>;
  /** What the log has with `audit: true`. Default: denials. */
  readonly audit?: AuditLevel;
  /** Start blank and wait until a member adds this node. */
  readonly waitForJoin?: boolean;
  /** Serve without TLS beyond this machine. */
  readonly insecure?: boolean;
  /** Where log lines go. Default: nowhere. */
  readonly log?: Logger;
  readonly tuning?: NodeTuning;
}

export interface EmbeddedTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  /** Client certificates on the client port. Default: require. */
  readonly clientAuth?: ClientAuth;
}

type ValueKey = Exclude<keyof EmbeddedNodeOptions, 'config' | 'tls' | 'access' | 'log' | 'tuning'>;

const KEYS: { readonly [K in ValueKey]: OptionKey } = {
  id: 'node.id',
  listen: 'listen.client',
  raftListen: 'listen.raft',
  advertise: 'listen.advertise_client',
  advertiseRaft: 'listen.advertise_raft',
  join: 'cluster.join_addr',
  founders: 'cluster.genesis',
  dataDir: 'node.data_dir',
  capacity: 'cache.capacity',
  maxBytes: 'cache.max_bytes',
  eviction: 'cache.eviction',
  replicationFactor: 'cluster.replication_factor',
  peerRoutes: 'cluster.peer_routes',
  rejoin: 'node.rejoin',
  leaveOnExit: 'node.leave_on_exit',
  drainMs: 'node.drain_ms',
  rest: 'http.rest',
  metrics: 'http.metrics',
  restClientAuth: 'http.client_auth',
  compat: 'http.compat',
  waitForJoin: 'cluster.wait_for_join',
  audit: 'access.audit',
  insecure: 'listen.insecure',
};

/**
 * Starts a node in this process; several may run in one, each with its own data directory.
 * Resolves once its ports are bound, rejects when it cannot start (ConfigError, StorageError,
 * AddressInUseError, AdmissionError). `ready` of the result settles when it first serves.
 */
export function startNode(options: EmbeddedNodeOptions): Promise<RunningNode> {
  const file = options.config === undefined ? [] : [readConfigFile(options.config)];
  const resolved = resolveOptions([sourceOf(options), ...file], { terminal: false });
  return startResolved(resolved.options, options.log ?? SILENT, options.tuning);
}

function sourceOf(options: EmbeddedNodeOptions): Source {
  const { tls, access } = options;
  const flat = (Object.keys(KEYS) as ValueKey[]).map((name): Stated => {
    return [KEYS[name], name, options[name]];
  });
  const nested: Stated[] = [
    ['tls.cert', 'tls.cert', tls?.cert],
    ['tls.key', 'tls.key', tls?.key],
    ['tls.ca', 'tls.ca', tls?.ca],
    ['tls.client_auth', 'tls.clientAuth', tls?.clientAuth],
    ['access.roles', 'access.roles', access?.roles],
    ['access.bindings', 'access.bindings', access?.bindings],
    ['access.tokens', 'access.tokens', access?.tokens],
  ];
  return new Map(
    [...flat, ...nested]
      .filter(([, , value]) => value !== undefined)
      .map(([key, name, value]) => [key, stated(name, value)]),
  );
}

type Stated = readonly [key: OptionKey, name: string, value: unknown];

function stated(name: string, value: unknown): Given {
  return { value, key: name, from: 'flag', place: () => ({}) };
}

const ignore = (): void => undefined;
const SILENT: Logger = { error: ignore, warn: ignore, info: ignore, debug: ignore };

/** Options of a cluster in one process. */
export interface EmbeddedClusterOptions {
  /** Every one of them is started here; or `config`: their file. */
  readonly founders?: readonly Founder[];
  readonly config?: string;
  /** Data go to `dataDir`/<id>. */
  readonly dataDir: string;
  readonly capacity?: number;
  readonly maxBytes?: number;
  readonly eviction?: EvictionPolicy;
  readonly replicationFactor?: number;
  readonly log?: Logger;
  readonly tuning?: NodeTuning;
}

export interface RunningCluster {
  readonly nodes: readonly RunningNode[];
  /** Client addresses, for `connect`. */
  readonly endpoints: readonly string[];
  /** Stops every node. */
  stop(): Promise<void>;
}

/** Starts every founder in this process; resolves when all of them serve. */
export async function startCluster(options: EmbeddedClusterOptions): Promise<RunningCluster> {
  const { dataDir, ...common } = options;
  const founders = options.founders ?? foundersOf(options.config);
  const nodes: RunningNode[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (const { id } of founders) {
      nodes.push(await startNode({ ...common, id, dataDir: joinPath(dataDir, id) }));
    }
    await Promise.all(nodes.map(served));
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, endpoints: nodes.map((node) => node.clientAddress), stop };
}

/** Throws ConfigError for a file that names no founders, or none of whose rules hold. */
function foundersOf(config: string | undefined): readonly Founder[] {
  const file = config === undefined ? [] : [readConfigFile(config)];
  const { founders } = resolveOptions(file, { terminal: false }).options;
  if (founders !== undefined) return founders;
  const place = config === undefined ? {} : { file: config };
  throw new ConfigError(
    { key: 'cluster.genesis', ...place },
    'names the nodes to start, and is missing',
  );
}

async function served(node: RunningNode): Promise<void> {
  const reason = await Promise.race([node.ready.then(() => undefined), node.closed]);
  if (reason === undefined) return;
  const detail = reason.kind === 'failed' ? `: ${reason.message}` : '';
  throw new Error(`node ${node.id} ended before it served (${reason.kind})${detail}`);
}
