// The doubled clock, network and disk do what their faults say, and what replicas promise is held
// against what they start with. Whole runs are in seeds.test.ts.
import type { RaftStatus } from '@cashe/raft';
import type { PeerMessage } from '@cashe/server/host';
import type { DiskFile } from '@cashe/server/simulation';
import { describe, expect, it } from '@jest/globals';
import { DiskFaults } from '../src/disk-faults.js';
import { MemoryDisk } from '../src/memory-disk.js';
import { Network } from '../src/network.js';
import { NodeClock } from '../src/node-clock.js';
import { Promises } from '../src/promises.js';
import { SeededRandom } from '../src/random.js';
import { VirtualTime } from '../src/virtual-time.js';

function pass(time: VirtualTime, ms: number): void {
  let isOver = false;
  time.after(ms, () => {
    isOver = true;
  });
  while (!isOver) time.step();
}

describe('the clock of a node', () => {
  it('stands still, runs faster and knows how far that has moved it', () => {
    const time = new VirtualTime();
    const clock = new NodeClock(time);
    clock.restart(1_000, 1);
    clock.setRate(0);
    pass(time, 500);
    expect(clock.nowMs()).toBe(1_000);
    clock.setRate(2);
    pass(time, 100);
    expect(clock.nowMs()).toBe(1_200);
    expect(clock.untilMs(1_300)).toBe(50);
    expect(clock.errorMs()).toBe(600);
  });

  it('keeps wall time over a restart, and lets it jump and freeze alone', () => {
    const time = new VirtualTime();
    const clock = new NodeClock(time);
    const wallMs = clock.wallMs();
    clock.restart(5_000_000, 1);
    expect(clock.wallMs()).toBe(wallMs);
    clock.freezeWall();
    pass(time, 50);
    expect([clock.wallMs(), clock.nowMs()]).toEqual([wallMs, 5_000_050]);
    clock.thawWall();
    clock.jumpWall(-1_000);
    expect(clock.wallMs()).toBe(wallMs + 50 - 1_000);
  });
});

describe('the network', () => {
  const still = { latencyMinMs: 1, latencyMaxMs: 1, loss: 0, duplication: 0, delay: 0 };

  function network(): { time: VirtualTime; network: Network; arrived: number[] } {
    const time = new VirtualTime();
    const conditions = { ...still, delayMaxMs: 0 };
    return { time, network: new Network(time, new SeededRandom(1), conditions), arrived: [] };
  }

  it('holds what a clogged direction carries, and brings it in order when released', () => {
    const { time, network: net, arrived } = network();
    net.clog('a', 'b');
    for (const i of [1, 2, 3]) {
      net.send(
        'a',
        'b',
        () => arrived.push(i),
        () => undefined,
      );
    }
    pass(time, 100);
    expect(arrived).toEqual([]);
    net.unclog('a', 'b');
    pass(time, 2);
    expect(arrived).toEqual([1, 2, 3]);
  });

  it('loses one class alone, and brings old messages again when asked', () => {
    const { time, network: net, arrived } = network();
    net.dropped.set('votes', 1);
    for (let i = 0; i < 500; i += 1) {
      net.send(
        'a',
        'b',
        () => arrived.push(i),
        () => undefined,
        i % 2 ? 'votes' : 'appends',
      );
    }
    pass(time, 2);
    expect(arrived).toHaveLength(250);
    const kept = net.replayStale();
    expect(kept).toBeGreaterThan(0);
    pass(time, 20);
    expect(arrived).toHaveLength(250 + kept);
  });
});

describe('the disk', () => {
  it('makes nothing durable after a sync that failed, however often it is asked again', () => {
    const disk = new MemoryDisk();
    disk.schedule = (_sync, run) => run();
    disk.faults = new DiskFaults(new SeededRandom(7));
    const answers: (string | undefined)[] = [];
    let file: DiskFile | undefined;
    disk.root.create('f', (_error, created) => {
      file = created;
    });
    disk.root.sync(() => undefined);
    const pages = new Uint8Array(64 * 4096).fill(1);
    disk.faults.arm('sync', 0);
    file?.writeDurably(pages, 0, (error) => answers.push(error?.kind));
    file?.datasync((error) => answers.push(error?.kind));
    expect(answers).toEqual(['io', undefined]);
    const [survivor] = disk.crash(() => true).files();
    const found = new Uint8Array(pages.length);
    survivor?.inode.read(found, 0);
    expect(found.includes(0)).toBe(true);
  });
});

describe('what a replica told others (I7)', () => {
  const vote = (to: number): PeerMessage => ({
    kind: 'requestVoteResponse',
    from: 1,
    to,
    term: 5,
    preVote: false,
    voteGranted: true,
    requestTerm: 5,
    clusterTime: 0,
    clusterTimeTerm: 0,
  });
  const status = (currentTerm: number, votedFor: number): RaftStatus =>
    ({ replicaId: 1, currentTerm, votedFor, lastIndex: 0 }) as RaftStatus;

  it('is its term and its vote, also after a crash', () => {
    const promises = new Promises();
    promises.sent(vote(2));
    expect(() => promises.restored(status(5, 2))).not.toThrow();
    expect(() => promises.restored(status(6, 0))).not.toThrow();
    expect(() => promises.restored(status(5, 0))).toThrow(/forgot/);
    expect(() => promises.restored(status(4, 0))).toThrow(/starts in term 4/);
    expect(() => promises.sent(vote(3))).toThrow(/votes for 2 and 3/);
  });

  it('is what it acknowledged, until another leader may have cut it off', () => {
    const promises = new Promises();
    promises.holds(1, 5, 10);
    expect(() => promises.restored({ ...status(5, 0), lastIndex: 9 })).toThrow(/acknowledged 10/);
    expect(() => promises.restored({ ...status(6, 0), lastIndex: 9 })).not.toThrow();
  });
});
