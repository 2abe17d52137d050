// Goal: the client finds the leader from any node, survives lost and silent nodes, and stays in one
// cluster (R25, R30, R31, R33). Method: scripted nodes, virtual time.

import { Code } from '@cashe/codec';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { FakeNode } from './support/fake-net.js';
import {
  answerWrite,
  describeWrite,
  Harness,
  lead,
  leaderOf,
  openOnly,
  serve,
} from './support/harness.js';
import { ModelGroup } from './support/model-group.js';

let harness: Harness;
let nodes: readonly [FakeNode, FakeNode, FakeNode];

beforeEach(() => {
  harness = new Harness();
  nodes = [harness.net.add('n1'), harness.net.add('n2'), harness.net.add('n3')];
  for (const node of nodes) openOnly(node);
});

const writesOf = (node: FakeNode): string[] => node.of('write').map(describeWrite);

describe('the way to the leader (R31)', () => {
  it('is any node until a leader is announced, then the one of the highest term', () => {
    harness.start(nodes.map(({ address }) => address));
    harness.set('a', 'v');
    harness.time.settle();
    expect(writesOf(nodes[0])).toEqual(['7/1 a']);
    nodes[0].reply(leaderOf(nodes[2], 5));
    nodes[1].reply(leaderOf(nodes[1], 4));
    harness.set('b', 'v');
    harness.time.settle();
    expect(writesOf(nodes[2])).toEqual(['7/1 a', '7/2 b']);
    expect(writesOf(nodes[1])).toEqual([]);
  });

  it('is learned with its address when only another node is configured', () => {
    harness.start([nodes[0].address]);
    nodes[0].reply(leaderOf(nodes[1], 1));
    harness.time.settle();
    harness.set('a', 'v');
    harness.time.settle();
    expect(nodes[1].connects).toBe(1);
    expect(writesOf(nodes[1])).toEqual(['7/1 a']);
  });

  it('is through another node while the leader cannot be reached', () => {
    nodes[1].isUp = false;
    harness.start([nodes[0].address, nodes[1].address]);
    lead(nodes[0], 1);
    nodes[0].reply(leaderOf(nodes[1], 2));
    harness.set('a', 'v');
    harness.time.settle();
    expect(writesOf(nodes[0])).toEqual(['7/1 a']);
  });

  it('sends what is unanswered to a new leader at once, with the same number', () => {
    harness.start(nodes.map(({ address }) => address));
    lead(nodes[0], 1);
    const call = harness.set('a', 'v');
    const read = harness.get('x');
    harness.time.settle();
    nodes[1].reply(leaderOf(nodes[1], 2));
    harness.time.settle();
    expect(writesOf(nodes[1])).toEqual(['7/1 a']);
    expect(nodes[1].of('read')).toHaveLength(1);
    answerWrite(nodes[0], nodes[0].of('write')[0]!, Code.OK, { firstRevision: 3 });
    answerWrite(nodes[1], nodes[1].of('write')[0]!, Code.OK, { firstRevision: 3 });
    expect(call.settled).toHaveLength(1);
    expect(call.summary).toBe('written 3');
    expect(read.summary).toBe('pending');
  });
});

