/** From sources of values to the options of a node: precedence, then the rules between options. */
import type { z } from 'zod';
import { ConfigError, type ConfigPlace } from './errors.js';
import { withFallback } from './fallback.js';
import type { OptionSpec } from './option.js';
import type { GivenSettings, HttpOptions, LogOptions, NodeOptions, TlsOptions } from './options.js';
import { hasTls, listenAddress, ownEntry, type Problem, problems } from './rules.js';
import { type OptionKey, type OptionValues, optionKeys, optionSpecs } from './schema.js';
import type { Given, Source, Stated } from './source.js';
import { limitOptions, raftOptions } from './tuning.js';

interface Surroundings {
  /** The log goes to a terminal. */
  readonly terminal: boolean;
}

/** Where a stated value came from. */
export interface Origin extends ConfigPlace {
  readonly from: Given['from'];
}

/** The options, what of them was stated, and where. */
export interface Resolved {
  readonly options: NodeOptions;
  readonly stated: Stated;
  readonly origins: ReadonlyMap<OptionKey, Origin>;
}

/**
 * Earlier sources win; what none states is the default. Every stated value is checked, also one
 * that another source overrides. Throws the first ConfigError.
 */
export function resolveOptions(sources: readonly Source[], around: Surroundings): Resolved {
  const read = readSources(sources);
  const wrong = read.errors[0] ?? brokenRules(read)[0];
  if (wrong !== undefined) throw wrong;
  return { ...read, options: nodeOptions(read.stated, around) };
}

/** All that is wrong with the values, and when each of them is right, with them together. */
export function configErrors(sources: readonly Source[]): ConfigError[] {
  const read = readSources(sources);
  if (read.errors.length > 0) return read.errors;
  const { 'node.id': id, 'cluster.genesis': founders = [] } = read.stated;
  // One file serves all founders: without an id it is checked for each of them.
  const ids = id === undefined ? founders.map((one) => one.id) : [id];
  const nodes = ids.length === 0 ? [read.stated] : ids.map(withId(read.stated));
  const errors = nodes.flatMap((stated) => brokenRules({ ...read, stated }));
  return [...new Map(errors.map((error) => [error.message, error])).values()];
}

const withId =
  (stated: Stated) =>
  (id: string): Stated => ({ ...stated, 'node.id': id });

interface Read {
  readonly stated: Stated;
  readonly origins: ReadonlyMap<OptionKey, Origin>;
  readonly winners: ReadonlyMap<OptionKey, Given>;
  readonly errors: ConfigError[];
}

function readSources(sources: readonly Source[]): Read {
  const stated: Stated = {};
  const winners = new Map<OptionKey, Given>();
  const errors: ConfigError[] = [];
  for (const key of optionKeys) {
    for (const source of sources.toReversed()) {
      const given = source.get(key);
      if (given === undefined) continue;
      errors.push(...assign(stated, key, given));
      winners.set(key, given);
    }
  }
  const origins = new Map(
    [...winners].map(([key, given]): [OptionKey, Origin] => [
      key,
      { key: given.key, ...given.place([]), from: given.from },
    ]),
  );
  return { stated, origins, winners, errors };
}

function assign<K extends OptionKey>(stated: Stated, key: K, given: Given): ConfigError[] {
  const spec: OptionSpec<OptionValues[K]> = optionSpecs[key];
  const parsed = spec.schema.safeParse(given.value);
  if (parsed.success) {
    stated[key] = parsed.data;
    return [];
  }
  // A misspelt key is also a missing one: what was written comes first.
  const issues = parsed.error.issues.toSorted((a, b) => rank(a) - rank(b));
  return issues.map(({ path, message, ...issue }) => {
    const inside = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
    const place = { ...placeIn(given, path), ...given.place([...path, ...inside]) };
    return new ConfigError(place, message);
  });
}

function rank(issue: z.core.$ZodIssue): number {
  return issue.code === 'unrecognized_keys' ? 0 : 1;
}

