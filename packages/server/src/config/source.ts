/** What the sources of values have in common. */
import type { ConfigPlace } from './errors.js';
import type { OptionKey, OptionName, OptionValues } from './schema.js';

/** A value as stated, with where it was stated. */
export interface Given {
  readonly value: unknown;
  /** The option as its source names it: `--capacity`, `CASHE_CACHE_CAPACITY`, `cache.capacity`. */
  readonly key: string;
  readonly from: 'flag' | 'environment' | 'file';
  /** Where exactly, for a path inside the value; with a key where the source has its own. */
  place(path: readonly PropertyKey[]): Partial<ConfigPlace>;
}

/** Option key → what one source states for it. */
export type Source = ReadonlyMap<string, Given>;

/** What is stated, checked one by one. */
export type Stated = { [K in OptionKey]?: OptionValues[K] };

/** The value that an option's schema is given. */
export function readAs({ alias }: OptionName, value: unknown): unknown {
  return alias?.read === undefined ? value : alias.read(value);
}
