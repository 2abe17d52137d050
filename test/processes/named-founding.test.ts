// Goal: founders that die or lose their disks at the worst moment never make a second cluster.
// Method: real processes; who is killed is killed at the moment a file appears in its directory.
import { on } from 'node:events';
import { existsSync, rmSync, watch } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '@cashe/bench';
import { Network, type NodePorts } from '@cashe/chaos';
import { connect } from '@cashe/client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ByHand } from './support/by-hand.js';

const caseMs = 60_000;
const appearsMs = 20_000;
const founders = ['n0', 'n1', 'n2'];
/** Only their ports are used. */
const spares = ['s0', 's1', 's2', 's3', 's4'];
let hand: ByHand;
let opened: Network | undefined;

beforeEach(async () => {
  hand = await ByHand.plan(...founders, ...spares);
});

afterEach(async () => {
  await hand?.end();
  await opened?.close();
  opened = undefined;
}, caseMs);

/** Resolves as soon as the file is there; in vain, it says what the nodes did meanwhile. */
async function appears(directory: string, name: string): Promise<void> {
  const watcher = watch(directory);
  const changes = on(watcher, 'change', { signal: AbortSignal.timeout(appearsMs) });
  try {
    while (!existsSync(join(directory, name))) await changes.next();
  } catch (cause) {
    const what = `${appearsMs} ms went by without the file ${name}:\n${hand.log()}`;
    throw new Error(what, { cause });
  } finally {
    await changes.return?.();
    watcher.close();
  }
}

async function serveAsOne(ids: readonly string[]): Promise<string> {
  const all = await waitUntil('all founders serve', 30_000, async () => {
    const states = await Promise.all(ids.map((id) => hand.status(id)));
    return states.every(({ waitingFor }) => waitingFor === '') ? states : undefined;
  });
  const clusters = [...new Set(all.map(({ clusterId }) => clusterId))];
  expect(clusters).toHaveLength(1);
  return clusters[0] ?? '';
}

/** Proxies between the founders, so that what one says can be slow or lost. */
async function networkOf(): Promise<{ network: Network; routes: (self: number) => string[] }> {
  const portOf = (address: string): number => Number(address.split(':')[1]);
  const portsOf = (id: string): NodePorts => {
    const { client, raft } = hand.place(id);
    return { client: portOf(client), raft: portOf(raft) };
  };
  const ports = spares.map(portsOf).flatMap(({ client, raft }) => [client, raft]);
  const network = new Network(founders.map(portsOf), ports);
  opened = network;
  await network.open();
  const routes = (self: number): string[] =>
    founders.flatMap((id, to) =>
      to === self ? [] : [`--peer-route=${id}=${network.address(self, to)}`],
    );
  return { network, routes };
}

it(
  'a founder asks the others where its routes lead, not at their own addresses',
  async () => {
    const { network, routes } = await networkOf();
    await network.cut(0, 1);
    const file = hand.founders('founders.json', founders);
    for (const self of [1, 2]) {
      await hand.start(`n${self}`, file, ...routes(self)).logged('waiting');
    }
    const refused = `founder n1 at ${hand.place('n1').raft} (connection refused)`;
    const first = hand.start('n0', file, ...routes(0));
    await first.logged('waiting', ({ for: what }) => what === refused);
    await network.heal();
    await serveAsOne(founders);
  },
  caseMs,
);

describe('the first founder, killed right after the genesis record is on its disk (R25)', () => {
  it.each(['genesis', 'identity'])(
    'at the file %s: who has not heard of it waits, and all become one cluster',
    async (name) => {
      const { network, routes } = await networkOf();
      // What n0 says takes longer than it lives.
      for (const other of [1, 2]) network.wire(0, other).delay(300);
      const file = hand.founders('founders.json', founders);
      const first = hand.start('n0', file, ...routes(0));
      await first.logged('waiting');
      const persisted = appears(hand.place('n0').dataDir, name);
      hand.start('n1', file, ...routes(1));
      hand.start('n2', file, ...routes(2));
      await persisted;
      await Promise.all([first.kill(), network.cut(0, 1), network.cut(0, 2)]);
      const early = await Promise.all(['n1', 'n2'].map((id) => hand.status(id)));
      expect(early.map(({ clusterId }) => clusterId)).toEqual(['', '']);
      await network.heal();
      hand.start('n0', file, ...routes(0));
      await serveAsOne(founders);
      await using cashe = await connect({ endpoints: hand.endpoints('n1') });
      await cashe.set('founded', 'once');
    },
    caseMs,
  );
});

it(
  'a wiped founder and one that did not stop form nothing while the third is down (R25)',
  async () => {
    const file = hand.founders('founders.json', founders);
    const nodes = new Map(founders.map((id) => [id, hand.start(id, file)]));
    const clusterId = await serveAsOne(founders);
    {
      await using cashe = await connect({ endpoints: hand.endpoints(...founders) });
      await cashe.set('old', 'kept');
    }
    await Promise.all(['n0', 'n1'].map((id) => nodes.get(id)?.kill()));
    rmSync(hand.place('n1').dataDir, { recursive: true });
    const wiped = hand.start('n1', file);
    // It heard of the cluster and tries to join it: a new node, without a word in its quorum.
    await wiped.logged('waiting', ({ for: what }) => String(what).includes('a member to admit'));
    const states = await Promise.all(['n1', 'n2'].map((id) => hand.status(id)));
    expect(states.map((one) => [one.clusterId, one.waitingFor === ''])).toEqual([
      ['', false],
      [clusterId, false],
    ]);
    expect(states[1]?.groups[0]?.leader?.nodeId ?? '').toBe('');
    hand.start('n0', file);
    expect(await serveAsOne(['n0', 'n2'])).toBe(clusterId);
    await using cashe = await connect({ endpoints: hand.endpoints('n0', 'n2') });
    expect(await cashe.get('old')).toBe('kept');
  },
  caseMs,
);
