// R25: genesis interrupted at every step. Goal: whatever happens to a founder between two events of
// the founding (each message that arrives and each answer of a disk is one), there is never more
// than one cluster, and the founders that still exist get into it. Method: the founding of three is
// run once to count its events, then again for every event, with the fault at one of the founders
// after it; founders take turns.
import { describe, expect, it, jest } from '@jest/globals';
import { FoundingRun, foundingSeeds } from '../support/founding.js';

// Whole clusters are simulated: seconds of work on a busy machine.
jest.setTimeout(60_000);

const FOUNDERS = [0, 1, 2];
const [seed = 0, otherSeed = 0] = foundingSeeds(2);

/** Events until three blank founders are members of a cluster with a leader. */
async function eventsOfFounding(of: number): Promise<number> {
  const run = new FoundingRun(of);
  await run.untilFounded();
  return run.simulation.time.events;
}

async function afterEveryEvent(
  of: number,
  fault: (run: FoundingRun, founder: number) => Promise<void>,
): Promise<void> {
  const events = await eventsOfFounding(of);
  expect(events).toBeGreaterThan(100);
  for (let event = 1; event <= events; event += 1) {
    const founder = event % FOUNDERS.length;
    const run = new FoundingRun(of);
    await run.untilEvent(event);
    await fault(run, founder);
    const where = `event ${event}, founder ${founder}`;
    expect({ where, led: run.led.size }).toEqual({ where, led: 1 });
  }
}

describe('genesis', () => {
  it.each([
    ['keeps its unsynced pages', true, seed],
    ['loses its unsynced pages', false, otherSeed],
  ])(
    'survives a crash of any founder at any step that %s',
    async (_name, survives, of) => {
      await afterEveryEvent(of, async (run, founder) => {
        run.node(founder).crash(() => survives);
        run.node(founder).start();
        await run.untilFounded();
        expect(run.clusterIds()).toHaveLength(1);
      });
    },
    120_000,
  );

  it('goes on without a founder that is away, once its record is there', async () => {
    await afterEveryEvent(seed, async (run, founder) => {
      run.node(founder).crash(() => false);
      await run.pass(700);
      run.node(founder).start();
      await run.untilFounded();
      expect(run.clusterIds()).toHaveLength(1);
    });
  }, 120_000);

  it('forms one cluster at most when a founder loses its disk at any step', async () => {
    await afterEveryEvent(otherSeed, async (run, founder) => {
      run.node(founder).wipe();
      run.node(founder).start();
      await run.pass(3_000);
    });
  }, 120_000);

  it('of A and C, which formed with B: B without its disk and C alone form nothing', async () => {
    for (const down of FOUNDERS) {
      const wiped = (down + 1) % 3;
      const run = new FoundingRun(seed);
      await run.untilFounded();
      const before = run.clusterIds();
      run.node(down).crash(() => true);
      run.node(wiped).wipe();
      run.node(wiped).start();
      await run.pass(5_000);
      expect(run.node(wiped).isUp).toBe(false);
      const left = run.node(3 - down - wiped);
      expect(left.replica?.raft.status()).toMatchObject({ leaderId: 0 });
      expect(run.clusterIds()).toEqual(before);
      run.node(down).start();
      await run.untilFounded([run.node(down), left]);
      await run.pass(5_000);
      expect(run.node(wiped).isUp).toBe(false);
      expect(run.led).toEqual(new Set(before));
    }
  });

  it('is finished by a first founder that died right after it persisted the record', async () => {
    const events = await eventsOfFounding(seed);
    let recordsAlone = 0;
    for (let event = 1; event <= events; event += 1) {
      const run = new FoundingRun(seed);
      await run.untilEvent(event);
      const first = run.node(0);
      const isAlone = first.isUp && run.nodes.every((node) => node === first || !node.isUp);
      if (!isAlone) continue;
      recordsAlone += 1;
      const [clusterId] = run.clusterIds();
      first.crash(() => false);
      await run.pass(2_000);
      first.start();
      await run.untilFounded();
      expect(run.clusterIds()).toEqual([clusterId]);
    }
    expect(recordsAlone).toBeGreaterThan(0);
  });
});
