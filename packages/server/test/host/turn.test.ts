// The turn loop's promises about time (R7), about stopping and about its own mistakes (R10).
import type { Code } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import { hostConfig } from '../../src/host/host-config.js';
import { HostClient, set } from '../support/host-client.js';
import { HostCluster } from '../support/host-cluster.js';
import type { SimNode } from '../support/sim-node.js';

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

/** Stops the host in its next tick, in the middle of a turn that `before` has given work. */
function stopInTurn(node: SimNode, before: () => void): { atMs: number | undefined } {
  const stopped: { atMs: number | undefined } = { atMs: undefined };
  const { replica, cluster, sim } = node;
  const tick = replica.tick.bind(replica);
  replica.tick = () => {
    tick();
    before();
    stopped.atMs = sim.time.nowMs;
    cluster?.host.stop();
  };
  return stopped;
}

describe('a host that is stopped in the middle of a turn', () => {
  it('writes and sends nothing of what the turn has prepared', async () => {
    const { sim, leader } = await ready();
    const client = new HostClient(sim);
    await client.open(leader);
    await sim.converge();
    const { lastIndex } = leader.replica.raft.status();
    // A write that begins would still wait for its sync at the end.
    leader.syncMs = 10_000;
    const stopped = stopInTurn(leader, () => client.send(leader, [set('a', '1')], () => undefined));
    const sent: string[] = [];
    for (const { cluster } of sim.nodes.filter((node) => node !== leader)) {
      if (cluster === undefined) throw new Error('a follower is not running');
      const receive = cluster.host.receive.bind(cluster.host);
      cluster.host.receive = (group, message) => {
        if (message.from === leader.replicaId && stopped.atMs !== undefined) {
          sent.push(message.kind);
        }
        receive(group, message);
      };
    }
    await sim.time.run(50);
    expect(stopped.atMs).toBeDefined();
    // The turn did prepare it.
    expect(leader.replica.raft.status().lastIndex).toBe(lastIndex + 1);
    expect(leader.cluster?.host.commit.idle).toBe(false);
    const waitedMs = leader.cluster?.host.commit.waitingMs();
    expect({ waitedMs, sent }).toEqual({ waitedMs: 0, sent: [] });
  });

  it('answers nothing any more', async () => {
    const sim = await HostCluster.start({ nodes: 1 });
    const leader = await sim.waitForLeader();
    const client = new HostClient(sim);
    await client.open(leader);
    // A lone voter confirms a read in the turn that begins it.
    const startedMs = sim.time.nowMs;
    expect(await client.text(leader, 'a')).toBeUndefined();
    expect(sim.time.nowMs).toBe(startedMs);
    const answers: Code[] = [];
    const stopped = stopInTurn(leader, () => {
      client.sendRead(leader, ['a'], ({ code }) => answers.push(code));
    });
    await sim.time.run(50);
    expect(stopped.atMs).toBeDefined();
    expect(answers).toEqual([]);
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