function placeIn(given: Given, path: readonly PropertyKey[]): ConfigPlace {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`));
  return { key: given.key + steps.join(''), ...given.place(path) };
}

function brokenRules({ stated, winners }: Pick<Read, 'stated' | 'winners'>): ConfigError[] {
  return Array.from(problems(stated), ({ key, path = [], text }: Problem) => {
    const given = winners.get(key);
    const place = given === undefined ? { key: nameOf(key) } : placeIn(given, path);
    return new ConfigError(place, text);
  });
}

function nameOf(key: OptionKey): string {
  return optionSpecs[key].flag?.name ?? key;
}

function nodeOptions(stated: Stated, around: Surroundings): NodeOptions {
  const founder = ownEntry(stated);
  const id = withFallback(stated, 'node.id');
  const founders = stated['cluster.genesis']?.map(({ id, client, raft }) => ({ id, client, raft }));
  const tls = tlsOptions(stated);
  return {
    id,
    listen: listenAddress(stated, 'listen.client') ?? { host: '', port: 3000 },
    raftListen: listenAddress(stated, 'listen.raft') ?? { host: '', port: 4000 },
    advertiseClient: stated['listen.advertise_client'] ?? founder?.client,
    advertiseRaft: stated['listen.advertise_raft'] ?? founder?.raft,
    join: stated['cluster.join_addr'],
    founders,
    peerRoutes: stated['cluster.peer_routes'] ?? new Map(),
    dataDir: stated['node.data_dir'] ?? `./data/${id}`,
    settings: givenSettings(stated),
    tls,
    http: httpOptions(stated, tls),
    access: {
      roles: withFallback(stated, 'access.roles'),
      bindings: withFallback(stated, 'access.bindings'),
      tokens: withFallback(stated, 'access.tokens'),
    },
    audit: withFallback(stated, 'access.audit'),
    waitForJoin: withFallback(stated, 'cluster.wait_for_join'),
    insecure: withFallback(stated, 'listen.insecure'),
    leaveOnExit: withFallback(stated, 'node.leave_on_exit'),
    rejoin: withFallback(stated, 'node.rejoin'),
    raft: raftOptions(stated),
    limits: limitOptions(stated),
    log: logOptions(stated, around),
    drainMs: withFallback(stated, 'node.drain_ms'),
  };
}

/**
 * Client certificates are required unless something else is stated: until an access policy is set
 * every principal reads and writes, so encryption alone keeps nobody out.
 */
function tlsOptions(stated: Stated): TlsOptions | undefined {
  const { 'tls.cert': certFile, 'tls.key': keyFile, 'tls.ca': caFile } = stated;
  if (!hasTls(stated) || certFile === undefined) return undefined;
  if (keyFile === undefined || caFile === undefined) return undefined;
  return { certFile, keyFile, caFile, clientAuth: stated['tls.client_auth'] ?? 'require' };
}

function httpOptions(stated: Stated, tls: TlsOptions | undefined): HttpOptions {
  return {
    rest: listenAddress(stated, 'http.rest'),
    metrics: stated['http.metrics'],
    compat: withFallback(stated, 'http.compat'),
    // As on the client port: REST must not open a door that is shut there.
    clientAuth: stated['http.client_auth'] ?? tls?.clientAuth ?? 'none',
  };
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

function logOptions(stated: Stated, { terminal }: Surroundings): LogOptions {
  const id = withFallback(stated, 'node.id');
  const file = stated['logging.file']?.replaceAll('<id>', id);
  const json = stated['logging.json'] ?? (file !== undefined || !terminal);
  return {
    level: withFallback(stated, 'logging.level'),
    format: json ? 'json' : 'pretty',
    file,
    errorFile: stated['logging.error_file']?.replaceAll('<id>', id),
    fileBytesMax: withFallback(stated, 'logging.file_bytes_max'),
    filesMax: withFallback(stated, 'logging.files_max'),
  };
}
