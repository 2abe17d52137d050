// R8, R9, R25, R26: members that leave, are lost or come back, whole nodes under the simulator.
import { describe, expect, it, jest } from '@jest/globals';
import { recordsAt } from '../../src/members.js';
import type { SimNode } from '../../src/sim-node.js';
import { FoundingRun, foundingSeeds } from '../support/founding.js';

// Whole clusters are simulated: seconds of work on a busy machine.
jest.setTimeout(60_000);

const [seed = 0] = foundingSeeds(1);

async function founded(): Promise<FoundingRun> {
  const run = new FoundingRun(seed);
  await run.untilFounded();
  await run.pass(500);
  return run;
}

function followers(run: FoundingRun): [SimNode, SimNode] {
  const [one, other] = run.nodes.filter((node) => node !== run.leader());
  if (one === undefined || other === undefined) throw new Error('two followers are missing');
  return [one, other];
}

function members(run: FoundingRun): string[] {
  return recordsAt(run.leader()).map(({ nodeId }) => nodeId);
}

describe('a node that was removed while it was cut off', () => {
  it('disturbs nobody when it is back, learns it, and rejoins as a new replica', async () => {
    const run = await founded();
    const leader = run.leader();
    const [gone] = followers(run);
    const { network } = run.simulation;
    for (const node of run.nodes) {
      network.cut(node.nodeId, gone.nodeId);
      network.cut(gone.nodeId, node.nodeId);
    }
    run.remove(gone.nodeId, leader);
    await run.until(() => !members(run).includes(gone.nodeId), 'its removal');
    await run.pass(3_000);
    const term = leader.replica?.term;
    const before = gone.replicaId;
    network.heal();
    await run.until(() => gone.isRetired && !gone.isRunning, 'its end');
    await run.pass(1_000);
    expect(leader.replica).toMatchObject({ leads: true, term });
    gone.rejoin = true;
    gone.joinThrough = leader.clientAddress;
    gone.start();
    await run.until(() => gone.replica?.leaderId === leader.replicaId, 'its return');
    expect(gone.replicaId).toBeGreaterThan(before);
  });
});

describe('a node that was removed while it was down', () => {
  it('learns it from nodes that left meanwhile and came back as new replicas', async () => {
    const run = await founded();
    const first = run.leader();
    const [gone, second] = followers(run);
    gone.crash(() => true);
    run.remove(gone.nodeId, first);
    await run.until(() => !members(run).includes(gone.nodeId), 'its removal');
    await rejoin(run, second, first);
    await rejoin(run, first, second);
    gone.start();
    await run.until(() => gone.isRetired && !gone.isRunning, 'its end');
  });
});

describe('a joiner that is removed before its log arrived', () => {
  it('learns it from the members that admission named', async () => {
    const run = await founded();
    // The genesis record, all it starts with, names replicas that are no more.
    for (const node of run.nodes) {
      const [other] = run.nodes.filter((one) => one !== node);
      if (other !== undefined) await rejoin(run, node, other);
    }
    const leader = run.leader();
    const joiner = run.join(leader);
    await run.until(() => joiner.isUp, 'its admission');
    const { network } = run.simulation;
    for (const node of run.nodes) {
      network.cut(node.nodeId, joiner.nodeId);
      network.cut(joiner.nodeId, node.nodeId);
    }
    run.remove(joiner.nodeId, leader);
    await run.until(() => !members(run).includes(joiner.nodeId), 'its removal');
    const { commitIndex, configuration } = joiner.replica?.raft.status() ?? {};
    expect([commitIndex, configuration?.learners]).toEqual([0, []]);
    network.heal();
    await run.until(() => joiner.isRetired && !joiner.isRunning, 'its end');
  });
});

describe('a node that comes back blank under its old id', () => {
  it('is refused until the old one is removed, and is then a new replica', async () => {
    const run = await founded();
    const leader = run.leader();
    const [blank] = followers(run);
    const before = blank.replicaId;
    blank.wipe();
    blank.start();
    await run.until(() => !blank.isRunning, 'its refusal');
    run.remove(blank.nodeId, leader);
    await run.until(() => !members(run).includes(blank.nodeId), 'the removal of the old one');
    blank.start();
    await run.until(() => blank.replica?.leaderId === leader.replicaId, 'its admission');
    expect(blank.replicaId).toBeGreaterThan(before);
  });

  it('takes no working voter with it: the lost one goes first', async () => {
    const run = await founded();
    const leader = run.leader();
    const [lost, leaving] = followers(run);
    lost.wipe();
    await run.pass(1_000);
    run.remove(leaving.nodeId, leader);
    await run.pass(2_000);
    expect(leader.replica?.raft.status().configuration.voters).toHaveLength(3);
    expect(leader.replica?.leads).toBe(true);
    run.remove(lost.nodeId, leader);
    await run.until(() => members(run).length === 1, 'both removals');
    expect(leader.replica?.leads).toBe(true);
  });
});

describe('a swap of voters', () => {
  it('is finished whenever its leader crashes on the way', async () => {
    const events = await swap(Number.POSITIVE_INFINITY);
    expect(events).toBeGreaterThan(20);
    for (let event = 1; event <= events; event += 3) await swap(event);
  }, 60_000);
});

/** Removes the node, through itself, and lets it rejoin as a new replica. */
async function rejoin(run: FoundingRun, node: SimNode, through: SimNode): Promise<void> {
  run.remove(node.nodeId, node);
  await run.until(() => node.isRetired && !node.isRunning, `the end of ${node.nodeId}`);
  node.rejoin = true;
  node.joinThrough = through.clientAddress;
  node.start();
  const isBack = (): boolean => {
    const { leaderId = 0, replicaId } = node.replica ?? {};
    return leaderId !== 0 && recordsAt(run.leader()).some((one) => one.replicaId === replicaId);
  };
  await run.until(isBack, `the return of ${node.nodeId}`);
}

/** Swaps a voter for a joiner; the leader crashes after event `at` of it. Returns its events. */
async function swap(at: number): Promise<number> {
  const run = await founded();
  const leader = run.leader();
  const [leaving, staying] = followers(run);
  const joiner = run.join(leader);
  await run.until(() => joiner.replica?.leaderId === leader.replicaId, 'a learner');
  await run.pass(500);
  const { time } = run.simulation;
  const start = time.events;
  run.remove(leaving.nodeId, staying);
  const isDone = (): boolean => {
    const current = run.simulation.nodes.find(({ replica }) => replica?.leads === true);
    const status = current?.replica?.raft.status();
    if (current === undefined || status?.ownTermCommitted !== true) return false;
    const { voters, votersOutgoing } = status.configurationCommitted;
    const isGone = recordsAt(current).every(({ nodeId }) => nodeId !== leaving.nodeId);
    return isGone && votersOutgoing.length === 0 && voters.includes(joiner.replicaId);
  };
  await run.until(() => isDone() || time.events >= start + at, 'the swap or the crash');
  const events = time.events - start;
  if (!isDone()) {
    leader.crash(() => false);
    await run.pass(300);
    leader.start();
    // The call may have died with the leader before it was recorded.
    run.remove(leaving.nodeId, staying);
    await run.until(isDone, `the swap, with a crash after event ${at}`);
  }
  await run.until(() => !leaving.isUp, 'the end of the node that left');
  return events;
}
