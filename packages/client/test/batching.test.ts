// Goal: calls of one turn travel in few batches, in call order, reads after the writes they must
// see (R13). Method: the core over a scripted node, virtual time.

import { Code, Consistency, opFor } from '@cashe/codec';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type FakeNode, testLimits } from './support/fake-net.js';
import { answerWrite, describeWrite, Harness, lead, openOnly, serve } from './support/harness.js';
import { decodedOps, ModelGroup } from './support/model-group.js';

let harness: Harness;
let node: FakeNode;

beforeEach(() => {
  harness = new Harness();
  node = harness.net.add('n1');
});

describe('the batcher', () => {
  it('sends the calls of one turn as one batch of writes and one of reads (R13)', () => {
    openOnly(node);
    harness.start([node.address]);
    harness.set('a', '1');
    harness.get('x');
    harness.set('b', '2');
    harness.get('y');
    harness.time.settle();
    expect(node.of('write').map(describeWrite)).toEqual(['7/1 a,b']);
    const [read] = node.of('read');
    expect(decodedOps(read!.ops, 'read').map(({ key }) => key)).toEqual(['x', 'y']);
    expect(read).toMatchObject({ session: 7, afterSequence: 1 });
  });

  it('sends reads at once when no write precedes them', () => {
    harness.start([node.address]);
    harness.get('x');
    harness.time.settle();
    expect(node.of('read')).toMatchObject([{ session: 0, afterSequence: 0 }]);
    expect(node.of('open')).toEqual([]);
  });

  it('keeps to the ops and bytes a batch may have', () => {
    node.hello = { ...node.hello, limits: { ...testLimits, batchOpsMax: 3, sessionWindow: 64 } };
    openOnly(node);
    harness.start([node.address]);
    for (const key of 'abcdefg') harness.set(key, key);
    harness.time.settle();
    expect(node.of('write').map(describeWrite)).toEqual(['7/1 a,b,c', '7/2 d,e,f', '7/3 g']);
  });

  it('cuts a batch before its bytes exceed the limit', () => {
    node.hello = { ...node.hello, limits: { ...testLimits, batchBytesMax: 70_000 } };
    openOnly(node);
    harness.start([node.address]);
    for (const key of 'abc') harness.set(key, 'v'.repeat(30_000));
    harness.time.settle();
    expect(node.of('write').map(describeWrite)).toEqual(['7/1 a,b', '7/2 c']);
    expect(node.of('write').every(({ ops }) => ops.length <= 70_000)).toBe(true);
  });

  it('fails an op above the limits alone, before it is sent', () => {
    const group = new ModelGroup(4);
    serve(node, group);
    harness.start([node.address]);
    const large = harness.set('large', 'v'.repeat(64 * 1024 + 1));
    const small = harness.set('small', 'v');
    harness.time.settle();
    expect(large.summary).toBe('TOO_LARGE notCommitted');
    expect(small.summary).toBe('written 1');
  });

  it('tells each op of a batch its revision', () => {
    serve(node, new ModelGroup(4));
    harness.start([node.address]);
    const calls = [
      harness.set('a', '1'),
      harness.submit(opFor.delete('none')),
      harness.set('b', '2'),
      harness.submit(opFor.delete('a')),
      harness.get('b'),
      harness.get('a'),
      harness.submit(opFor.has('b')),
    ];
    harness.time.settle();
    expect(calls.map(({ summary }) => summary)).toEqual([
      'written 1',
      'written nothing',
      'written 2',
      'written 3',
      'read 2',
      'miss',
      'read 2',
    ]);
  });

  it('fails the op alone that the answer excepts', () => {
    openOnly(node);
    harness.start([node.address]);
    const calls = [harness.set('a', '1'), harness.set('b', '2'), harness.set('c', '3')];
    harness.time.settle();
    const [write] = node.of('write');
    node.reply({
      kind: 'write',
      transmission: write!.transmission,
      code: Code.OK,
      outcome: 1,
      message: '',
      firstRevision: 5,
      exceptions: [{ index: 1, code: Code.RESOURCE_EXHAUSTED, message: 'full' }],
    });
    expect(calls.map(({ summary }) => summary)).toEqual([
      'written 5',
      'RESOURCE_EXHAUSTED notCommitted',
      'written 6',
    ]);
  });

  it('sends each group its own batches, to its own leader', () => {
    harness = new Harness();
    const first = harness.net.add('n1', { groupCount: 2 });
    const second = harness.net.add('n2', { groupCount: 2 });
    openOnly(first);
    openOnly(second);
    harness.start([first.address, second.address]);
    lead(first, 1, 0);
    lead(first, 1, 1);
    second.reply({ ...leaderPush(second), group: 1 });
    for (let key = 0; key < 20; key++) harness.set(`k${key}`, 'v');
    harness.time.settle();
    const groups = [first, second].map((one) => new Set(one.of('write').map(({ group }) => group)));
    expect(groups).toEqual([new Set([0]), new Set([1])]);
  });

  it('takes a STALE read to a node without waiting for writes', () => {
    openOnly(node);
    harness.start([node.address]);
    harness.set('a', '1');
    harness.get('a', { isStale: true });
    harness.time.settle();
    expect(node.of('read')).toMatchObject([
      { consistency: Consistency.STALE, session: 0, afterSequence: 0 },
    ]);
  });
});

