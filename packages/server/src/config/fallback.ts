import type { OptionSpec } from './option.js';
import { type OptionKey, type OptionValues, optionSpecs } from './schema.js';
import type { Stated } from './source.js';

/** The options that have a default which follows from nothing else. */
type FallbackKey =
  | 'node.id'
  | 'node.leave_on_exit'
  | 'node.rejoin'
  | 'node.drain_ms'
  | 'listen.insecure'
  | 'cluster.wait_for_join'
  | 'access.roles'
  | 'access.bindings'
  | 'access.tokens'
  | 'access.audit'
  | 'http.compat'
  | 'logging.level'
  | 'logging.file_bytes_max'
  | 'logging.files_max'
  | Extract<OptionKey, `raft.${string}` | `limits.${string}`>;

/** What is stated for the option, or its default. */
export function withFallback<K extends FallbackKey>(options: Stated, key: K): OptionValues[K] {
  const own = options[key];
  if (own !== undefined) return own;
  const { fallback }: OptionSpec<OptionValues[K]> = optionSpecs[key];
  if (fallback === undefined) throw new Error(`${key} has no default`);
  return fallback;
}
