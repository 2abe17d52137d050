import { Code, Consistency, Outcome } from '@cashe/codec';
import { afterEach, describe, expect, it } from '@jest/globals';
import type {
  AdminAnswer,
  AdminCall,
  ForwardedAnswer,
  ForwardedCall,
  MemberView,
} from '../../src/host/ports.js';
import { remainingMsOf } from '../../src/rpc/forward-codec.js';
import { type TestNode, TestNodes, until } from './support/nodes.js';

const nodes = new TestNodes();
afterEach(() => nodes.stopAll());

const ops = Uint8Array.of(1, 2, 3);
const writeCall: ForwardedCall = {
  kind: 'write',
  principal: 'client/a',
  batch: {
    kind: 'write',
    ...{ transmission: 900, group: 1, session: 12, sequence: 4, firstOutstanding: 3 },
    ...{ remainingMs: 800, ops },
  },
};
const writeAnswer: ForwardedAnswer = {
  kind: 'write',
  ...{ transmission: 0, code: Code.OK, outcome: Outcome.COMMITTED, message: '' },
  ...{ firstRevision: 77, exceptions: [{ index: 1, code: Code.NOT_FOUND, message: '' }] },
};
const readCall: ForwardedCall = {
  kind: 'read',
  principal: 'client/a',
  batch: {
    kind: 'read',
    ...{ transmission: 901, group: 1, session: 12, afterSequence: 4 },
    ...{ consistency: Consistency.LINEARIZABLE, remainingMs: 800, ops },
  },
};
const openCall: ForwardedCall = {
  kind: 'open',
  principal: 'client/a',
  open: { kind: 'open', transmission: 902, group: 1, remainingMs: 100 },
};
const closeCall: ForwardedCall = {
  kind: 'close',
  principal: 'client/a',
  close: { kind: 'close', transmission: 903, group: 1, session: 5 },
};

/** Sends a call from one to two and collects the answers. */
function forward(one: TestNode, call: ForwardedCall): (ForwardedAnswer | undefined)[] {
  const answers: (ForwardedAnswer | undefined)[] = [];
  one.transport.forward(2, call, (answer) => answers.push(answer));
  return answers;
}

describe('a forwarded call (R30)', () => {
  it('arrives under a number of the stream, and is answered under its own', async () => {
    const [one, two] = await nodes.startConnected(2);
    const answers = forward(one!, writeCall);
    await until(() => two!.handler.forwarded.length === 1, 'the call');
    const { call, answer } = two!.handler.forwarded[0]!;
    if (call.kind !== 'write' || writeCall.kind !== 'write') throw new Error(call.kind);
    expect({ ...call.batch, ops: Uint8Array.from(call.batch.ops) }).toEqual({
      ...writeCall.batch,
      transmission: 1,
    });
    expect(call.principal).toBe('client/a');
    answer(writeAnswer);
    await until(() => answers.length === 1, 'the answer');
    expect(answers).toEqual([{ ...writeAnswer, transmission: 900 }]);
  });

  it('may be a read, an open or a close, answered in any order', async () => {
    const [one, two] = await nodes.startConnected(2);
    const answers = [readCall, openCall, closeCall].map((call) => forward(one!, call));
    await until(() => two!.handler.forwarded.length === 3, 'the calls');
    expect(two!.handler.forwarded.map(({ call }) => call.kind)).toEqual(['read', 'open', 'close']);
    const session = { kind: 'session', code: Code.OK, message: '', session: 5 } as const;
    two!.handler.forwarded[2]!.answer({ ...session, transmission: 0 });
    two!.handler.forwarded[1]!.answer({ ...session, transmission: 0, session: 6 });
    const read = { kind: 'read', code: Code.OK, message: '', revision: 3, ageMs: 0 } as const;
    two!.handler.forwarded[0]!.answer({ ...read, transmission: 0, results: [] });
    await until(() => answers.every((list) => list.length === 1), 'the answers');
    expect(answers.map((list) => list[0])).toMatchObject([
      { kind: 'read', transmission: 901, revision: 3 },
      { kind: 'session', transmission: 902, session: 6 },
      { kind: 'session', transmission: 903, session: 5 },
    ]);
  });

  it('whose answer was lost is settled as unknown', async () => {
    const [one, two] = await nodes.startConnected(2);
    const answers = forward(one!, writeCall);
    await until(() => two!.handler.forwarded.length === 1, 'the call');
    await two!.transport.stop(0);
    await until(() => answers.length === 1, 'the loss');
    expect(answers).toEqual([undefined]);
  });

  it('nobody answered is settled as unknown after its deadline', async () => {
    const [one, two] = await nodes.startConnected(2, { limits: { forwardGraceMs: 0 } });
    const answers = forward(one!, openCall);
    await until(() => two!.handler.forwarded.length === 1, 'the call');
    await until(() => answers.length === 1, 'the deadline');
    expect(answers).toEqual([undefined]);
  });

  it('is bounded where it is served, whatever time its caller claims to have', async () => {
    const limits = { forwardMsMax: 500 };
    const [one, two] = await nodes.startConnected(2, { limits });
    const remainingMs = 2 ** 32 - 1;
    if (writeCall.kind !== 'write' || readCall.kind !== 'read') throw new Error('not a batch');
    if (openCall.kind !== 'open') throw new Error('not an open');
    const call: AdminCall = { kind: 'listMembers' };
    const calls: ForwardedCall[] = [
      { ...writeCall, batch: { ...writeCall.batch, remainingMs } },
      { ...readCall, batch: { ...readCall.batch, remainingMs } },
      { ...openCall, open: { ...openCall.open, remainingMs } },
      { kind: 'admin', principal: 'client/a', remainingMs, call },
      openCall,
    ];
    for (const each of calls) forward(one!, each);
    await until(() => two!.handler.forwarded.length === calls.length, 'the calls');
    const boundsMs = two!.handler.forwarded.map((forwarded) => remainingMsOf(forwarded.call));
    expect(boundsMs).toEqual([500, 500, 500, 500, 100]);
  });

  it('to a node that is not connected is certainly not committed', async () => {
    const one = await nodes.start(1);
    const two = await nodes.start(2, { clusterId: 'c2' });
    one.transport.setPeers([two.identity]);
    expect(forward(one, writeCall)).toMatchObject([
      { kind: 'write', transmission: 900, code: Code.UNAVAILABLE, outcome: Outcome.NOT_COMMITTED },
    ]);
    expect(forward(one, readCall)).toMatchObject([{ transmission: 901, code: Code.UNAVAILABLE }]);
    expect(forward(one, closeCall)).toMatchObject([{ transmission: 903, code: Code.UNAVAILABLE }]);
  });

  it('beyond the bound is refused as not committed', async () => {
    const [one, two] = await nodes.startConnected(2, { limits: { forwardsInFlightMax: 2 } });
    const [first, second] = [forward(one!, writeCall), forward(one!, writeCall)];
    expect(forward(one!, writeCall)).toMatchObject([
      { code: Code.BUSY, outcome: Outcome.NOT_COMMITTED },
    ]);
    await until(() => two!.handler.forwarded.length === 2, 'the calls');
    for (const { answer } of two!.handler.forwarded) answer(writeAnswer);
    await until(() => first.length + second.length === 2, 'the answers');
    const third = forward(one!, writeCall);
    await until(() => two!.handler.forwarded.length === 3, 'the next call');
    two!.handler.forwarded[2]!.answer(writeAnswer);
    await until(() => third.length === 1, 'its answer');
  });
});

