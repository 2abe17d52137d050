// Goal: a node that stops waits for another leader as long as there can be one, and no longer; one
// that leaves knows that it has left.
import { Code, Outcome } from '@cashe/codec';
import type { RaftStatus, ReplicaId, TransferResult } from '@cashe/raft';
import { describe, expect, it } from '@jest/globals';
import type { ExitReason } from '../../src/config/options.js';
import type { AdminAnswer, AdminCall, MemberView } from '../../src/host/ports.js';
import { handOver, keepRecordCurrent, leaveCluster } from '../../src/node/membership.js';
import { fakeLogger } from '../support/cli.js';
import { HeldPauses } from '../support/held-pauses.js';

/** Leads a group of three until somebody takes over. */
class Leading {
  leads = true;
  leaderId: ReplicaId = 1;
  readonly offers: ReplicaId[] = [];
  silentTicks = 0;
  matchIndexes: readonly [number, number] = [7, 9];
  /** What an offer leads to. */
  onOffer: (to: ReplicaId) => void = () => undefined;
  readonly raft = {
    status: () => this.#status(),
    transferLeadership: (to: ReplicaId): TransferResult => {
      this.offers.push(to);
      this.onOffer(to);
      return 'started';
    },
  };

  #status(): Pick<RaftStatus, 'replicaId' | 'configuration' | 'progress'> {
    const { silentTicks } = this;
    const rest = { state: 'replicate', nextIndex: 10, appendSilentTicks: 0 } as const;
    const progress = this.matchIndexes.map((matchIndex, index) => {
      return { replicaId: index + 2, matchIndex, silentTicks, learner: false, ...rest };
    });
    const configuration = { voters: [1, 2, 3], votersOutgoing: [], learners: [], replicaIdMax: 3 };
    return { replicaId: 1, progress, configuration };
  }

  followedBy(leader: ReplicaId): void {
    this.leads = false;
    this.leaderId = leader;
  }
}

async function ended(
  replica: Leading,
  isConnected: (id: ReplicaId) => boolean,
  withinMs = 60_000,
): Promise<readonly string[]> {
  const log = fakeLogger();
  const host = { replicas: new Map([[0, replica]]), wake: () => undefined };
  await handOver(host, { isConnected, deadlineMs: performance.now() + withinMs, log });
  return log.lines;
}

describe('a leader that stops', () => {
  it('hands over to the voter that is furthest', async () => {
    const replica = new Leading();
    replica.onOffer = (to) => setImmediate(() => replica.followedBy(to));
    const lines = await ended(replica, () => true);
    expect(lines).toEqual(['info leadership handed over {"complete":true}']);
    expect(new Set(replica.offers)).toEqual(new Set([3]));
  });

  it('passes over a voter that is not connected', async () => {
    const replica = new Leading();
    replica.onOffer = (to) => replica.followedBy(to);
    await ended(replica, (id) => id === 2);
    expect(replica.offers).toEqual([2]);
  });

  it.each([
    ['connected', 0, false],
    ['answering', 20, true],
  ])('does not wait when no voter is %s', async (_, silentTicks, connected) => {
    const replica = new Leading();
    replica.silentTicks = silentTicks;
    const lines = await ended(replica, () => connected);
    expect(lines).toEqual(['info leadership handed over {"complete":false}']);
    expect(replica.offers).toEqual([]);
  });

  it('gives up when the last voter goes, and does not call stepping down complete', async () => {
    const replica = new Leading();
    let connected = true;
    replica.onOffer = () => {
      replica.followedBy(0);
      connected = false;
    };
    const lines = await ended(replica, () => connected);
    expect(lines).toEqual(['info leadership handed over {"complete":false}']);
  });

  it('gives up with the time', async () => {
    const replica = new Leading();
    const lines = await ended(replica, () => true, 30);
    expect(lines).toEqual(['info leadership handed over {"complete":false}']);
    expect(replica.leads).toBe(true);
  });
});

describe('a node that leads nothing', () => {
  it('has nothing to hand over', async () => {
    const replica = new Leading();
    replica.followedBy(2);
    expect(await ended(replica, () => true)).toEqual([]);
  });
});

describe('a node that leaves', () => {
  const leaving = (answer: AdminAnswer, end: ExitReason): Promise<void> =>
    leaveCluster({ admin: (_call, _who, _ms, done) => done(answer) }, 'n', Promise.resolve(end));

  it('has left when the answer was lost and it hears that it is gone', async () => {
    await expect(leaving(refusal(Outcome.UNKNOWN), { kind: 'removed' })).resolves.toBeUndefined();
  });

  it('does not wait for an answer once the node has ended', async () => {
    const unanswered = { admin: () => undefined };
    const failed = Promise.resolve({ kind: 'failed', message: 'disk' } as const);
    await expect(leaveCluster(unanswered, 'n', failed)).rejects.toThrow('ended before');
    const removed = Promise.resolve({ kind: 'removed' } as const);
    await expect(leaveCluster(unanswered, 'n', removed)).resolves.toBeUndefined();
  });

  it('has not left when it ended for another reason, or nothing was committed', async () => {
    const reason = 'not reachable';
    await expect(leaving(refusal(Outcome.UNKNOWN), { kind: 'stopped' })).rejects.toThrow(reason);
    const refused = leaving(refusal(Outcome.NOT_COMMITTED), { kind: 'removed' });
    await expect(refused).rejects.toThrow(reason);
  });
});

describe('a node whose addresses changed', () => {
  const own = {
    ...{ nodeId: 'n0', nodeUid: 'uid', formatVersionMax: 1 },
    ...{ clientAddress: 'new:3000', raftAddress: 'new:4000' },
  };
  const before = { clientAddress: 'old:3000', raftAddress: 'old:4000' };
  const record: MemberView = {
    ...{ nodeId: 'n0', nodeUid: 'uid', ...before, replicaId: 1, role: 'voter' },
    ...{ leaving: false, leader: true, matchIndex: 1 },
  };
  const topology = { clusterId: 'c1', appliedIndex: 1, groupCount: 1, members: [record] };

  it('tells them again after a pause while nobody takes them, until it stops', async () => {
    const log = fakeLogger();
    const pauses = new HeldPauses();
    const answers: AdminAnswer[] = [];
    const told: AdminCall[] = [];
    let wake = (): void => undefined;
    const calls = {
      serving: () => true,
      topology: () => ({ ...topology, leaders: [] }),
      onServing: () => () => undefined,
      onTopology: (listener: () => void) => {
        wake = listener;
        return () => undefined;
      },
      admin: (call: AdminCall, _who: string, _ms: number, done: (answer: AdminAnswer) => void) => {
        told.push(call);
        done(answers.shift() ?? refusal(Outcome.NOT_COMMITTED));
      },
    };
    keepRecordCurrent(calls, own, log, pauses);
    wake();
    wake();
    expect(told).toMatchObject([{ kind: 'addMember', clientAddress: 'new:3000' }]);
    await pauses.goOn();
    expect(told).toHaveLength(2);
    answers.push({ kind: 'admin', result: 'members', members: [] });
    await pauses.goOn();
    expect(told).toHaveLength(3);
    expect(pauses.waiting).toEqual([]);
    wake();
    pauses.stopping.abort();
    await pauses.goOn();
    expect(told).toHaveLength(4);
  });
});

function refusal(outcome: Outcome): AdminAnswer {
  const refused = { kind: 'admin', result: 'refused', code: Code.UNAVAILABLE, outcome } as const;
  return { ...refused, message: 'not reachable' };
}
