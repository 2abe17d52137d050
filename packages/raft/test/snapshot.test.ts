import { describe, expect, it } from '@jest/globals';
import { InvariantError } from '../src/errors.js';
import {
  bytes,
  configuration,
  log,
  ofKind,
  raftConfig,
  restored,
  Single,
} from './support/fixtures.js';
import {
  appendRejection,
  appendRequest,
  appendSuccess,
  heartbeatResponse,
  snapshotRequest,
} from './support/messages.js';

const three = configuration([1, 2, 3]);
const meta = (lastIncludedIndex: number, lastIncludedTerm: number) => ({
  lastIncludedIndex,
  lastIncludedTerm,
  configuration: configuration([1, 2, 3], { learners: [4] }),
});

describe('a follower that is sent a snapshot (thesis 5.1)', () => {
  const follower = (terms: number[], commitIndex = 0): Single =>
    new Single(raftConfig(1), restored(three, terms, { commitIndex }));

  it('replaces its log by it (section 7)', () => {
    const node = follower([1, 1, 1], 1);
    const [reply] = node.step(snapshotRequest(3, meta(9, 2)));
    expect(reply).toMatchObject({ kind: 'installSnapshotResponse', matchIndex: 9 });
    expect(node.readys.map(({ snapshot }) => snapshot)).toContainEqual(meta(9, 2));
    expect(node.raft.status()).toMatchObject({ firstIndex: 10, lastIndex: 9, commitIndex: 9 });
    expect(node.raft.status().configuration.learners).toEqual([4]);
  });

  it('keeps what follows when its log has the last included entry (section 7)', () => {
    const node = follower([1, 1, 2, 2], 1);
    const [reply] = node.step(snapshotRequest(3, meta(3, 2)));
    expect(reply).toMatchObject({ matchIndex: 3 });
    expect(node.raft.status()).toMatchObject({ commitIndex: 3, lastIndex: 4, firstIndex: 1 });
    expect(node.committed.map(({ index }) => index)).toEqual([1, 2, 3]);
    expect(node.readys.every(({ snapshot }) => snapshot === undefined)).toBe(true);
  });

  it('answers an old one with its commit index', () => {
    const node = follower([1, 1, 1], 3);
    const [reply] = node.step(snapshotRequest(3, meta(2, 1)));
    expect(reply).toMatchObject({ kind: 'installSnapshotResponse', matchIndex: 3 });
    expect(node.raft.status().lastIndex).toBe(3);
  });

  it('goes on with the entries after it', () => {
    const node = follower([]);
    node.step(snapshotRequest(3, meta(9, 2)));
    node.raft.applied(9);
    node.step(appendRequest(9, 2, log([3], 10), { leaderCommit: 10 }));
    expect(node.committed.map(({ index }) => index)).toEqual([10]);
  });

  it('lets nothing that was under way vouch for the new log', () => {
    const node = follower([]);
    node.raft.step(appendRequest(0, 0, log([1, 1, 1])));
    const append = node.take();
    node.raft.step(snapshotRequest(3, meta(9, 2)));
    const install = node.take();
    node.raft.persisted(append.number);
    expect(node.raft.status().persistedIndex).toBe(0);
    node.raft.persisted(install.number);
    expect(node.raft.status().persistedIndex).toBe(9);
  });
});