describe('a connection that ends', () => {
  it('moves what was unanswered to another node', () => {
    harness.start([nodes[0].address, nodes[1].address]);
    lead(nodes[0], 1);
    harness.set('a', 'v');
    harness.get('b');
    harness.time.settle();
    nodes[0].down();
    harness.time.settle();
    expect(writesOf(nodes[1])).toEqual(['7/1 a']);
    expect(nodes[1].of('read')).toHaveLength(1);
  });

  it('is made again, with pauses from 50 ms to 2 s', () => {
    harness.start([nodes[0].address]);
    nodes[0].down();
    harness.time.advance(20);
    expect(nodes[0].connects).toBe(1);
    nodes[0].up();
    harness.time.advance(30);
    expect(nodes[0].connects).toBe(2);
    nodes[0].down();
    harness.time.advance(60_000);
    const attempts = harness.events.filter(({ kind }) => kind === 'disconnected').length;
    expect(attempts).toBeGreaterThan(60_000 / 2_000);
    expect(attempts).toBeLessThan(60_000 / 1_000 + 10);
    nodes[0].up();
    harness.time.advance(2_000);
    expect(harness.core.status().nodes).toMatchObject([{ state: 'ready', nodeId: 'n1' }]);
  });

  it('is not heard any more', () => {
    harness.start([nodes[0].address]);
    const [link] = nodes[0].links;
    nodes[0].down();
    link?.replyLate(leaderOf(nodes[0], 9));
    nodes[0].up();
    harness.time.advance(100);
    link?.replyLate({ kind: 'session', transmission: 7, code: Code.OK, message: '', session: 1 });
    expect(harness.core.status()).toMatchObject({ leaders: [], nodes: [{ state: 'ready' }] });
  });

  it('is given up when the hello does not come', () => {
    nodes[0].isSilent = true;
    harness.start([nodes[0].address]);
    harness.time.advance(3_000);
    expect(harness.core.status().nodes).toMatchObject([{ state: 'backoff' }]);
    nodes[0].isSilent = false;
    harness.time.advance(100);
    expect(harness.core.status().nodes).toMatchObject([{ state: 'ready' }]);
  });

  it('is replaced when the node breaks the protocol', () => {
    harness.start([nodes[0].address]);
    nodes[0].reply({ kind: 'session', transmission: 77, code: Code.OK, message: '', session: 1 });
    expect(harness.core.lastFailure()?.message).toContain('transmission 77');
    harness.time.advance(100);
    expect(nodes[0].connects).toBe(2);
  });
});

describe('a silent node', () => {
  it('is passed over after a second when another one answers', () => {
    harness.start([nodes[0].address, nodes[1].address]);
    lead(nodes[0], 1);
    const group = new ModelGroup(4);
    serve(nodes[0], group);
    const first = harness.set('a', 'v');
    harness.time.settle();
    expect(first.summary).toBe('written 1');
    serve(nodes[1], group);
    nodes[0].isSilent = true;
    const write = harness.set('a', 'w');
    const read = harness.get('a');
    harness.time.advance(900);
    expect(write.summary).toBe('pending');
    harness.time.advance(200);
    expect([write, read].map(({ summary }) => summary)).toEqual(['written 2', 'read w']);
  });

  it('is used again when it speaks again', () => {
    harness.start([nodes[0].address, nodes[1].address]);
    lead(nodes[0], 1);
    serve(nodes[0], new ModelGroup(4));
    nodes[0].isSilent = true;
    harness.get('a');
    harness.time.advance(1_100);
    expect(nodes[1].of('read')).toHaveLength(1);
    nodes[0].isSilent = false;
    lead(nodes[0], 1);
    harness.get('b');
    harness.time.settle();
    expect(nodes[0].of('read')).toHaveLength(1);
  });

  it('is connected to anew after five seconds', () => {
    harness.start([nodes[0].address]);
    nodes[0].isSilent = true;
    harness.get('a', { waitMs: 60_000 });
    harness.time.advance(5_100);
    expect(nodes[0].connects).toBe(2);
  });
});

