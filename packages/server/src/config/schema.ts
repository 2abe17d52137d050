/**
 * Every option, once: name, flag, what it takes, default, and what it is for. Flags, variables of
 * the environment, files, defaults, `--help`, the reference and the example file follow from this
 * table; a further option is one more entry in the section's own file.
 */
import type { OptionAlias, OptionSpec, OptionSpecs } from './option.js';
import { type AccessValues, accessOptions } from './sections/access.js';
import { type CacheValues, cacheOptions } from './sections/cache.js';
import { type ClusterValues, clusterOptions } from './sections/cluster.js';
import { type HttpValues, httpOptions } from './sections/http.js';
import { type LimitsValues, limitsOptions } from './sections/limits.js';
import { type ListenValues, listenOptions } from './sections/listen.js';
import { type LoggingValues, loggingOptions } from './sections/logging.js';
import { type NodeValues, nodeOptions } from './sections/node.js';
import { type RaftValues, raftOptions } from './sections/raft.js';
import { type TlsValues, tlsOptions } from './sections/tls.js';

export interface OptionValues
  extends NodeValues,
    ListenValues,
    ClusterValues,
    CacheValues,
    TlsValues,
    AccessValues,
    HttpValues,
    RaftValues,
    LimitsValues,
    LoggingValues {}

export type OptionKey = keyof OptionValues;

export const optionSpecs: OptionSpecs<OptionValues> = {
  ...nodeOptions,
  ...listenOptions,
  ...clusterOptions,
  ...cacheOptions,
  ...tlsOptions,
  ...accessOptions,
  ...httpOptions,
  ...raftOptions,
  ...limitsOptions,
  ...loggingOptions,
};

export const optionKeys: readonly OptionKey[] = Object.keys(optionSpecs) as OptionKey[];

/** The sections with their titles, in the order of help and reference. */
export const sectionTitles: ReadonlyMap<string, string> = new Map([
  ['node', 'Node'],
  ['listen', 'Addresses'],
  ['cluster', 'Cluster'],
  ['cache', 'Cache'],
  ['tls', 'TLS'],
  ['access', 'Access'],
  ['http', 'REST, health and metrics'],
  ['raft', 'Raft and its log'],
  ['limits', 'Limits'],
  ['logging', 'Log'],
]);

/** An option under one of its names. */
export interface OptionName {
  readonly key: OptionKey;
  readonly alias: OptionAlias | undefined;
}

/** Every name that a file may use, its own ones first. */
export const optionNames: ReadonlyMap<string, OptionName> = new Map([
  ...optionKeys.map((key): [string, OptionName] => [key, { key, alias: undefined }]),
  ...optionKeys.flatMap((key) => {
    const { aliases = [] }: OptionSpec<unknown> = optionSpecs[key];
    return aliases.map((alias): [string, OptionName] => [alias.key, { key, alias }]);
  }),
]);

export function sectionOf(name: string): string {
  return name.slice(0, name.indexOf('.'));
}
