// Goal: credentials that no node takes end calls at once and finally (R40), one node that takes
// them is enough, and a client whose credentials count again works again. Method: scripted nodes,
// virtual time.

import { beforeEach, describe, expect, it } from '@jest/globals';
import type { FakeNode } from './support/fake-net.js';
import { Harness, lead, openOnly, serve } from './support/harness.js';
import { ModelGroup } from './support/model-group.js';

let harness: Harness;
let nodes: readonly [FakeNode, FakeNode];

beforeEach(() => {
  harness = new Harness();
  nodes = [harness.net.add('n1'), harness.net.add('n2')];
});

const refusal = { code: 'UNAUTHENTICATED', message: 'the token is not known' } as const;

/** From now on the node ends what it has, and every link at its first message. */
function refuse(node: FakeNode): void {
  node.receive = (_request, link) => link.break(refusal);
  for (const link of node.links) link.break(refusal);
}

function accept(node: FakeNode, group: ModelGroup): void {
  node.receive = Object.getPrototypeOf(node).receive;
  serve(node, group);
}

const start = (): void => void harness.start(nodes.map(({ address }) => address));

describe('credentials that no node takes', () => {
  it('end what waits after a second try, long before its deadline, and what comes at once', () => {
    for (const node of nodes) refuse(node);
    start();
    const waiting = [harness.set('a', 'v'), harness.get('a')];
    harness.time.settle();
    expect(waiting.map(({ summary }) => summary)).toEqual(['pending', 'pending']);
    expect(harness.core.refusal()).toBeUndefined();
    harness.time.advance(150);
    const ended = Array(2).fill('UNAUTHENTICATED notCommitted');
    expect(waiting.map(({ summary }) => summary)).toEqual(ended);
    expect(waiting[0]?.error?.message).toContain('the token is not known');
    expect(harness.get('b').summary).toBe('UNAUTHENTICATED notCommitted');
    expect(harness.core.refusal()).toMatchObject(refusal);
  });

  it('do so also while other nodes cannot be reached', () => {
    refuse(nodes[0]);
    nodes[1].isUp = false;
    start();
    harness.time.advance(150);
    expect(harness.get('b').summary).toBe('UNAUTHENTICATED notCommitted');
  });

  it('leave open what became of a write that was sent', () => {
    for (const node of nodes) openOnly(node);
    start();
    lead(nodes[0], 1);
    const sent = harness.set('a', 'v');
    harness.time.settle();
    expect(nodes[0].of('write')).toHaveLength(1);
    for (const node of nodes) refuse(node);
    harness.time.advance(300);
    expect(sent.summary).toBe('UNKNOWN_OUTCOME unknown');
    expect(sent.error?.message).toContain('the token is not known');
  });

  it('work again once a node takes them', () => {
    for (const node of nodes) refuse(node);
    start();
    harness.time.advance(150);
    accept(nodes[1], new ModelGroup(4));
    harness.time.advance(3_000);
    const call = harness.set('a', 'v');
    harness.time.settle();
    lead(nodes[1], 1);
    harness.time.advance(100);
    expect(call.summary).toBe('written 1');
    expect(harness.core.refusal()).toBeUndefined();
  });
});

describe('credentials that one node takes', () => {
  it('are good enough: the others may not have heard of them yet', () => {
    refuse(nodes[0]);
    serve(nodes[1], new ModelGroup(4));
    start();
    lead(nodes[1], 1);
    harness.time.advance(500);
    const call = harness.set('a', 'v');
    harness.time.advance(100);
    expect(call.summary).toBe('written 1');
  });
});
