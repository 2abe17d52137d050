/** What every key was after every applied entry, for as long as a run lasts. */
import type { Effect, ReferenceRecord } from './reference-cache.js';

interface Change {
  /** Of the entry. */
  readonly index: number;
  readonly effect: Effect;
}

export class Timeline {
  readonly #changes: Map<string, Change[]> = new Map();

  add(index: number, effect: Effect): void {
    const change = { index, effect };
    const changes = this.#changes.get(effect.key);
    if (changes === undefined) this.#changes.set(effect.key, [change]);
    else changes.push(change);
  }

  /** What the key was once the entry at `index` was applied; undefined: absent. */
  at(key: string, index: number): ReferenceRecord | undefined {
    const changes = this.#changes.get(key) ?? [];
    return changes[countUpTo(changes, index) - 1]?.effect.record;
  }

  /** The changes by entries in (from, to]. */
  between(key: string, from: number, to: number): readonly Change[] {
    const changes = this.#changes.get(key) ?? [];
    return changes.slice(countUpTo(changes, from), countUpTo(changes, to));
  }

  /** Every state an op may have met that took effect in (from, to] or right after `from`. */
  states(key: string, from: number, to: number): readonly (ReferenceRecord | undefined)[] {
    const later = this.between(key, from, to).map(({ effect }) => effect.record);
    return [this.at(key, from), ...later];
  }
}

/** How many changes were made by entries up to `index`. */
function countUpTo(changes: readonly Change[], index: number): number {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const change = changes[middle];
    if (change !== undefined && change.index <= index) low = middle + 1;
    else high = middle;
  }
  return low;
}
