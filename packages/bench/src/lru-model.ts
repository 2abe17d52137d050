/** What an exact LRU cache of so many entries gets, read-through, one request at a time. */
export class LruModel {
  requests = 0;
  hits = 0;
  evictions = 0;
  readonly #capacity: number;
  /** A Set iterates in order of insertion: the coldest key comes first. */
  readonly #keys: Set<string> = new Set();

  /** `capacity` 0: no limit. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** A get and, on a miss, a set. True on a hit. */
  request(key: string): boolean {
    this.requests += 1;
    const isHit = this.#keys.delete(key);
    this.#keys.add(key);
    if (isHit) this.hits += 1;
    else if (this.#capacity !== 0 && this.#keys.size > this.#capacity) this.#evict();
    return isHit;
  }

  #evict(): void {
    for (const coldest of this.#keys) {
      this.#keys.delete(coldest);
      this.evictions += 1;
      return;
    }
  }
}
