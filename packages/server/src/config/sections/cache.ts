/** The section `cache`: what the cluster keeps; replicated, stated when it is founded. */
import type { OptionSpecs } from '../option.js';
import { defaultSettings, type EvictionPolicy } from '../options.js';
import { bytes, bytesText, integer, oneOf } from '../values.js';

export interface CacheValues {
  readonly 'cache.capacity': number;
  readonly 'cache.max_bytes': number;
  readonly 'cache.eviction': EvictionPolicy;
}

export const cacheOptions: OptionSpecs<CacheValues> = {
  'cache.capacity': {
    schema: integer(0, Number.MAX_SAFE_INTEGER, new Map([['none', 0]])),
    flag: { name: '--capacity', argument: 'ENTRIES' },
    replicated: true,
    help: 'entries kept at most; 0 or none: no limit',
    fallback: defaultSettings.entriesMax,
    format: (entries) => (entries === 0 ? 'none' : entries),
  },
  'cache.max_bytes': {
    schema: bytes(1024),
    flag: { name: '--max-bytes', argument: 'BYTES' },
    replicated: true,
    help: 'logical bytes of keys and values kept at most, such as 268435456 or 256MiB',
    fallback: defaultSettings.bytesMax,
    format: bytesText,
  },
  'cache.eviction': {
    schema: oneOf(['lru', 'noeviction']),
    flag: { name: '--eviction', argument: 'POLICY' },
    replicated: true,
    help: 'when full: lru (least recently used keys go) or noeviction (writes are refused)',
    fallback: defaultSettings.eviction,
  },
};
