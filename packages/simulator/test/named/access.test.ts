// Named cases of permissions and of settings that change while the cluster serves (R11, R14, R18,
// R40), each on a whole simulated cluster. Every scenario ends with the log held against what was
// answered.
import { type AccessPolicy, Code, Outcome, opFor } from '@cashe/codec';
import { describe, expect, it, jest } from '@jest/globals';
import { OPERATOR } from '../../src/principals.js';
import type { SimNode } from '../../src/sim-node.js';
import { batchOf } from '../support/raw-session.js';
import { Scenario } from '../support/scenario.js';

// Whole clusters are simulated: seconds of work on a busy machine.
jest.setTimeout(60_000);

const WAIT_MS = 3_000;
const text = new TextEncoder();

function setBatch(tag: number, value: string, key = 'k'): Uint8Array {
  return batchOf(tag, opFor.set(key, text.encode(value)));
}

/** Everybody reads everything and writes what begins with `open-`. */
const readOnly: AccessPolicy = {
  roles: [
    {
      name: 'reader',
      grants: [
        { verb: 'read', prefix: '' },
        { verb: 'write', prefix: 'open-' },
      ],
    },
  ],
  bindings: [{ principal: 'client/*', role: 'reader' }],
  tokens: [],
};

type Call = Parameters<NonNullable<SimNode['calls']>['admin']>[0];
type Answer = Parameters<Parameters<NonNullable<SimNode['calls']>['admin']>[3]>[0];

function ask(
  scenario: Scenario,
  node: SimNode,
  call: Call,
  principal: string = OPERATOR,
): Promise<Answer> {
  return scenario.answer((done) => node.calls?.admin(call, principal, WAIT_MS, done));
}

function setAccess(expectedRevision: number, policy: AccessPolicy = readOnly): Call {
  return { kind: 'setAccess', policy, expectedRevision };
}

function stored({ simulation: { ledger } }: Scenario, key = 'k'): string | undefined {
  return ledger.at(key, ledger.index)?.value;
}

describe('the right to write, taken away', () => {
  it('counts at once on open streams; an executed batch keeps its answer', async () => {
    const scenario = await Scenario.start();
    const [leader, follower] = [await scenario.leader(), await scenario.follower()];
    const session = await scenario.session(follower);
    const executed = { sequence: 1, ops: setBatch(1, 'before') };
    const first = await scenario.write(session, follower, executed);
    expect(await ask(scenario, leader, setAccess(1))).toMatchObject({ result: 'accessSet' });
    const again = await scenario.write(session, follower, executed);
    expect(again).toMatchObject({ code: Code.OK, firstRevision: first.firstRevision });
    expect(again.exceptions).toEqual([]);
    const ops = batchOf(
      2,
      opFor.set('k', text.encode('after')),
      opFor.set('open-k', text.encode('allowed')),
    );
    const denied = await scenario.write(session, follower, { sequence: 2, ops });
    expect(denied).toMatchObject({ code: Code.OK, outcome: Outcome.COMMITTED });
    expect(denied.exceptions).toMatchObject([
      { index: 0, code: Code.PERMISSION_DENIED, message: expect.stringContaining('write on key') },
    ]);
    expect([stored(scenario), stored(scenario, 'open-k')]).toEqual(['before', 'allowed']);
    await scenario.finish();
  });

  it('stays denied for a retransmission, also once the right is given back', async () => {
    const scenario = await Scenario.start();
    const leader = await scenario.leader();
    const session = await scenario.session(leader);
    await ask(scenario, leader, setAccess(1));
    const batch = { sequence: 1, ops: setBatch(1, 'never') };
    const denied = await scenario.write(session, leader, batch);
    expect(denied.exceptions).toMatchObject([{ code: Code.PERMISSION_DENIED }]);
    const open = { roles: [], bindings: [], tokens: [] };
    await ask(scenario, leader, setAccess(2, open));
    const again = await scenario.write(session, leader, batch);
    expect(again.exceptions).toMatchObject([{ code: Code.PERMISSION_DENIED }]);
    expect(stored(scenario)).toBeUndefined();
    await scenario.finish();
  });

  it.each([1, 2, 3, 4, 5, 6])(
    'is denied by the next leader from its first turn on (%i)',
    async (seed) => {
      const scenario = await Scenario.start({}, seed);
      const leader = await scenario.leader();
      const session = await scenario.session(leader);
      await scenario.write(session, leader, { sequence: 1, ops: setBatch(1, 'before') });
      await ask(scenario, leader, setAccess(1));
      scenario.crash(leader);
      const others = scenario.nodes.filter((node) => node !== leader);
      const { simulation } = scenario;
      const leads = (): SimNode | undefined => others.find(({ replica }) => replica?.leads);
      await simulation.until(() => leads() !== undefined, WAIT_MS, 'a new leader');
      const batch = { sequence: 2, ops: setBatch(2, 'after') };
      const denied = await scenario.write(session, leads() as SimNode, batch);
      expect(denied.exceptions).toMatchObject([{ code: Code.PERMISSION_DENIED }]);
      expect(stored(scenario)).toBe('before');
      await scenario.finish();
    },
  );
});