describe('the nodes of a cluster', () => {
  const topology = (...members: readonly FakeNode[]) => ({
    clusterId: 'c1',
    members: members.map(({ nodeId, address }) => ({
      nodeId,
      nodeUid: `uid-${nodeId}`,
      clientAddress: address,
    })),
  });

  it('are learned from one of them, and forgotten when they leave', () => {
    harness.start([nodes[0].address]);
    const [link] = nodes[0].links;
    expect(link?.watches).toBe(1);
    link?.topology(topology(...nodes));
    harness.time.settle();
    expect(harness.core.status().nodes.map(({ nodeId }) => nodeId)).toEqual(['n1', 'n2', 'n3']);
    link?.topology(topology(nodes[0], nodes[1]));
    harness.time.settle();
    expect(harness.core.status().nodes.map(({ nodeId }) => nodeId)).toEqual(['n1', 'n2']);
    expect(nodes[2].links[0]?.isOver).toBe(true);
  });

  it('are watched through another node when the first one ends', () => {
    harness.start([nodes[0].address, nodes[1].address]);
    expect(nodes[1].links[0]?.watches).toBe(0);
    nodes[0].down();
    harness.time.settle();
    expect(nodes[1].links[0]?.watches).toBe(1);
  });

  it('have one connection each, also under two addresses', () => {
    harness.net.nodes.set('alias:1', nodes[0]);
    harness.start([nodes[0].address, 'alias:1']);
    expect(harness.core.status().nodes).toMatchObject([{ state: 'ready' }, { state: 'idle' }]);
    nodes[0].links[0]?.break({ code: 'UNAVAILABLE', message: 'reset' });
    harness.time.settle();
    expect(harness.core.status().nodes).toMatchObject([{ state: 'backoff' }, { state: 'ready' }]);
    harness.time.advance(100);
    expect(harness.core.status().nodes).toMatchObject([{ state: 'idle' }, { state: 'ready' }]);
  });

  it('are looked for through a seed that named one which left', () => {
    const states = (): unknown[] =>
      harness.core.status().nodes.map(({ address, nodeId, state }) => [address, nodeId, state]);
    harness.start([nodes[0].address, 'seed:1']);
    const [link] = nodes[0].links;
    link?.topology(topology(nodes[0], nodes[1]));
    harness.time.settle();
    harness.net.nodes.set('seed:1', nodes[1]);
    harness.time.advance(1_000);
    expect(states()).toContainEqual(['seed:1', undefined, 'idle']);
    harness.net.nodes.set('seed:1', nodes[2]);
    link?.topology(topology(nodes[0]));
    harness.time.settle();
    expect(states()).toEqual([
      [nodes[0].address, 'n1', 'ready'],
      ['seed:1', 'n3', 'ready'],
    ]);
  });

  it('are connected to up to a bound', () => {
    harness.start([nodes[0].address], { linksMax: 2 });
    nodes[0].links[0]?.topology(topology(...nodes));
    harness.time.settle();
    expect(harness.core.status().nodes).toHaveLength(2);
  });

  it.each([
    ['cluster', { clusterId: 'c2' }, 'CLUSTER_MISMATCH'],
    ['number of groups', { groupCount: 3 }, 'CLUSTER_MISMATCH'],
    ['protocol', { protocolVersion: 2 }, 'UNAVAILABLE'],
  ])('of another %s are refused', (_name, hello, code) => {
    nodes[1].hello = { ...nodes[1].hello, ...hello };
    harness.start([nodes[0].address, nodes[1].address]);
    expect(harness.core.status().nodes).toMatchObject([{ state: 'ready' }, { state: 'backoff' }]);
    expect(harness.core.lastFailure()?.code).toBe(code);
  });

  it('are told the cluster from the second connection on', () => {
    harness.start([nodes[0].address]);
    nodes[0].links[0]?.topology(topology(nodes[0], nodes[1]));
    harness.time.settle();
    expect(nodes[0].of('hello')).toMatchObject([{ clusterId: '' }]);
    expect(nodes[1].of('hello')).toMatchObject([{ clusterId: 'c1' }]);
  });

  it('of another cluster than the one asked for end a call with that reason', () => {
    harness.start([nodes[0].address], { clusterId: 'c9' });
    const call = harness.get('a');
    harness.time.advance(5_100);
    expect(call.summary).toBe('CLUSTER_MISMATCH notCommitted');
  });
});

describe('status events', () => {
  it('tell of connections and leaders, and stop when asked to', () => {
    harness.start([nodes[0].address]);
    lead(nodes[0], 3);
    nodes[0].down();
    harness.time.settle();
    expect(harness.events).toEqual([
      { kind: 'connected', address: 'n1:1', nodeId: 'n1' },
      { kind: 'leader', group: 0, term: 3, nodeId: 'n1' },
      { kind: 'disconnected', address: 'n1:1', code: 'UNAVAILABLE', message: 'reset' },
    ]);
    const seen: string[] = [];
    const stop = harness.core.onStatus(({ kind }) => seen.push(kind));
    stop();
    harness.time.advance(100);
    expect(seen).toEqual([]);
  });
});
