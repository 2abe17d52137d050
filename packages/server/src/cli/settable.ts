/** What `cashe config set` can change while nodes run, by the keys that configuration files use. */
import { SESSION_WINDOW_MAX, type SettingsChanges } from '@cashe/codec';
import { type ConfigureNodeRequest, type ConfigureNodeResponse, LogLevel } from '@cashe/proto';
import { SESSION_BYTES_MAX_LIMIT, SESSIONS_MAX_LIMIT, type Settings } from '@cashe/store';
import type { z } from 'zod';
import { didYouMean } from '../config/nearest.js';
import type { OptionSpec } from '../config/option.js';
import { optionNames, optionSpecs } from '../config/schema.js';
import { bytes, bytesText, integer } from '../config/values.js';
import { CommandError, exitCodes } from './exit-codes.js';

type Value = string | number;
type NodeField = Exclude<keyof ConfigureNodeRequest, 'logLevel'>;

interface Common {
  readonly key: string;
  /** Of a word on the command line; throws CommandError. */
  parse(word: string): Value;
  /** As a file states it. */
  format(value: Value): Value;
}

/** Replicated: the same on all nodes. */
interface ClusterSetting extends Common {
  readonly scope: 'cluster';
  read(settings: Settings): Value;
  changes(value: Value): SettingsChanges;
}

/** Of one node, until it stops. */
interface NodeSetting extends Common {
  readonly scope: 'node';
  read(node: ConfigureNodeResponse): Value;
  request(value: Value): ConfigureNodeRequest;
}

export type Settable = ClusterSetting | NodeSetting;

type Kind = Pick<OptionSpec<unknown>, 'schema' | 'format'>;

export const settables: readonly Settable[] = [
  ofCluster('cache.capacity', 'entriesMax', optionSpecs['cache.capacity']),
  ofCluster('cache.max_bytes', 'bytesMax', optionSpecs['cache.max_bytes']),
  ofCluster('cache.eviction', 'eviction', optionSpecs['cache.eviction']),
  ofCluster(
    'cluster.replication_factor',
    'replicationFactor',
    optionSpecs['cluster.replication_factor'],
  ),
  ofCluster('sessions.max', 'sessionsMax', { schema: integer(1, SESSIONS_MAX_LIMIT) }),
  ofCluster('sessions.window', 'sessionWindow', { schema: integer(1, SESSION_WINDOW_MAX) }),
  ofCluster('sessions.bytes_max', 'sessionBytesMax', {
    schema: bytes(1, SESSION_BYTES_MAX_LIMIT),
    format: (value) => bytesText(Number(value)),
  }),
  ofCluster('sessions.idle_ms', 'sessionIdleMs', { schema: integer(1, Number.MAX_SAFE_INTEGER) }),
  logLevel(),
  ofNode('limits.unary_calls_max', 'unaryCallsMax'),
  ofNode('limits.session_streams_max', 'sessionStreamsMax'),
  ofNode('limits.watch_streams_max', 'watchStreamsMax'),
  ofNode('limits.principals_max', 'principalsMax'),
  ofNode('limits.total_bytes_max', 'totalBytesMax'),
];

/** The setting with this key, or an alias of it. Throws CommandError. */
export function settableOf(word: string): Settable {
  const key = optionNames.get(word)?.key ?? word;
  const found = settables.find((one) => one.key === key);
  if (found !== undefined) return found;
  const keys = settables.map((one) => one.key);
  const known = optionNames.has(word);
  const why = known
    ? `${word} counts from the start of a node: change it there, and start the node anew`
    : `unknown key ${JSON.stringify(word)}${didYouMean(word, keys)}`;
  throw new CommandError(exitCodes.usage, `${why}; what can be changed: ${keys.join(', ')}`);
}

function common(key: string, { schema, format }: Kind): Common {
  return {
    key,
    parse: (word) => parsed(key, schema, word),
    format: (value) => (format === undefined ? value : (format(value) as Value)),
  };
}

function parsed(key: string, schema: z.ZodType, word: string): Value {
  const result = schema.safeParse(word);
  if (result.success) return result.data as Value;
  const [issue] = result.error.issues;
  throw new CommandError(exitCodes.usage, `${key} ${issue?.message ?? 'is not valid'}`);
}

function ofCluster(key: string, field: keyof SettingsChanges, kind: Kind): ClusterSetting {
  return {
    ...common(key, kind),
    scope: 'cluster',
    read: (settings) => settings[field],
    changes: (value) => ({ [field]: value }),
  };
}

function ofNode(key: `limits.${string}` & keyof typeof optionSpecs, field: NodeField): NodeSetting {
  return {
    ...common(key, optionSpecs[key] as Kind),
    scope: 'node',
    read: (node) => node[field],
    request: (value) => ({ logLevel: LogLevel.UNSPECIFIED, [field]: value }),
  };
}

const levels: ReadonlyMap<Value, LogLevel> = new Map<Value, LogLevel>([
  ['error', LogLevel.ERROR],
  ['warn', LogLevel.WARN],
  ['info', LogLevel.INFO],
  ['debug', LogLevel.DEBUG],
]);

function logLevel(): NodeSetting {
  const key = 'logging.level';
  return {
    ...common(key, optionSpecs[key]),
    scope: 'node',
    read: (node) => [...levels].find(([, number]) => number === node.logLevel)?.[0] ?? 'info',
    request: (value) => ({ logLevel: levels.get(value) ?? LogLevel.UNSPECIFIED }),
  };
}
