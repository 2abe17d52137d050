// A term is adopted from whoever sends it (section 5.1), so what no cluster reaches is kept out.
import type { HeartbeatRequest, InstallSnapshotRequest } from '@cashe/raft';
import { describe, expect, it } from '@jest/globals';
import { TERM_AHEAD_MAX, TermGate } from '../../src/host/term-gate.js';
import { fakeLogger } from '../support/cli.js';
import { HostClient, set } from '../support/host-client.js';
import { HostCluster } from '../support/host-cluster.js';

const kind = 'heartbeatRequest';
const common = { from: 9, to: 1, leaderCommit: 0, commitIndex: 0, readRound: 1, clusterTime: 0 };
const heartbeat = (term: number): HeartbeatRequest => ({ kind, ...common, term });

describe('the bound of terms', () => {
  it('admits what is at most the bound ahead, and everything older', () => {
    const log = fakeLogger();
    const gate = new TermGate({ nowMs: () => 0, wallMs: () => 0 }, log);
    const currentTerm = 12;
    for (const term of [0, 11, 12, 13, currentTerm + TERM_AHEAD_MAX]) {
      expect(gate.admits(heartbeat(term), 0, currentTerm)).toBe(true);
    }
    expect(log.lines).toEqual([]);
    const tooFar = heartbeat(currentTerm + TERM_AHEAD_MAX + 1);
    expect(gate.admits(tooFar, 0, currentTerm)).toBe(false);
    expect(gate.admits(heartbeat(Number.MAX_SAFE_INTEGER), 0, currentTerm)).toBe(false);
  });

  it('warns at most once a minute, with how many were refused', () => {
    const log = fakeLogger();
    let nowMs = 0;
    const gate = new TermGate({ nowMs: () => nowMs, wallMs: () => 0 }, log);
    for (nowMs = 0; nowMs <= 60_000; nowMs += 20_000) gate.admits(heartbeat(2 ** 50), 0, 1);
    expect(log.lines).toHaveLength(2);
    expect(log.lines[0]).toContain('"messages":1');
    expect(log.lines[1]).toContain('"messages":3');
  });
});

describe('a group that is sent absurd terms', () => {
  it('keeps its term, with a leader and without one, and takes writes', async () => {
    const sim = await HostCluster.start();
    const huge = Number.MAX_SAFE_INTEGER;
    const configuration = { voters: [9], votersOutgoing: [], learners: [], replicaIdMax: 9 };
    const snapshot = { lastIncludedIndex: 5, lastIncludedTerm: 1, configuration };
    const install: InstallSnapshotRequest = {
      ...{ kind: 'installSnapshotRequest', from: 9, to: 1, term: huge, clusterTime: 0, snapshot },
    };
    const attack = (): void => {
      for (const { cluster, replicaId: to } of sim.nodes) {
        const campaign = { preVote: false, lastLogIndex: 99, lastLogTerm: 99 };
        const vote = { ...campaign, from: 9, to, term: huge, leadershipTransfer: true };
        cluster?.host.receive(0, { kind: 'requestVoteRequest', ...vote });
        cluster?.host.receive(0, { ...heartbeat(huge), to });
        cluster?.host.receive(0, { kind: 'timeoutNowRequest', from: 9, to, term: huge });
        expect(cluster?.host.receiveSnapshot(0, { ...install, to })).toBeUndefined();
      }
    };
    attack();
    const leader = await sim.waitForLeader();
    attack();
    const client = new HostClient(sim);
    await client.open(leader);
    await client.write(leader, [set('a', '1')]);
    expect(await client.text(leader, 'a')).toBe('1');
    expect(leader.replica.term).toBeLessThan(10);
  });
});
