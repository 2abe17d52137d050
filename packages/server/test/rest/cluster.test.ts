// Goal: any node serves REST as the leader does, and members and leadership change through it.
// Method: three real nodes in this process, and a fourth that waits to be added.
import { waitUntil } from '@cashe/bench';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningNode } from '../../src/index.js';
import { ask, post, RestNodes } from './support/rest-nodes.js';

const nodes = new RestNodes();
let all: readonly RunningNode[];

beforeAll(async () => {
  all = await nodes.three();
}, 30_000);
afterAll(() => nodes.stopAll());

interface StatusJson {
  readonly cluster_id: string;
  readonly node_id: string;
  readonly groups: readonly { readonly role: string; readonly leader: { node_id: string } }[];
  readonly members: readonly { readonly node_id: string; readonly role: string }[];
}

async function statusOf(node: RunningNode): Promise<StatusJson> {
  return (await ask(node, 'GET', '/v1/cluster')).json as StatusJson;
}

async function leaderAndFollower(): Promise<readonly [RunningNode, RunningNode]> {
  const found = await Promise.all(all.map(statusOf));
  const leads = found.findIndex(({ groups }) => groups[0]?.role === 'leader');
  return [all[leads] as RunningNode, all[(leads + 1) % 3] as RunningNode];
}

describe('any node', () => {
  it('writes and reads what the others wrote', async () => {
    for (const [i, writer] of all.entries()) {
      const put = await ask(writer, 'PUT', `/v1/keys/from-${i}`, { body: `value ${i}` });
      expect(put.status).toBe(200);
      for (const reader of all) {
        expect((await ask(reader, 'GET', `/v1/keys/from-${i}`)).text).toBe(`value ${i}`);
      }
    }
  });

  it('tells its own status and the members', async () => {
    const status = await statusOf(all[1] as RunningNode);
    expect(status.node_id).toBe('r1');
    expect(status.members.map((member) => member.node_id).sort()).toEqual(['r0', 'r1', 'r2']);
    const answer = await ask(all[2] as RunningNode, 'GET', '/v1/cluster/members');
    const { members } = answer.json as { members: readonly { leader: boolean }[] };
    expect(members.filter((member) => member.leader)).toHaveLength(1);
  });

  it('hands leadership over', async () => {
    const [leader, follower] = await leaderAndFollower();
    const moved = await post(leader, '/v1/cluster/transfer', { node_id: follower.id });
    expect([moved.status, moved.json]).toMatchObject([200, { node_id: follower.id, group: 0 }]);
    expect(moved.headers.get('cashe-outcome')).toBe('committed');
    expect((await statusOf(follower)).groups[0]?.role).toBe('leader');
    // Without a name it goes to whoever is furthest, asked of a node that does not lead.
    const back = await ask(leader, 'POST', '/v1/cluster/transfer');
    expect(back.status).toBe(200);
    expect((back.json as { node_id: string }).node_id).not.toBe(follower.id);
  });

  it.each([
    [{ node_id: 'nobody' }, 'no member has the id nobody'],
    [{ group: 7 }, 'group is 7'],
    [{ node_id: 'no/id' }, 'body/node_id'],
    [{ node: 'r0' }, 'unknown field "node"'],
  ])('refuses to hand over to %j', async (body, message) => {
    const answer = await post(all[0] as RunningNode, '/v1/cluster/transfer', body);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ message: expect.stringContaining(message) });
  });
});

describe('members', () => {
  const add = (node: RunningNode, nodeId: string, address: string) =>
    post(node, '/v1/cluster/members', { node_id: nodeId, raft_address: address });

  it('have a position in the log that is on their disk, the leader too', async () => {
    // A new leader knows nobody's position before it has heard from them.
    const members = await waitUntil('positions of all', 10_000, async () => {
      const [leader] = await leaderAndFollower();
      const list = await ask(leader, 'GET', '/v1/cluster/members');
      const { members } = list.json as { members: { match_index: number }[] };
      return members.every(({ match_index }) => match_index > 0) ? members : undefined;
    });
    expect(members).toHaveLength(3);
  });

  it('take a node that waits by its raft address, asked of any node, once or twice', async () => {
    const joiner = await nodes.start({ id: 'r3', waitForJoin: true });
    const blank = await statusOf(joiner);
    expect([blank.cluster_id, blank.members]).toEqual(['', []]);
    const early = await ask(joiner, 'GET', '/v1/keys/from-0');
    expect([early.status, early.json]).toMatchObject([503, { code: 'UNAVAILABLE' }]);
    expect(early.headers.get('retry-after')).toBe('1');
    const [, follower] = await leaderAndFollower();
    const answer = await add(follower, 'r3', joiner.raftAddress);
    expect([answer.status, answer.json]).toMatchObject([200, { replica_id: expect.any(Number) }]);
    await joiner.ready;
    expect((await ask(joiner, 'GET', '/v1/keys/from-0')).text).toBe('value 0');
    const again = await add(follower, 'r3', joiner.raftAddress);
    expect([again.status, again.json]).toMatchObject([
      200,
      { replica_id: (answer.json as { replica_id: number }).replica_id },
    ]);
    const removed = await ask(follower, 'DELETE', '/v1/cluster/members/r3');
    expect([removed.status, removed.json]).toEqual([200, { node_id: 'r3' }]);
    expect((await joiner.closed).kind).toBe('removed');
  });

  it('refuse to remove who is none', async () => {
    const answer = await ask(all[0] as RunningNode, 'DELETE', '/v1/cluster/members/nobody');
    expect([answer.status, answer.json]).toMatchObject([404, { code: 'NOT_FOUND' }]);
  });

  it.each([
    ['r9', '127.0.0.1:1', 503, 'no node answers at 127.0.0.1:1'],
    ['r9', 'nowhere', 400, 'raft_address'],
    ['no/id', '127.0.0.1:1', 400, 'body/node_id'],
  ])('%s at %s cannot be added: %d', async (nodeId, address, status, message) => {
    const answer = await add(all[0] as RunningNode, nodeId, address);
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ message: expect.stringContaining(message) });
    expect(answer.headers.get('cashe-outcome')).toBe('not_committed');
  });
});
