import { assert } from './errors.js';
import type { Configuration, ConfigurationCodec, LogIndex } from './types.js';

/** A configuration and the index of the entry (or snapshot) it came with. */
interface ConfigurationAt {
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

/**
 * The configuration in force at every index in memory: the one at the base and one per
 * configuration entry above it, so that truncation can revert and snapshots can name the right one.
 * Bounded by the entries in memory.
 */
export class ConfigurationHistory {
  readonly #codec: ConfigurationCodec;
  /** Ascending by index, never empty. */
  #items: ConfigurationAt[];

  constructor(codec: ConfigurationCodec, index: LogIndex, configuration: Configuration) {
    this.#codec = codec;
    this.#items = [{ index, configuration }];
  }

  get latest(): ConfigurationAt {
    const latest = this.#items[this.#items.length - 1];
    assert(latest !== undefined, 'configuration history is empty');
    return latest;
  }

  /** The last configuration at or below `index`, which must not be below the base. */
  at(index: LogIndex): ConfigurationAt {
    for (let i = this.#items.length - 1; i >= 0; i -= 1) {
      const item = this.#items[i];
      if (item !== undefined && item.index <= index) return item;
    }
    assert(false, 'no configuration at or below this index');
  }

  /** Whether `test` holds for the configuration in force at `index` or for a later one. */
  someFrom(index: LogIndex, test: (configuration: Configuration) => boolean): boolean {
    for (let i = this.#items.length - 1; i >= 0; i -= 1) {
      const item = this.#items[i];
      if (item === undefined) continue;
      if (test(item.configuration)) return true;
      if (item.index <= index) return false;
    }
    return false;
  }

  push(index: LogIndex, data: Uint8Array): void {
    const configuration = this.#codec.decode(data);
    assert(index > this.latest.index, 'configuration entries out of order');
    this.#items.push({ index, configuration });
  }

  truncateFrom(index: LogIndex): void {
    while (this.#items.length > 1 && this.latest.index >= index) this.#items.pop();
  }

  /** Forgets what is not in force at `baseIndex` or above. */
  dropBelow(baseIndex: LogIndex): void {
    while (this.#items.length > 1 && (this.#items[1]?.index ?? 0) <= baseIndex) {
      this.#items.shift();
    }
  }

  reset(index: LogIndex, configuration: Configuration): void {
    this.#items = [{ index, configuration }];
  }
}
