// Named cases of eviction and time to live (R16-R18), each on a whole simulated cluster. Which keys
// go, and when, is held against the reference state machine after every entry on every node.
import { recordBytes } from '@cashe/store';
import { describe, expect, it, jest } from '@jest/globals';
import type { CallRecord } from '../../src/call-record.js';
import { OPERATOR } from '../../src/principals.js';
import { Scenario } from '../support/scenario.js';

// Whole clusters are simulated: seconds of work on a busy machine.
jest.setTimeout(60_000);

const YEAR_2099_MS = 76 * 365 * 86_400_000;

function digests(scenario: Scenario): unknown[] {
  return scenario.nodes.map(({ replica }) => replica?.store.digest());
}

describe('a full cache', () => {
  it('keeps all of its entries however often they are overwritten', async () => {
    const entries = 20;
    const bytesMax = entries * recordBytes('k00'.length, 12);
    const scenario = await Scenario.start({ entriesMax: entries, bytesMax });
    const client = scenario.client();
    for (let round = 0; round < 20; round += 1) {
      for (let key = 0; key < entries; key += 1) {
        await scenario.call(client, 'set', `k${String(key).padStart(2, '0')}`);
      }
    }
    expect(scenario.simulation.ledger.counts()).toMatchObject({ entries, evictions: 0 });
    await scenario.finish();
  });

  it.each([1, 2, 3])(
    'evicts the same keys everywhere, a failover mid-way or not: %i',
    async (n) => {
      const scenario = await Scenario.start({ entriesMax: 10 }, n);
      const client = scenario.client();
      for (let step = 0; step < 120; step += 1) {
        if (step === 60) scenario.crash(await scenario.leader());
        const key = `k${(step * 7) % 23}`;
        await scenario.call(client, step % 3 === 0 ? 'get' : 'set', key);
      }
      await scenario.finish();
      const { evictions, entries } = scenario.simulation.ledger.counts();
      expect(evictions).toBeGreaterThan(20);
      expect(entries).toBe(10);
      expect(new Set(digests(scenario).map((one) => JSON.stringify(one))).size).toBe(1);
    },
  );
});

describe('a time to live', () => {
  it('of 100 ms: after 120 ms the key is a miss', async () => {
    const scenario = await Scenario.start();
    const client = scenario.client();
    await scenario.call(client, 'set', 'k', { ttlMs: 100 });
    await scenario.simulation.pass(80);
    expect((await scenario.call(client, 'get', 'k')).found).toBe(true);
    await scenario.simulation.pass(40);
    expect((await scenario.call(client, 'get', 'k')).found).toBe(false);
    await scenario.finish();
  });

  it('is not shortened by one node that restarts in the year 2099 and leads', async () => {
    const scenario = await Scenario.start();
    const client = scenario.client();
    await scenario.call(client, 'set', 'k', { ttlMs: 30_000 });
    const odd = await scenario.follower();
    scenario.crash(odd);
    odd.clock.jumpWall(YEAR_2099_MS);
    odd.start();
    await scenario.simulation.pass(2_000);
    for (const node of scenario.nodes) if (node !== odd) node.pause();
    await scenario.simulation.pass(100);
    for (const node of scenario.nodes) node.resume();
    scenario.crash(await scenario.leader());
    await scenario.leader();
    await scenario.simulation.pass(10_000);
    expect((await scenario.call(client, 'get', 'k')).found).toBe(true);
    await scenario.finish();
  });

  // What the simulator found: B leads without knowing the time that A told C, and starts from
  // less. C keeps A's, and judged the leases that B began by it when it led next.
  it('is not shortened when one who knew more of the time follows one who knew less', async () => {
    const scenario = await Scenario.start();
    const { simulation, nodes } = scenario;
    const client = scenario.client();
    const first = await scenario.leader();
    const [behind, ahead] = nodes.filter((node) => node !== first);
    if (behind === undefined || ahead === undefined) throw new Error('three nodes');
    await scenario.call(client, 'set', 'k');
    await simulation.pass(2_000);
    // Both that will elect have forgotten the time; who knows it is away.
    scenario.separate(ahead, [first, behind]);
    scenario.crash(first);
    scenario.crash(behind);
    for (const node of [first, behind]) {
      node.clock.jumpWall(-3_600_000);
      node.start();
    }
    await scenario.leader();
    const lease = await scenario.call(client, 'set', 'k', { ttlMs: 1_500 });
    expect(lease).toMatchObject({ outcome: 'committed' });
    simulation.network.heal();
    await simulation.pass(300);
    const transfer = { kind: 'transferLeadership', group: 0, nodeId: ahead.nodeId } as const;
    const leader = await scenario.leader();
    leader.calls?.admin(transfer, OPERATOR, 3_000, () => undefined);
    await simulation.until(() => ahead.replica?.leads === true, 5_000, 'the one that knew');
    expect(await scenario.call(client, 'get', 'k')).toMatchObject({ found: true });
    await scenario.finish();
  });
});

describe('a thousand unary sets to a follower', () => {
  it('across leader changes take effect at most once each', async () => {
    const scenario = await Scenario.start();
    const { simulation } = scenario;
    const follower = await scenario.follower();
    const client = scenario.unary(() => follower);
    const done: CallRecord[] = [];
    const spec = { kind: 'set', ttlMs: 0, keepTtl: false, isStale: false } as const;
    for (let call = 0; call < 1_000; call += 1) {
      simulation.time.after(call * 3, () => {
        client.call([{ ...spec, key: `k${call % 5}` }], 5_000, ([record]) => {
          if (record !== undefined) done.push(record);
        });
      });
    }
    for (let change = 0; change < 3; change += 1) {
      await simulation.pass(700);
      const leader = await scenario.leader();
      if (leader === follower) break;
      scenario.crash(leader);
      await scenario.leader();
      leader.start();
    }
    await simulation.until(() => done.length === 1_000, 20_000, 'all answers');
    await scenario.finish();
    const committed = done.filter(({ outcome }) => outcome === 'committed');
    expect(committed.length).toBeGreaterThan(900);
    const revisions = new Set(committed.map(({ revision }) => revision));
    expect(revisions.size).toBe(committed.length);
  });
});