describe('a forwarded admin call', () => {
  const member: MemberView = {
    ...{ nodeId: 'n1', nodeUid: 'u1', clientAddress: 'a:1', raftAddress: 'b:1', replicaId: 4 },
    ...{ role: 'learner', leaving: true, leader: false, matchIndex: 9 },
  };
  const add: AdminCall = {
    kind: 'addMember',
    ...{ nodeId: 'n9', nodeUid: 'u9', clientAddress: 'a:9', raftAddress: 'b:9' },
    ...{ formatVersionMax: 1, clusterId: 'c1', rejoin: true },
  };
  const genesisRecord = Uint8Array.of(9, 9);
  const added = { clusterId: 'c1', replicaId: 4, genesisRecord, members: [member] };
  const leader = { group: 1, term: 5, nodeId: 'n1', clientAddress: 'a:1' };
  const refused = { code: Code.BUSY, outcome: Outcome.NOT_COMMITTED, message: 'later' };

  it.each<[AdminCall, AdminAnswer]>([
    [{ kind: 'listMembers' }, { kind: 'admin', result: 'members', members: [member] }],
    [add, { kind: 'admin', result: 'added', ...added }],
    [
      { kind: 'removeMember', nodeId: 'n2' },
      { kind: 'admin', result: 'removed' },
    ],
    [
      { kind: 'transferLeadership', group: 1, nodeId: 'n2' },
      { kind: 'admin', result: 'transferred', ...leader },
    ],
    [{ kind: 'listMembers' }, { kind: 'admin', result: 'refused', ...refused }],
  ])('%j arrives whole, and so does its answer', async (call, answer) => {
    const [one, two] = await nodes.startConnected(2);
    const sent: ForwardedCall = { kind: 'admin', call, principal: 'admin/x', remainingMs: 900 };
    const answers = forward(one!, sent);
    await until(() => two!.handler.forwarded.length === 1, 'the call');
    expect(two!.handler.forwarded[0]!.call).toEqual(sent);
    two!.handler.forwarded[0]!.answer(answer);
    await until(() => answers.length === 1, 'the answer');
    expect(JSON.stringify(answers[0])).toBe(JSON.stringify(plain(answer)));
  });

  /** Bytes come back as a Buffer. */
  function plain(answer: AdminAnswer): object {
    if (answer.result !== 'added') return answer;
    return { ...answer, genesisRecord: Buffer.from(answer.genesisRecord) };
  }
});
