import { describe, expect, it } from '@jest/globals';
import { LruModel } from '../src/lru-model.js';
import { type ReplayClient, replay } from '../src/replay.js';
import { zipfKeys } from '../src/zipf.js';
import { first } from './support/keys.js';

const value = new Uint8Array(1);

/** An LRU cache that answers a turn later, and notes how many calls were under way at once. */
class MemoryClient implements ReplayClient {
  underWay = 0;
  underWayMax = 0;
  sets = 0;
  readonly #entries: Map<string, Uint8Array> = new Map();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    await this.#turn();
    const found = this.#entries.get(key);
    if (found !== undefined) this.#use(key, found);
    return found;
  }

  async set(key: string, written: Uint8Array): Promise<void> {
    await this.#turn();
    this.sets += 1;
    this.#use(key, written);
    const coldest = this.#entries.keys().next().value;
    if (this.#entries.size > this.#capacity) this.#entries.delete(coldest ?? '');
  }

  #use(key: string, written: Uint8Array): void {
    this.#entries.delete(key);
    this.#entries.set(key, written);
  }

  async #turn(): Promise<void> {
    this.underWay += 1;
    this.underWayMax = Math.max(this.underWayMax, this.underWay);
    await new Promise((resolve) => setImmediate(resolve));
    this.underWay -= 1;
  }
}

describe('a replay', () => {
  const keys = first(3_000, zipfKeys({ seed: 3, keys: 500, exponent: 1 }));

  it('with one caller gets what the model gets', async () => {
    const client = new MemoryClient(100);
    const model = new LruModel(100);
    for (const key of keys) model.request(key);
    const { requests, hits } = await replay(client, keys, { callers: 1, value });
    expect({ requests, hits }).toEqual({ requests: 3_000, hits: model.hits });
    expect(client.sets).toBe(3_000 - hits);
    expect(client.underWayMax).toBe(1);
  });

  it('with several callers makes each request once', async () => {
    const client = new MemoryClient(1_000);
    const { requests, hits } = await replay(client, keys, { callers: 7, value });
    expect(requests).toBe(3_000);
    expect(client.sets).toBe(requests - hits);
    expect(client.underWayMax).toBe(7);
  });

  it('tells of every request before it is made', async () => {
    const seen: [string, number][] = [];
    const onRequest = (key: string, { requests }: { requests: number }): void => {
      seen.push([key, requests]);
    };
    await replay(new MemoryClient(9), ['a', 'b', 'a'], { callers: 1, value, onRequest });
    expect(seen).toEqual([
      ['a', 0],
      ['b', 1],
      ['a', 2],
    ]);
  });

  it('ends with the first error and reads no further', async () => {
    const client = new MemoryClient(9);
    let read = 0;
    let closed = false;
    async function* endless(): AsyncGenerator<string, void> {
      try {
        for (;;) {
          read += 1;
          yield `key-${read}`;
        }
      } finally {
        closed = true;
      }
    }
    const failing: ReplayClient = {
      get: (key) => (key === 'key-5' ? Promise.reject(new Error('down')) : client.get(key)),
      set: (key, written) => client.set(key, written),
    };
    await expect(replay(failing, endless(), { callers: 2, value })).rejects.toThrow('down');
    expect(closed).toBe(true);
    expect(read).toBeLessThan(10);
  });
});
