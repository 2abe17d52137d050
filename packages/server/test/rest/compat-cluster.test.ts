// Goal: nodes are added, removed and made to step down the way the replaced systems do it.
// Method: a real node founds a cluster; real blank nodes wait to be added.
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RunningNode } from '../../src/index.js';
import { type Answer, ask, post, RestNodes } from './support/rest-nodes.js';

const nodes = new RestNodes();
afterEach(() => nodes.stopAll());

interface Health {
  readonly is_leader: boolean;
  readonly leader_addr: string;
}
const healthOf = async (node: RunningNode): Promise<Health> =>
  (await ask(node, 'GET', '/health')).json as Health;

const waiting = (id: string): Promise<RunningNode> =>
  nodes.start({ id, compat: true, waitForJoin: true });

describe('a cluster grown by raft addresses', () => {
  it('takes nodes by /join and /api/v1/node, steps down, and lets them leave', async () => {
    const first = await nodes.one({ id: 'n1', compat: true });
    const second = await waiting('n2');
    const third = await waiting('n3');
    const blank = await ask(second, 'GET', '/health');
    expect([blank.status, blank.json]).toMatchObject([503, { status: 'unhealthy' }]);
    const joined = await post(first, '/join', { id: 'n2', addr: second.raftAddress });
    expect([joined.status, joined.json]).toEqual([
      200,
      { message: 'node joined successfully', id: 'n2' },
    ]);
    await second.ready;
    const added = await post(second, '/api/v1/node', { node_id: 'n3', addr: third.raftAddress });
    expect([added.status, added.text]).toEqual([200, '']);
    await third.ready;
    await post(third, '/store', { key: 'k', value: 'v' });
    for (const node of [first, second, third]) {
      expect((await ask(node, 'GET', '/store/k')).json).toEqual({ key: 'k', value: 'v' });
    }
    await stepDown(first, [second, third]);
    const left = await post(first, '/leave', { id: 'n3' });
    expect([left.status, left.json]).toEqual([
      200,
      { message: 'node left successfully', id: 'n3' },
    ]);
    expect((await third.closed).kind).toBe('removed');
    expect((await ask(first, 'DELETE', '/api/v1/node/n2')).status).toBe(200);
    expect((await second.closed).kind).toBe('removed');
  }, 30_000);
});

/** The leader hands over once another node votes; the others refuse, as they do not lead. */
async function stepDown(leader: RunningNode, others: readonly RunningNode[]): Promise<void> {
  for (const other of others) {
    const refused = await post(other, '/stepdown', {});
    expect([refused.status, refused.json]).toEqual([400, { error: 'this node is not the leader' }]);
  }
  let stepped: Answer;
  do stepped = await post(leader, '/stepdown', {});
  while (stepped.status === 400);
  expect([stepped.status, stepped.json]).toEqual([
    200,
    { message: 'leadership transferred successfully' },
  ]);
  const { is_leader, leader_addr } = await healthOf(leader);
  expect(is_leader).toBe(false);
  expect(others.map((other) => other.clientAddress)).toContain(leader_addr);
}
