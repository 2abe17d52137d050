/** Replays requests read-through: a get and, on a miss, a set. */

/** What a replay needs of a client; the SDK's is one. */
export interface ReplayClient {
  /** undefined: a miss. */
  get(key: string): Promise<unknown>;
  set(key: string, value: Uint8Array): Promise<unknown>;
}

interface ReplayOptions {
  /** Requests under way at once. With one, a request ends before the next begins. */
  readonly callers: number;
  /** Written on every miss. */
  readonly value: Uint8Array;
  /** Called before each request. */
  readonly onRequest?: (key: string, counts: ReplayCounts) => void;
}

export interface ReplayCounts {
  readonly requests: number;
  readonly hits: number;
}

/** Rejects with the first error of a call; the keys are then not read on. */
export async function replay(
  client: ReplayClient,
  keys: AsyncIterable<string> | Iterable<string>,
  { callers, value, onRequest }: ReplayOptions,
): Promise<ReplayCounts> {
  const counts = { requests: 0, hits: 0 };
  const source = asyncKeys(keys);
  const caller = async (): Promise<void> => {
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      const key = next.value;
      onRequest?.(key, counts);
      counts.requests += 1;
      if ((await client.get(key)) !== undefined) counts.hits += 1;
      else await client.set(key, value);
    }
  };
  try {
    await Promise.all(Array.from({ length: callers }, caller));
  } finally {
    // Ends the others after an error: to them the keys are used up.
    await source.return();
  }
  return counts;
}

/** A generator queues its callers, so several may ask for the next key at once. */
async function* asyncKeys(
  keys: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<string, void> {
  yield* keys;
}

/** At most so many of the keys. */
export async function* limited(
  keys: AsyncIterable<string>,
  limit: number,
): AsyncGenerator<string, void> {
  let count = 0;
  if (limit === 0) return;
  for await (const key of keys) {
    yield key;
    count += 1;
    if (count === limit) return;
  }
}
