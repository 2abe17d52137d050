// R1: messages that wait for the disk leave once their Ready, and all before it, are durable.

import type { Message, Ready } from '@cashe/raft';
import { describe, expect, it } from '@jest/globals';
import { Outbox } from '../../src/host/outbox.js';
import type {
  ReplicaContext,
  ReplicaSnapshots,
  ReplicaView,
} from '../../src/host/replica-context.js';
import type { GroupRecords } from '../../src/host/storage-ports.js';

const HARD_STATE = { currentTerm: 3, votedFor: 1, commitIndex: 9 };

function setup(): {
  outbox: Outbox;
  sent: string[];
  written: { records: GroupRecords; number: number }[];
  acknowledged: number[];
} {
  const sent: string[] = [];
  const written: { records: GroupRecords; number: number }[] = [];
  const acknowledged: number[] = [];
  const replica = {
    group: 0,
    replicaId: 1,
    clusterClock: { told: () => 77 },
    raft: { persisted: (number: number) => acknowledged.push(number) },
  };
  const context = {
    clock: { nowMs: () => 0 },
    transport: { send: (_group: number, message: Message) => sent.push(describeOf(message)) },
    commit: {
      add: (_client: ReplicaView, records: GroupRecords, number: number) =>
        written.push({ records, number }),
    },
  };
  const outbox = new Outbox(
    replica as never as ReplicaView,
    context as never as ReplicaContext,
    {} as ReplicaSnapshots,
  );
  return { outbox, sent, written, acknowledged };
}

function describeOf(message: Message): string {
  const clusterTime = 'clusterTime' in message ? `@${message.clusterTime}` : '';
  return `${message.kind}${message.to}${clusterTime}`;
}

function heartbeat(to: number): Message {
  const fields = { leaderCommit: 0, commitIndex: 0, readRound: 0, clusterTime: 0 };
  return { kind: 'heartbeatRequest', from: 1, to, term: 3, ...fields };
}

function vote(to: number): Message {
  const fields = { preVote: false, lastLogIndex: 0, lastLogTerm: 0, leadershipTransfer: false };
  return { kind: 'requestVoteRequest', from: 1, to, term: 3, ...fields };
}

function ready(number: number, over: Partial<Ready>): Ready {
  return {
    number,
    mustSync: false,
    hardState: undefined,
    entries: [],
    snapshot: undefined,
    messages: [],
    messagesAfterPersist: [],
    committedEntries: [],
    readStates: [],
    readsAborted: [],
    softState: undefined,
    fetches: [],
    ...over,
  };
}

describe('the outbox (R1)', () => {
  it('sends at once what may leave before the sync, stamped with cluster time', () => {
    const { outbox, sent } = setup();
    outbox.send(ready(1, { mustSync: true, messages: [heartbeat(2)] }));
    expect(sent).toEqual(['heartbeatRequest2@77']);
  });

  it('holds back what waits for the sync until group commit reports it', () => {
    const { outbox, sent, acknowledged } = setup();
    outbox.send(ready(1, { mustSync: true, messagesAfterPersist: [vote(2)] }));
    expect(sent).toEqual([]);
    outbox.release(1);
    expect(sent).toEqual(['requestVoteRequest2']);
    expect(acknowledged).toEqual([1]);
  });

  it('lets a Ready without anything to write pass only when nothing before it is pending', () => {
    const { outbox, sent, acknowledged } = setup();
    outbox.send(ready(1, { messagesAfterPersist: [vote(2)] }));
    expect(sent).toEqual(['requestVoteRequest2']);
    expect(acknowledged).toEqual([1]);

    outbox.send(ready(2, { mustSync: true }));
    outbox.send(ready(3, { messagesAfterPersist: [vote(3)] }));
    expect(sent).toHaveLength(1);
    outbox.release(2);
    expect(sent).toEqual(['requestVoteRequest2', 'requestVoteRequest3']);
    expect(acknowledged).toEqual([1, 3]);
  });

  it('does not acknowledge a later write with an earlier one', () => {
    const { outbox, sent, acknowledged } = setup();
    outbox.send(ready(1, { mustSync: true, messagesAfterPersist: [vote(2)] }));
    outbox.send(ready(2, { mustSync: true, messagesAfterPersist: [vote(3)] }));
    outbox.send(ready(3, { messagesAfterPersist: [vote(4)] }));
    outbox.release(1);
    expect(sent).toEqual(['requestVoteRequest2']);
    expect(acknowledged).toEqual([1]);
    outbox.release(2);
    expect(sent).toEqual(['requestVoteRequest2', 'requestVoteRequest3', 'requestVoteRequest4']);
    expect(acknowledged).toEqual([1, 3]);
  });

  it('lets a commit index that needs no sync ride along with the next write', () => {
    const { outbox, written } = setup();
    outbox.send(ready(1, { hardState: HARD_STATE }));
    expect(written).toEqual([]);
    outbox.send(ready(2, { mustSync: true }));
    expect(written).toMatchObject([{ number: 2, records: { hardState: HARD_STATE } }]);
    outbox.send(ready(3, { mustSync: true }));
    expect(written[1]?.records.hardState).toBeUndefined();
  });
});
