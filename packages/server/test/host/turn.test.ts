// The turn loop's promises about time (R7) and about its own mistakes (R10).
import { describe, expect, it } from '@jest/globals';
import { hostConfig } from '../../src/host/host-config.js';
import { HostCluster, type SimNode } from '../support/host-cluster.js';

async function ready(): Promise<{ sim: HostCluster; leader: SimNode; follower: SimNode }> {
  const sim = await HostCluster.start();
  const leader = await sim.waitForLeader();
  const follower = sim.nodes.find((node) => node !== leader);
  if (follower === undefined) throw new Error('no follower');
  return { sim, leader, follower };
}

/** What the replica does from now on, in order: a letter per call. */
function observe({ replica }: SimNode): string[] {
  const calls: string[] = [];
  const watch = (letter: string, real: () => unknown) => () => {
    calls.push(letter);
    return real();
  };
  replica.stepInbox = watch('i', replica.stepInbox.bind(replica)) as typeof replica.stepInbox;
  replica.tick = watch('t', replica.tick.bind(replica)) as typeof replica.tick;
  return calls;
}

describe('time (R7)', () => {
  it('has the stated defaults: 10 ms ticks, heartbeats 40, stickiness 160, timeout 200-320', () => {
    const { tickMs, heartbeatTicks, stickinessTicks, ...config } = hostConfig();
    const times = [heartbeatTicks, stickinessTicks, config.electionTicksMin];
    expect(tickMs).toBe(10);
    expect([...times, config.electionTicksMax].map((ticks) => ticks * tickMs)).toEqual([
      40, 160, 200, 320,
    ]);
  });

  it('passes after what was received, by one tick per turn', async () => {
    const { sim, follower } = await ready();
    const calls = observe(follower);
    await sim.time.run(1_000);
    const turns = calls.join('').match(/i+t?/g) ?? [];
    expect(turns.join('')).toBe(calls.join(''));
    expect(calls.filter((call) => call === 't')).toHaveLength(100);
  });

  it('that passed while it stood still is made up for by three ticks, one per turn', async () => {
    const { sim, follower } = await ready();
    follower.pause();
    await sim.time.run(1_000);
    const calls = observe(follower);
    follower.resume();
    await sim.time.run(5);
    const late = calls.join('');
    expect(late).toMatch(/^(it){4}i*$/);
  });
});

describe('a broken invariant (R10)', () => {
  it('stops the node before it says or writes anything more; the others go on', async () => {
    const { sim, leader, follower } = await ready();
    const { raft } = follower.replica;
    raft.tick = () => raft.persisted(Number.MAX_SAFE_INTEGER);
    const calls = observe(follower);
    await sim.time.run(100);
    expect(follower.failure?.message).toContain('persisted a Ready that was not handed out');
    expect(calls.filter((call) => call === 't')).toHaveLength(1);
    expect(sim.leader()).toBe(leader);
  });
});
