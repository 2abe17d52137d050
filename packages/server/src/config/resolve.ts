/** From sources of values to the options of a node: precedence, then the rules between options. */
import { formatAddress, isLoopback, parseAddress } from './address.js';
import { ConfigError, type ConfigPlace } from './errors.js';
import { requireLoopback } from './listen.js';
import type { Founder, GivenSettings, ListenAddress, NodeOptions } from './options.js';
import { type OptionKey, type OptionSpec, type OptionValues, optionSpecs } from './schema.js';

/** A value as stated, with where it was stated. */
export interface Given {
  readonly value: unknown;
  /** The option as its source names it: `--capacity` or `cache.capacity`. */
  readonly key: string;
  readonly from: 'flag' | 'file';
  /** Where exactly, for a path inside the value. */
  place(path: readonly PropertyKey[]): { readonly file?: string; readonly line?: number };
}

/** Option key → what one source states for it. */
export type Source = ReadonlyMap<string, Given>;

interface Environment {
  /** The log goes to a terminal. */
  readonly terminal: boolean;
}

/** The options, and for the log where each stated value came from. */
export interface Resolved {
  readonly options: NodeOptions;
  readonly origins: ReadonlyMap<OptionKey, Given['from']>;
}

type Stated = { [K in OptionKey]?: OptionValues[K] };

/**
 * Earlier sources win; what none states is the default. Every stated value is checked, also one
 * that another source overrides. Throws ConfigError.
 */
export function resolveOptions(sources: readonly Source[], environment: Environment): Resolved {
  const stated: Stated = {};
  const winners = new Map<OptionKey, Given>();
  for (const key of Object.keys(optionSpecs) as OptionKey[]) {
    for (const source of sources.toReversed()) {
      const given = source.get(key);
      if (given === undefined) continue;
      assign(stated, key, given);
      winners.set(key, given);
    }
  }
  const place = (key: OptionKey): ConfigPlace => {
    const given = winners.get(key);
    if (given !== undefined) return { key: given.key, ...given.place([]) };
    return { key: optionSpecs[key].flag?.name ?? key };
  };
  const options = nodeOptions(stated, place, environment);
  return { options, origins: new Map([...winners].map(([key, given]) => [key, given.from])) };
}

function assign<K extends OptionKey>(stated: Stated, key: K, given: Given): void {
  const spec: OptionSpec<OptionValues[K]> = optionSpecs[key];
  const parsed = spec.schema.safeParse(given.value);
  if (parsed.success) {
    stated[key] = parsed.data;
    return;
  }
  const issue = parsed.error.issues[0];
  const path = issue?.path ?? [];
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`));
  throw new ConfigError(
    { key: given.key + steps.join(''), ...given.place(path) },
    issue?.message ?? 'is not valid',
  );
}

type Place = (key: OptionKey) => ConfigPlace;

function nodeOptions(stated: Stated, place: Place, environment: Environment): NodeOptions {
  const founders = stated['cluster.genesis'];
  const id = stated['node.id'] ?? 'raft0';
  const founder = founders?.find((one) => one.id === id);
  const insecure = stated['listen.insecure'] ?? false;
  if (founder !== undefined && stated['cluster.join'] !== undefined) {
    const conflict = `cluster.genesis names ${id} as a founder, and a founder does not join`;
    throw new ConfigError(place('cluster.join'), `${conflict}; remove one of the two`);
  }
  const listen = listenAddress(stated, 'listen.client', founder, place, insecure);
  const raftListen = listenAddress(stated, 'listen.raft', founder, place, insecure);
  return {
    id,
    listen,
    raftListen,
    advertiseClient: stated['listen.advertise_client'] ?? founder?.client,
    advertiseRaft: stated['listen.advertise_raft'] ?? founder?.raft,
    join: stated['cluster.join'],
    founders,
    peerRoutes: stated['cluster.peer_routes'] ?? new Map(),
    dataDir: stated['node.data_dir'] ?? `./data/${id}`,
    settings: givenSettings(stated),
    tls: undefined,
    http: { rest: undefined, clientAuth: 'none', compat: false, metrics: undefined },
    access: { roles: [], bindings: [], tokens: [] },
    waitForJoin: false,
    insecure,
    leaveOnExit: stated['node.leave_on_exit'] ?? false,
    rejoin: stated['node.rejoin'] ?? false,
    log: {
      level: stated['log.level'] ?? 'info',
      format: stated['log.format'] ?? (environment.terminal ? 'pretty' : 'json'),
    },
    drainMs: stated['node.drain_ms'] ?? 10_000,
  };
}

/** Stated, or the port of the founder's own entry, or the common default. */
function listenAddress(
  stated: Stated,
  key: 'listen.client' | 'listen.raft',
  founder: Founder | undefined,
  place: Place,
  insecure: boolean,
): ListenAddress {
  const own = stated[key];
  if (own !== undefined) {
    requireLoopback(own, insecure, place(key));
    return own;
  }
  const entry = key === 'listen.client' ? founder?.client : founder?.raft;
  if (entry === undefined) return { host: '', port: key === 'listen.client' ? 3000 : 4000 };
  const parsed = parseAddress(entry, 'advertise');
  if (!parsed.ok) throw new ConfigError(place('cluster.genesis'), parsed.problem);
  const { host, port } = parsed.address;
  if (isLoopback(host)) return { host, port };
  // The entry says how others reach the node, which need not be an address of this machine.
  requireLoopback({ host, port }, insecure, place('cluster.genesis'));
  return { host: '', port };
}

function givenSettings(stated: Stated): GivenSettings {
  const entriesMax = stated['cache.capacity'];
  const bytesMax = stated['cache.max_bytes'];
  const eviction = stated['cache.eviction'];
  const replicationFactor = stated['cluster.replication_factor'];
  return {
    ...(entriesMax !== undefined && { entriesMax }),
    ...(bytesMax !== undefined && { bytesMax }),
    ...(eviction !== undefined && { eviction }),
    ...(replicationFactor !== undefined && { replicationFactor }),
  };
}

/** The options as flat fields for the log line at start; what was not stated is marked. */
export function effectiveSettings({ options, origins }: Resolved): Record<string, unknown> {
  const show = ({ host, port }: ListenAddress): string => formatAddress(host, port);
  return {
    id: options.id,
    listenaddr: show(options.listen),
    raftaddr: show(options.raftListen),
    advertiseAddr: options.advertiseClient,
    advertiseRaftAddr: options.advertiseRaft,
    leaderaddr: options.join,
    founders: options.founders?.map((one) => one.id).join(','),
    peerRoutes:
      [...options.peerRoutes].map(([id, route]) => `${id}=${route}`).join(',') || undefined,
    dataDir: options.dataDir,
    ...options.settings,
    insecure: options.insecure,
    leaveOnExit: options.leaveOnExit,
    rejoin: options.rejoin,
    drainMs: options.drainMs,
    logLevel: options.log.level,
    logFormat: options.log.format,
    stated: [...origins].map(([key, from]) => `${key}:${from}`).join(',') || 'nothing',
  };
}
