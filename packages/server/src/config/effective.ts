/** What holds in the end, option by option, and where it was stated. */
import type { OptionSpec } from './option.js';
import type { NodeOptions } from './options.js';
import type { Origin, Resolved } from './resolve.js';
import { ownEntry } from './rules.js';
import { type OptionKey, optionKeys, optionSpecs, sectionOf } from './schema.js';
import type { FounderEntry } from './sections/cluster.js';

/** One option as it holds. */
export interface Effective {
  readonly key: OptionKey;
  /** As a file states it, without secrets; undefined: nothing, as `note` says. */
  readonly value: unknown;
  /** undefined: the default. */
  readonly origin: Origin | undefined;
}

export function effectiveValues(resolved: Resolved): readonly Effective[] {
  const derived: ReadonlyMap<OptionKey, unknown> = derivedValues(resolved.options);
  const founder = ownEntry(resolved.stated);
  return optionKeys.map((key) => {
    const spec: OptionSpec<unknown> = optionSpecs[key];
    // What is replicated is the cluster's to say: its default holds only where one is founded.
    const fallback = spec.replicated === true ? undefined : spec.fallback;
    const raw: unknown = resolved.stated[key] ?? derived.get(key) ?? fallback;
    const entryKey = founderValues.get(key);
    const isEntry = entryKey !== undefined && founder?.[entryKey] !== undefined;
    const inherited = isEntry ? resolved.origins.get('cluster.genesis') : undefined;
    const origin = resolved.origins.get(key) ?? inherited;
    return { key, value: shown(spec, raw), origin };
  });
}

/** What a founder has from its entry in the genesis list unless it states another value. */
const founderValues: ReadonlyMap<OptionKey, keyof FounderEntry> = new Map([
  ['listen.client', 'client'],
  ['listen.raft', 'raft'],
  ['listen.advertise_client', 'client'],
  ['listen.advertise_raft', 'raft'],
  ['http.rest', 'rest'],
]);

function shown(spec: OptionSpec<unknown>, value: unknown): unknown {
  if (value === undefined) return undefined;
  if (spec.redact !== undefined) return spec.redact(value);
  return spec.format === undefined ? value : spec.format(value);
}

/** Defaults that follow from other options. */
function derivedValues(options: NodeOptions): ReadonlyMap<OptionKey, unknown> {
  return new Map<OptionKey, unknown>([
    ['node.data_dir', options.dataDir],
    ['listen.client', options.listen],
    ['listen.raft', options.raftListen],
    ['listen.advertise_client', options.advertiseClient],
    ['listen.advertise_raft', options.advertiseRaft],
    ['tls.client_auth', options.tls?.clientAuth],
    ['http.rest', options.http.rest],
    ['http.client_auth', options.tls && options.http.clientAuth],
    ['logging.json', options.log.format === 'json'],
  ]);
}

/** Tuning that few change: only what is stated of it is logged. */
const quietSections: ReadonlySet<string> = new Set(['raft', 'limits', 'logging']);

/** What holds as flat fields for the log line at start; `cashe config print` shows all of it. */
export function effectiveSettings(resolved: Resolved): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const { key, value, origin } of effectiveValues(resolved)) {
    if (origin !== undefined || !quietSections.has(sectionOf(key))) fields[key] = value;
  }
  const stated = [...resolved.origins].map(([key, { from }]) => `${key}:${from}`);
  return { ...fields, stated: stated.join(',') || 'nothing' };
}
