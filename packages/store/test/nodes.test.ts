/** R8, R25: nodes as group 0 records them. */
import { Code, type EntryCommand, encodeEntry, openPolicy } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import { createStore, NODES_MAX } from '../src/index.js';
import { Driver, defaultSettings, payloadOf, restore, scanAll } from './support/driver.js';

function add(nodeId: string, nodeUid: string, fields = {}): EntryCommand {
  return {
    kind: 'addNode',
    nodeId,
    nodeUid,
    clientAddress: `${nodeId}:1`,
    raftAddress: `${nodeId}:2`,
    formatVersionMax: 1,
    ...fields,
  };
}

function update(nodeUid: string, fields = {}): EntryCommand {
  return {
    kind: 'updateNode',
    nodeUid,
    clientAddress: '',
    raftAddress: '',
    formatVersionMax: 0,
    leaving: false,
    ...fields,
  };
}

describe('nodes', () => {
  it('are admitted with the index of the entry as replica id', () => {
    const driver = new Driver();
    driver.machine.skip(1);
    const { metaChanged } = driver.entry({ command: add('n1', 'u1') });
    expect(metaChanged).toBe(true);
    expect(driver.machine.nodes()).toEqual([
      {
        nodeId: 'n1',
        nodeUid: 'u1',
        clientAddress: 'n1:1',
        raftAddress: 'n1:2',
        replicaId: 2,
        formatVersionMax: 1,
        leaving: false,
      },
    ]);
  });

  it('that ask again keep their replica id and may have moved', () => {
    const driver = new Driver();
    driver.command(add('n1', 'u1'));
    expect(driver.command(add('n1', 'u1', { clientAddress: 'moved:1' })).code).toBe(Code.OK);
    expect(driver.machine.nodes()).toMatchObject([{ clientAddress: 'moved:1', replicaId: 1 }]);
  });

  it('under a known id with another uid are refused with the way out', () => {
    const driver = new Driver();
    driver.command(add('n1', 'u1'));
    const { command, metaChanged } = driver.entry({ command: add('n1', 'u2') });
    expect(command).toEqual({
      code: Code.INVALID_ARGUMENT,
      message:
        'node n1 is a member with the uid u1, not u2: ' +
        'remove node n1 first, or start the new node under another id',
    });
    expect(metaChanged).toBe(false);
    driver.command({ kind: 'removeNode', nodeUid: 'u1' });
    expect(driver.command(add('n1', 'u2')).code).toBe(Code.OK);
    expect(driver.machine.nodes()).toMatchObject([{ nodeUid: 'u2', replicaId: 4 }]);
  });

  it('of a known uid under another id are refused', () => {
    const driver = new Driver();
    driver.command(add('n1', 'u1'));
    expect(driver.command(add('n2', 'u1'))).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining('is a member as n1'),
    });
  });

  it('of an older binary cannot join (R12)', () => {
    const answer = new Driver().command(add('n1', 'u1', { formatVersionMax: 0 }));
    expect(answer).toMatchObject({ code: Code.INVALID_ARGUMENT });
  });

  it('are updated by what is given; leaving stays', () => {
    const driver = new Driver();
    driver.command(add('n1', 'u1'));
    driver.command(add('n2', 'u2'));
    expect(driver.command(update('u1', { raftAddress: 'x:9', leaving: true })).code).toBe(Code.OK);
    expect(driver.command(update('u1', { formatVersionMax: 3 })).code).toBe(Code.OK);
    const record = { clientAddress: 'n1:1', raftAddress: 'x:9', formatVersionMax: 3 };
    expect(driver.machine.nodes()[0]).toMatchObject({ ...record, leaving: true });
  });

  it('cannot all leave: the last one that stays is refused', () => {
    const driver = new Driver();
    driver.command(add('n1', 'u1'));
    driver.command(add('n2', 'u2'));
    expect(driver.command(update('u1', { leaving: true })).code).toBe(Code.OK);
    expect(driver.command(update('u2', { leaving: true })).code).toBe(Code.INVALID_ARGUMENT);
    expect(driver.machine.nodes().map((node) => node.leaving)).toEqual([true, false]);
  });

  it('get no id that a founder has', () => {
    const founder = { nodeId: 'f', nodeUid: 'uf', clientAddress: 'f:1', raftAddress: 'f:2' };
    const nodes = [{ ...founder, replicaId: 2, formatVersionMax: 1, leaving: false }];
    const machine = createStore({
      groupId: 0,
      hashSeed: 1,
      settings: defaultSettings,
      nodes,
      access: openPolicy,
    });
    const entry = encodeEntry(payloadOf({ command: add('n1', 'u1') }));
    const codes = [1, 2, 3].map((index) => machine.apply(index, entry, undefined).command?.code);
    expect(codes).toEqual([Code.BUSY, Code.BUSY, Code.OK]);
    expect(machine.nodes().map((node) => node.replicaId)).toEqual([2, 3]);
  });

  it('that are unknown are not found', () => {
    const driver = new Driver();
    expect(driver.command(update('u1')).code).toBe(Code.NOT_FOUND);
    expect(driver.command({ kind: 'removeNode', nodeUid: 'u1' }).code).toBe(Code.NOT_FOUND);
  });

  it('are bounded in number', () => {
    const driver = new Driver();
    for (let at = 0; at < NODES_MAX; at++) driver.command(add(`n${at}`, `u${at}`));
    expect(driver.command(add('one', 'more')).code).toBe(Code.RESOURCE_EXHAUSTED);
  });

  it('are recorded in group 0 only', () => {
    const driver = new Driver({}, 1);
    expect(driver.command(add('n1', 'u1')).code).toBe(Code.INVALID_ARGUMENT);
    expect(driver.machine.nodes()).toEqual([]);
  });

  it('are sealed as they were', () => {
    const driver = new Driver();
    driver.command(add('n1', 'u1', { nodeId: 'n1' }));
    const { machine } = driver;
    machine.seal();
    driver.command(update('u1', { leaving: true }));
    const copy = restore(scanAll(machine), 1);
    expect(copy.nodes()).toMatchObject([{ nodeId: 'n1', leaving: false }]);
    expect(copy.digest()).toEqual(machine.digestAt(1));
  });
});
