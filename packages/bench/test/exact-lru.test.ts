// One caller and no leader change: a cluster is an exact LRU cache (R18). With a leader killed in
// between, hints that were not yet attached to an entry are lost with it, and nothing else is.

import { connect } from '@cashe/client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ClusterProcess } from '../src/cluster-process.js';
import { LruModel } from '../src/lru-model.js';
import { replay } from '../src/replay.js';
import { zipfKeys } from '../src/zipf.js';
import { first } from './support/keys.js';

const requests = 10_000;
const capacity = 500;
const keys = first(requests, zipfKeys({ seed: 20_260, keys: 3_000, exponent: 1.2 }));
const model = new LruModel(capacity);
for (const key of keys) model.request(key);

interface Outcome {
  readonly hits: number;
  readonly evictions: number;
  readonly nodesEqual: number;
}

/** `halfWay` is called at the middle of the replay and awaited after it. */
async function replayed(
  cluster: ClusterProcess,
  halfWay: () => Promise<unknown> = async () => undefined,
): Promise<Outcome> {
  await using cashe = await connect({ endpoints: cluster.endpoints, timeoutMs: 30_000 });
  let between: Promise<unknown> | undefined;
  const { hits } = await replay(cashe, keys, {
    callers: 1,
    value: new Uint8Array(64),
    onRequest: (_key, counts) => {
      if (counts.requests === requests / 2) between = halfWay();
    },
  });
  await between;
  const groups = await cluster.waitUntilEqual();
  return { hits, evictions: groups[0]?.evictions ?? -1, nodesEqual: groups.length };
}

describe('a Zipf trace replayed with one caller', () => {
  let outcomes: Promise<readonly [Outcome, Outcome]>;
  const clusters: ClusterProcess[] = [];

  // Both at once: with one caller a cluster mostly waits.
  beforeAll(async () => {
    const start = async (): Promise<ClusterProcess> => {
      const cluster = await ClusterProcess.start({ args: [`--capacity=${capacity}`] });
      clusters.push(cluster);
      return cluster;
    };
    const [steady, killed] = await Promise.all([start(), start()]);
    outcomes = Promise.all([
      replayed(steady),
      replayed(killed, async () => {
        const leader = await killed.leader();
        await leader.kill('SIGKILL');
        leader.start();
        await killed.waitUntilServing();
      }),
    ]);
    await outcomes;
  }, 240_000);

  afterAll(async () => {
    await Promise.all(clusters.map((cluster) => cluster.stop('kill')));
  });

  it('has the hits and evictions of the exact-LRU model', async () => {
    const [steady] = await outcomes;
    expect(steady).toEqual({ hits: model.hits, evictions: model.evictions, nodesEqual: 3 });
  });

  it('differs by at most 5 when the leader is killed half-way; replicas end equal', async () => {
    const [, killed] = await outcomes;
    expect(Math.abs(killed.hits - model.hits)).toBeLessThanOrEqual(5);
    expect(Math.abs(killed.evictions - model.evictions)).toBeLessThanOrEqual(5);
    expect(killed.nodesEqual).toBe(3);
  });
});