describe('a leader (section 7, R6)', () => {
  /** Its tail holds only the last entries; follower 3 never answered in this term. */
  const leader = (): Single => {
    const node = new Single(raftConfig(1, { tailBytesMax: 400 }), restored(three));
    node.elect([2, 3]);
    for (let i = 0; i < 20; i += 1) {
      node.step(appendSuccess(2, 1, node.raft.status().lastIndex));
      node.raft.propose([bytes(`entry ${i}`)]);
      node.settle();
    }
    return node;
  };
  const installs = (node: Single, answerTo: Parameters<Single['step']>[0]) =>
    ofKind(node.step(answerTo), 'installSnapshotRequest');
  const stateOf3 = (node: Single) =>
    node.raft.status().progress.find(({ replicaId }) => replicaId === 3);

  it('sends a follower behind its tail one snapshot request, naming its base', () => {
    const node = leader();
    const { firstIndex } = node.raft.status();
    expect(firstIndex).toBeGreaterThan(2);
    const [request] = installs(node, appendRejection(3, 1, 0, 0, 0)).concat(
      installs(node, heartbeatResponse(3, 1)),
    );
    expect(request).toBeUndefined();
    node.tick(4);
    const [install, ...more] = installs(node, heartbeatResponse(3, 1));
    expect(install).toMatchObject({ to: 3, snapshot: { lastIncludedIndex: firstIndex - 1 } });
    expect(more).toEqual([]);
    node.tick(4);
    expect(node.step(heartbeatResponse(3, 1))).toEqual([]);
    expect(stateOf3(node)).toMatchObject({ state: 'snapshot' });
  });

  const sending = (): Single => {
    const node = leader();
    node.tick(4);
    expect(installs(node, heartbeatResponse(3, 1))).toHaveLength(1);
    return node;
  };

  it('replicates from what the snapshot brought', () => {
    const node = sending();
    const { firstIndex } = node.raft.status();
    const sent = node.step({
      kind: 'installSnapshotResponse',
      from: 3,
      to: 1,
      term: 1,
      matchIndex: firstIndex + 1,
    });
    expect(ofKind(sent, 'appendEntriesRequest')[0]).toMatchObject({ prevLogIndex: firstIndex + 1 });
    expect(stateOf3(node)).toMatchObject({ state: 'replicate', matchIndex: firstIndex + 1 });
  });

  it('tries again after a failed transfer, once the follower answers a heartbeat', () => {
    const node = sending();
    node.raft.reportSnapshot(3, false);
    expect(node.settle()).toEqual([]);
    expect(stateOf3(node)).toMatchObject({ state: 'probe' });
    node.tick(4);
    expect(installs(node, heartbeatResponse(3, 1))).toHaveLength(1);
  });

  it('sends none to a follower that does not answer', () => {
    const node = leader();
    expect(ofKind(node.tick(12), 'installSnapshotRequest')).toEqual([]);
  });

  it('sends one when what a silent pipeline may have lost has left the tail', () => {
    const config = raftConfig(1, { tailBytesMax: 400, inflightAppendsMax: 1 });
    const node = new Single(config, restored(three));
    node.elect([2, 3]);
    node.step(appendSuccess(3, 1, 1));
    for (let i = 0; i < 20; i += 1) {
      node.raft.propose([bytes(`entry ${i}`)]);
      node.settle();
      node.step(appendSuccess(2, 1, node.raft.status().lastIndex));
    }
    expect(stateOf3(node)).toMatchObject({ state: 'replicate', nextIndex: 3 });
    node.tick(4);
    expect(installs(node, heartbeatResponse(3, 1))).toHaveLength(1);
  });

  it('names the configuration in force at the index of a snapshot', () => {
    const node = leader();
    const { appliedIndex } = node.raft.status();
    expect(node.raft.snapshotMeta(appliedIndex)).toEqual({
      lastIncludedIndex: appliedIndex,
      lastIncludedTerm: 1,
      configuration: three,
    });
    expect(() => node.raft.snapshotMeta(appliedIndex + 1)).toThrow(InvariantError);
  });

  it('keeps half of its tail for followers when a snapshot exists', () => {
    const node = leader();
    node.step(appendSuccess(2, 1, node.raft.status().lastIndex));
    node.raft.compact(node.raft.status().appliedIndex);
    const { tailBytes, lastIndex, firstIndex } = node.raft.status();
    expect(tailBytes).toBeLessThanOrEqual(200);
    expect(lastIndex).toBeGreaterThanOrEqual(firstIndex);
  });
});