describe('the access policy', () => {
  it('is read without the hashes of its tokens, which a change may keep', async () => {
    const scenario = await Scenario.start();
    const [leader, follower] = [await scenario.leader(), await scenario.follower()];
    const tokens = [{ name: 'ci', sha256: 'a'.repeat(64) }];
    await ask(scenario, follower, setAccess(1, { ...readOnly, tokens }));
    const found = await ask(scenario, follower, { kind: 'getAccess' });
    const bare = { ...readOnly, tokens: [{ name: 'ci', sha256: '' }] };
    expect(found).toMatchObject({ result: 'access', revision: 2, policy: bare });
    await ask(scenario, follower, setAccess(2, { ...bare, bindings: [] }));
    expect(leader.replica?.store.access().tokens).toEqual(tokens);
    const unknown = { ...bare, tokens: [{ name: 'new', sha256: '' }] };
    expect(await ask(scenario, follower, setAccess(3, unknown))).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining('token "new" has no sha256'),
    });
    await scenario.finish();
  });

  it('that another operator has replaced meanwhile is left alone', async () => {
    const scenario = await Scenario.start();
    const node = await scenario.follower();
    const answers = await Promise.all([
      ask(scenario, node, setAccess(1)),
      ask(scenario, node, setAccess(1, { ...readOnly, bindings: [] })),
    ]);
    expect(answers.map(({ result }) => result).sort()).toEqual(['accessSet', 'refused']);
    expect(answers.find(({ result }) => result === 'refused')).toMatchObject({
      code: Code.ABORTED,
      outcome: Outcome.NOT_COMMITTED,
      message: expect.stringContaining('at revision 2, not 1'),
    });
    const repeated = answers[0]?.result === 'accessSet' ? readOnly : { ...readOnly, bindings: [] };
    const again = await ask(scenario, node, setAccess(1, repeated));
    expect(again).toMatchObject({ result: 'accessSet', revision: 2 });
    await scenario.finish();
  });

  it('cannot be set so that its author loses admin, but by an admin certificate', async () => {
    const scenario = await Scenario.start();
    const node = await scenario.follower();
    const bindings = [{ principal: 'client/boss', role: 'boss' }];
    const roles = [{ name: 'boss', grants: [{ verb: 'admin', prefix: '' } as const] }];
    await ask(scenario, node, setAccess(1, { roles, bindings, tokens: [] }));
    const lost = await ask(scenario, node, setAccess(2), 'client/boss');
    expect(lost).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining('take admin away from client/boss'),
    });
    const kept = { roles, bindings: [...bindings, { principal: 'client/x', role: 'boss' }] };
    const grown = setAccess(2, { ...kept, tokens: [] });
    expect(await ask(scenario, node, grown, 'client/boss')).toMatchObject({ revision: 3 });
    const denied = await ask(scenario, node, setAccess(3), 'client/other');
    expect(denied).toMatchObject({ code: Code.PERMISSION_DENIED });
    expect(await ask(scenario, node, setAccess(3))).toMatchObject({ revision: 4 });
    await scenario.finish();
  });
});

describe('settings', () => {
  it('change through any node, are read back, and shrink an idle cache to its end', async () => {
    const scenario = await Scenario.start();
    const [leader, follower] = [await scenario.leader(), await scenario.follower()];
    const client = scenario.client();
    for (let at = 0; at < 20; at += 1) await scenario.call(client, 'set', `key-${at}`);
    const call = { kind: 'changeSettings', changes: { entriesMax: 5 } } as const;
    expect(await ask(scenario, follower, call)).toMatchObject({
      result: 'settings',
      revision: 2,
      settings: { entriesMax: 5 },
    });
    const isSmall = (): boolean => leader.replica?.store.stats().entries === 5;
    await scenario.simulation.until(isSmall, WAIT_MS, 'the cache to shrink');
    const found = await ask(scenario, follower, { kind: 'getSettings' });
    expect(found).toMatchObject({ revision: 2, settings: { entriesMax: 5 } });
    await scenario.finish();
  });

  it('out of range, or none at all, are refused with what is allowed', async () => {
    const scenario = await Scenario.start();
    const node = await scenario.leader();
    const none = await ask(scenario, node, { kind: 'changeSettings', changes: {} });
    expect(none).toMatchObject({ code: Code.INVALID_ARGUMENT, message: 'no setting is stated' });
    const changes = { replicationFactor: 10 };
    const wide = await ask(scenario, node, { kind: 'changeSettings', changes });
    expect(wide).toMatchObject({ code: Code.INVALID_ARGUMENT });
    expect(wide).toMatchObject({ message: expect.stringContaining('from 1 to 9') });
    await scenario.finish();
  });

  it('that lower the replication factor take votes away, and give them back', async () => {
    const scenario = await Scenario.start({ nodeCount: 5, replicationFactor: 5 });
    const voters = (): number => {
      const leader = scenario.nodes.find(({ replica }) => replica?.leads);
      return leader?.replica?.raft.status().configurationCommitted.voters.length ?? 0;
    };
    const change = async (replicationFactor: number): Promise<void> => {
      const call = { kind: 'changeSettings', changes: { replicationFactor } } as const;
      await ask(scenario, await scenario.leader(), call);
      const { simulation } = scenario;
      await simulation.until(() => voters() === replicationFactor, 10_000, 'the voters');
    };
    for (const factor of [3, 1, 5]) await change(factor);
    await scenario.finish();
  });
});
