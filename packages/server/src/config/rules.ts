/** The rules between options: what each of them takes alone is its schema's to say. */
import { validateAccessPolicy } from '@cashe/codec';
import { formatAddress, isLoopback, parseAddress } from './address.js';
import { withFallback } from './fallback.js';
import { limitProblems } from './limit-rules.js';
import { exposure } from './listen.js';
import type { ListenAddress } from './options.js';
import type { OptionKey } from './schema.js';
import type { FounderEntry } from './sections/cluster.js';
import type { Stated } from './source.js';

/** A rule is broken; what is stated at `key`, and inside it at `path`, is to be changed. */
export interface Problem {
  readonly key: OptionKey;
  readonly path?: readonly PropertyKey[];
  readonly text: string;
}

/** Every rule that the options of one node break, the most basic ones first. */
export function* problems(options: Stated): Generator<Problem> {
  yield* tlsProblems(options);
  yield* entryProblems(options);
  yield* addressProblems(options);
  yield* portProblems(options);
  yield* httpProblems(options);
  yield* accessProblems(options);
  yield* limitProblems(options);
  yield* logProblems(options);
}

const tlsFiles = ['tls.cert', 'tls.key', 'tls.ca'] as const;

/** The port is safe beyond loopback, or whoever started the node says that it may be unsafe. */
function isOpen(options: Stated): boolean {
  return hasTls(options) || withFallback(options, 'listen.insecure');
}

export function hasTls(options: Stated): boolean {
  return tlsFiles.every((key) => options[key] !== undefined);
}

/** The founder that the process is. */
export function ownEntry(options: Stated): FounderEntry | undefined {
  const id = withFallback(options, 'node.id');
  return options['cluster.genesis']?.find((one) => one.id === id);
}

function* tlsProblems(options: Stated): Generator<Problem> {
  const missing = tlsFiles.filter((key) => options[key] === undefined);
  if (missing.length === 0) {
    if (!withFallback(options, 'listen.insecure')) return;
    yield { key: 'listen.insecure', text: 'contradicts tls.cert, tls.key and tls.ca: TLS is on' };
    return;
  }
  const given = tlsFiles.find((key) => options[key] !== undefined);
  if (given !== undefined) {
    const text = `needs ${missing.join(' and ')} too: TLS takes a certificate, its key and a CA`;
    yield { key: given, text };
    return;
  }
  for (const key of ['tls.client_auth', 'http.client_auth'] as const) {
    const mode = options[key] ?? 'none';
    const text = `${mode} needs TLS (tls.cert, tls.key, tls.ca): it has the certificates`;
    if (mode !== 'none') yield { key, text };
  }
}

/** A node founds, joins or waits to be added; two of these contradict each other. */
function* entryProblems(options: Stated): Generator<Problem> {
  const joins = options['cluster.join_addr'] !== undefined;
  const waits = withFallback(options, 'cluster.wait_for_join');
  const founder = ownEntry(options);
  const conflict = `cluster.genesis names ${founder?.id} as a founder, and a founder does not`;
  if (founder !== undefined && joins) {
    yield { key: 'cluster.join_addr', text: `${conflict} join; remove one of the two` };
  }
  if (founder !== undefined && waits) {
    yield { key: 'cluster.wait_for_join', text: `${conflict} wait; remove one of the two` };
  }
  if (!joins || !waits) return;
  const text = 'contradicts cluster.join_addr: a node that waits is added by a member; remove one';
  yield { key: 'cluster.wait_for_join', text };
}

const addressKeys = ['listen.client', 'listen.raft', 'http.rest', 'http.metrics'] as const;
const entryKeys = ['listen.client', 'listen.raft', 'http.rest'] as const;
const entryFields = {
  'listen.client': 'client',
  'listen.raft': 'raft',
  'http.rest': 'rest',
} as const;

/** Without TLS only loopback is bound, unless it is allowed (R40). */
function* addressProblems(options: Stated): Generator<Problem> {
  const open = isOpen(options);
  for (const key of addressKeys) {
    const own = options[key];
    const text = own && exposure(own, open);
    if (text !== undefined) yield { key, text };
  }
  const founder = ownEntry(options);
  if (founder === undefined) return;
  const index = options['cluster.genesis']?.indexOf(founder) ?? 0;
  for (const key of entryKeys) {
    const entry = options[key] === undefined ? entryAddress(options, key) : undefined;
    const text = entry && exposure(entry, open);
    const path = [index, entryFields[key]];
    if (text !== undefined) yield { key: 'cluster.genesis', path, text };
  }
}

/** What the own entry says for an address that is not stated. */
function entryAddress(options: Stated, key: keyof typeof entryFields): ListenAddress | undefined {
  const entry = ownEntry(options)?.[entryFields[key]];
  const parsed = entry === undefined ? undefined : parseAddress(entry, 'advertise');
  return parsed?.ok === true ? parsed.address : undefined;
}

/**
 * Stated, or where the own entry says. An entry says how others reach the node, which need not be
 * an address of this machine: beyond loopback only its port counts.
 */
export function listenAddress(
  options: Stated,
  key: keyof typeof entryFields,
): ListenAddress | undefined {
  const own = options[key];
  if (own !== undefined) return own;
  const entry = entryAddress(options, key);
  if (entry === undefined || isLoopback(entry.host)) return entry;
  return { host: '', port: entry.port };
}

/** Two listeners cannot have one address; binding would tell, but not which options to change. */
function* portProblems(options: Stated): Generator<Problem> {
  const seen = new Map<string, OptionKey>();
  for (const key of addressKeys) {
    const own = options[key];
    if (own === undefined || own.port === 0) continue;
    const address = formatAddress(own.host, own.port);
    const first = seen.get(address);
    if (first === undefined) seen.set(address, key);
    else if (key === 'http.metrics' && first === 'http.rest') {
      yield { key, text: `${address} is the REST port, where health and metrics are without it` };
    } else yield { key, text: `${address} is already ${first}: every port has its own` };
  }
}

function* httpProblems(options: Stated): Generator<Problem> {
  if (!withFallback(options, 'http.compat') || listenAddress(options, 'http.rest') !== undefined)
    return;
  yield { key: 'http.compat', text: 'needs an address for REST: http.rest or --restaddr' };
}

function* accessProblems(options: Stated): Generator<Problem> {
  const keys = ['access.roles', 'access.bindings', 'access.tokens'] as const;
  const given = keys.find((key) => options[key] !== undefined);
  if (given === undefined) return;
  const text = validateAccessPolicy({
    roles: withFallback(options, 'access.roles'),
    bindings: withFallback(options, 'access.bindings'),
    tokens: withFallback(options, 'access.tokens'),
  });
  if (text !== undefined) yield { key: given, text };
}

function* logProblems(options: Stated): Generator<Problem> {
  const errorFile = options['logging.error_file'];
  if (errorFile === undefined || errorFile !== options['logging.file']) return;
  yield { key: 'logging.error_file', text: 'is logging.file, where errors stand anyway' };
}