function leaderPush(one: FakeNode): {
  kind: 'leader';
  term: number;
  nodeId: string;
  clientAddress: string;
} {
  return { kind: 'leader', term: 2, nodeId: one.nodeId, clientAddress: one.address };
}

describe('the window', () => {
  it('lets so many batches be unanswered; the rest gathers', () => {
    openOnly(node);
    harness.start([node.address]);
    for (let turn = 0; turn < 8; turn++) {
      harness.set(`k${turn}`, 'v');
      harness.time.settle();
    }
    expect(node.of('write')).toHaveLength(testLimits.sessionWindow);
    answerWrite(node, node.of('write')[0]!);
    harness.time.settle();
    expect(describeWrite(node.of('write').at(-1)!)).toBe('7/5 k4,k5,k6,k7');
    expect(node.of('write').at(-1)).toMatchObject({ firstOutstanding: 2 });
  });

  it('makes a read wait until the writes called before it are numbered', () => {
    openOnly(node);
    harness.start([node.address]);
    for (let turn = 0; turn < 5; turn++) {
      harness.set(`k${turn}`, 'v');
      harness.time.settle();
    }
    harness.get('k4');
    harness.time.settle();
    expect(node.of('read')).toEqual([]);
    answerWrite(node, node.of('write')[0]!);
    harness.time.settle();
    expect(node.of('read')).toMatchObject([{ afterSequence: 5 }]);
  });

  it('keeps to the batches and bytes the stream grants', () => {
    node.hello = { ...node.hello, batchesMax: 2, bytesMax: 100_000 };
    openOnly(node);
    harness.start([node.address]);
    for (let turn = 0; turn < 3; turn++) {
      harness.set(`k${turn}`, 'v');
      harness.time.settle();
    }
    expect(node.of('write')).toHaveLength(2);
    answerWrite(node, node.of('write')[0]!);
    harness.time.settle();
    expect(node.of('write')).toHaveLength(3);
    answerWrite(node, node.of('write')[1]!);
    answerWrite(node, node.of('write')[2]!);
    for (const key of ['x', 'y', 'z']) harness.set(key, 'v'.repeat(40_000));
    harness.time.settle();
    const bytes = node
      .of('write')
      .slice(3)
      .map(({ ops }) => ops.length);
    expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(100_000);
    answerWrite(node, node.of('write')[3]!);
    harness.time.settle();
    expect(node.of('write')).toHaveLength(5);
  });

  it('waits while the stream is full and goes on when it drains', () => {
    openOnly(node);
    harness.start([node.address]);
    const [link] = node.links;
    link!.writable = false;
    harness.set('a', '1');
    harness.time.settle();
    expect(node.of('open')).toEqual([]);
    link!.drain();
    harness.time.settle();
    expect(node.of('write')).toHaveLength(1);
  });
});
