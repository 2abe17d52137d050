// Goal: no order of messages, crashes, partitions, snapshots and membership changes breaks the
// properties of Figure 3 or the linearizability of reads, and after the trouble ends the group
// works again. Method: seeded random events, every invariant after every step; a failure names its
// seed, and RAFT_SEED=n runs that seed alone. RAFT_SEEDS=n runs more of them.
import { describe, expect, it } from '@jest/globals';
import { Random } from '../src/random.js';
import { Cluster, type Weather } from './support/cluster.js';

const seedsCount = Number(process.env['RAFT_SEEDS'] ?? 300);
const onlySeed = process.env['RAFT_SEED'];
const eventsCount = 10000;
const electionTicksMax = 12;

const weatherOf = (random: Random): Weather => ({
  drop: [0, 2, 15][random.between(0, 2)] ?? 0,
  duplicate: [0, 10][random.between(0, 1)] ?? 0,
  crash: [0, 2, 6][random.between(0, 2)] ?? 0,
  reboot: [0, 4, 15][random.between(0, 2)] ?? 0,
  partition: [0, 2, 8][random.between(0, 2)] ?? 0,
  membership: [0, 8, 25][random.between(0, 2)] ?? 0,
  slowDisk: random.between(0, 1) === 0,
  slowApply: random.between(0, 1) === 0,
});

/** Small bounds: snapshots, reads of stored entries, full pipelines and tails are common. */
const boundsOf = (random: Random) => ({
  heartbeatTicks: 2,
  stickinessTicks: 5,
  electionTicksMin: 6,
  electionTicksMax,
  appendBytesMax: random.between(60, 400),
  inflightAppendsMax: random.between(1, 4),
  inflightBytesMax: random.between(60, 1000),
  applyingBytesMax: random.between(60, 600),
  tailBytesMax: random.between(300, 3000),
  pendingReadsMax: random.between(1, 8),
});

const converged = (cluster: Cluster): boolean => {
  const status = cluster.leader?.raft?.status();
  if (status === undefined || status.configurationIndex > status.commitIndex) return false;
  const members = cluster.checker.members.map((id) => cluster.nodes.get(id));
  const content = cluster.checker.contentAt(cluster.checker.commitIndex);
  return members.every((node) => node?.content() === content);
};

const run = (seed: number): Cluster => {
  const random = new Random(seed * 2654435761);
  const voters = Array.from({ length: random.between(1, 5) }, (_, i) => i + 1);
  const cluster = new Cluster(seed, voters, boundsOf(random));
  const weather = weatherOf(random);
  for (let i = 0; i < eventsCount; i += 1) cluster.disturb(weather);
  cluster.heal();
  cluster.settle();
  const start = cluster.checker.commitIndex;
  cluster.runUntil('a proposal commits', 20 * electionTicksMax, () => {
    const { leader } = cluster;
    if (leader !== undefined) cluster.propose(leader);
    return cluster.checker.commitIndex > start + 3;
  });
  cluster.runUntil('all members converge', 20 * electionTicksMax, () => converged(cluster));
  cluster.checker.finish();
  return cluster;
};

describe('a group under random trouble (Figure 3, R10)', () => {
  const first = onlySeed === undefined ? 1 : Number(onlySeed);
  const count = onlySeed === undefined ? seedsCount : 1;

  it(
    `keeps every safety property and recovers, for ${count} seeds`,
    () => {
      const total = {
        reads: 0,
        commits: 0,
        leaders: 0,
        configurations: 0,
        snapshots: 0,
        fetches: 0,
      };
      for (let seed = first; seed < first + count; seed += 1) {
        try {
          const cluster = run(seed);
          const { leaders, configurations, snapshots, fetches } = cluster.checker.coverage;
          total.reads += cluster.readsConfirmed;
          total.commits += cluster.checker.commitIndex;
          total.leaders += leaders;
          total.configurations += configurations;
          total.snapshots += snapshots;
          total.fetches += fetches;
        } catch (error) {
          throw new Error(`seed ${seed} failed`, { cause: error });
        }
      }
      if (count === 1) return;
      // Seeds in which little happens would prove little.
      expect(total.commits).toBeGreaterThan(40 * count);
      expect(total.reads).toBeGreaterThan(20 * count);
      expect(total.leaders).toBeGreaterThan(4 * count);
      expect(total.configurations).toBeGreaterThan(2 * count);
      expect(total.snapshots).toBeGreaterThan(count);
      expect(total.fetches).toBeGreaterThan(2 * count);
    },
    60_000 + count * 100,
  );
});
