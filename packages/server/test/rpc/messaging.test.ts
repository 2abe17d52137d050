import type { RequestVoteRequest } from '@cashe/raft';
import { afterEach, describe, expect, it } from '@jest/globals';
import { append, heartbeat, othersOf, TestNodes, until } from './support/nodes.js';

const nodes = new TestNodes();
afterEach(() => nodes.stopAll());

const voteRequest: RequestVoteRequest = {
  kind: 'requestVoteRequest',
  ...{ from: 1, to: 2, term: 8, preVote: true },
  ...{ lastLogIndex: 44, lastLogTerm: 7, leadershipTransfer: true },
};

describe('messages between connected nodes', () => {
  it('arrive whole, in order and with heartbeats before replication (R5, R28)', async () => {
    const [one, two] = await nodes.startConnected(2);
    one!.transport.send(3, append(1, 2, 10, 100_000));
    one!.transport.send(3, append(1, 2, 11, 10));
    one!.transport.send(0, heartbeat(1, 2, 77));
    one!.transport.flush();
    await until(() => two!.handler.messages.length === 3, 'three messages');
    expect(two!.handler.messages).toEqual([
      { group: 0, message: heartbeat(1, 2, 77) },
      { group: 3, message: append(1, 2, 10, 100_000) },
      { group: 3, message: append(1, 2, 11, 10) },
    ]);
  });

  it('are not sent before flush', async () => {
    const [one, two] = await nodes.startConnected(2);
    one!.transport.send(0, heartbeat(1, 2, 1));
    expect(one!.transport.peers()[0]!.queuedBytes).toBeGreaterThan(0);
    one!.transport.flush();
    await until(() => two!.handler.messages.length === 1, 'the message');
  });

  it('may be as large as the limit', async () => {
    const [one, two] = await nodes.startConnected(2);
    const large = append(1, 2, 10, 4 * 1024 * 1024);
    one!.transport.send(0, large);
    one!.transport.flush();
    await until(() => two!.handler.messages.length === 1, 'the large message');
    const { message } = two!.handler.messages[0]!;
    if (message.kind !== 'appendEntriesRequest') throw new Error(message.kind);
    // Jest compares arrays of this size too slowly.
    expect(Buffer.compare(message.entries[0]!.data, large.entries[0]!.data)).toBe(0);
  });

  it('that answer a request reach a node whose address is not known', async () => {
    const one = await nodes.start(1);
    const two = await nodes.start(2);
    one.transport.setPeers([two.identity]); // two does not know one
    await until(() => one.handler.connected.length === 1, 'the connection');
    one.transport.send(0, heartbeat(1, 2, 5));
    one.transport.flush();
    await until(() => two.handler.messages.length === 1, 'the request');
    const answer = { kind: 'heartbeatResponse', from: 2, to: 1, term: 3, readRound: 5 } as const;
    two.transport.send(0, answer);
    two.transport.flush();
    await until(() => one.handler.messages.length === 1, 'the answer');
    expect(one.handler.messages).toEqual([{ group: 0, message: answer }]);
  });

  it('to a replica nobody named are dropped and counted', async () => {
    const one = await nodes.start(1);
    one.transport.send(0, heartbeat(1, 9, 5));
    one.transport.flush();
    expect(one.transport.drops().unknownPeer).toBe(1);
  });

  it('in the name of another node are ignored', async () => {
    const all = await nodes.startConnected(3);
    const [one, two] = all;
    one!.transport.send(0, heartbeat(3, 2, 5)); // 3 is not node n1
    one!.transport.send(0, heartbeat(1, 2, 6));
    one!.transport.flush();
    await until(() => two!.handler.messages.length === 1, 'the honest message');
    expect(two!.handler.messages[0]!.message).toEqual(heartbeat(1, 2, 6));
    expect(two!.transport.drops().foreign).toBe(1);
  });

  it('are believed no more once the peers say otherwise', async () => {
    const one = await nodes.start(1);
    const two = await nodes.start(2);
    one.transport.setPeers([two.identity]);
    await until(() => one.handler.connected.length === 1, 'the connection');
    one.transport.send(0, heartbeat(1, 2, 1));
    one.transport.flush();
    await until(() => two.handler.messages.length === 1, 'the first message');
    two.transport.setPeers([{ ...one.identity, nodeId: 'n3', nodeUid: 'uid-3' }]);
    one.transport.send(0, heartbeat(1, 2, 2));
    one.transport.flush();
    await until(() => two.transport.drops().foreign === 1, 'the message to be ignored');
    expect(two.handler.messages).toHaveLength(1);
  });
});

describe('a full queue (R5)', () => {
  it('drops replication, keeps heartbeats and reports the peer', async () => {
    const limits = { peerQueueBytesMax: 1_000_000 };
    const [one, two] = await nodes.startConnected(2, { limits });
    // Without flush nothing leaves, as with a stream that takes nothing.
    for (let index = 0; index < 30; index++) {
      one!.transport.send(0, append(1, 2, index, 100_000));
    }
    one!.transport.send(0, heartbeat(1, 2, 1));
    expect(one!.transport.drops().queueFull).toBe(21);
    expect(one!.transport.peers()[0]!.queuedBytes).toBeLessThan(1_100_000);
    expect(one!.handler.unreachable).toEqual([]);
    one!.transport.flush();
    expect(one!.handler.unreachable).toEqual([2]);
    await until(() => two!.handler.messages.length === 10, 'what fitted');
    expect(two!.handler.kinds()[0]).toBe('heartbeatRequest');
  });

  it('lets a heartbeat pass replication that waits', async () => {
    const limits = { writeAheadBytesMax: 100_000, frameBytesTarget: 100_000 };
    const [one, two] = await nodes.startConnected(2, { limits });
    for (let index = 0; index < 40; index++) {
      one!.transport.send(0, append(1, 2, index, 200_000));
    }
    one!.transport.flush();
    one!.transport.send(0, heartbeat(1, 2, 1));
    one!.transport.flush();
    await until(() => two!.handler.messages.length === 41, 'everything');
    expect(two!.handler.kinds().indexOf('heartbeatRequest')).toBeLessThan(5);
  });
});

describe('votes', () => {
  it('travel as a call and come back as the message the core expects', async () => {
    const [one, two] = await nodes.startConnected(2);
    one!.transport.send(4, voteRequest);
    await until(() => two!.handler.messages.length === 1, 'the request');
    expect(two!.handler.messages).toEqual([{ group: 4, message: voteRequest }]);
    const answer = {
      kind: 'requestVoteResponse',
      ...{ from: 2, to: 1, term: 6, preVote: true, voteGranted: true },
      ...{ requestTerm: 8, clusterTime: 1234, clusterTimeTerm: 7 },
    } as const;
    two!.transport.send(4, answer);
    await until(() => one!.handler.messages.length === 1, 'the answer');
    expect(one!.handler.messages).toEqual([{ group: 4, message: answer }]);
  });

  it('of a candidate that is no member are answered GONE', async () => {
    const [one, two] = await nodes.startConnected(2);
    one!.transport.send(0, voteRequest);
    await until(() => two!.handler.messages.length === 1, 'the request');
    const gone = { kind: 'goneNotice', from: 2, to: 1, term: 9 } as const;
    two!.transport.send(0, gone);
    await until(() => one!.handler.messages.length === 1, 'the notice');
    expect(one!.handler.messages).toEqual([{ group: 0, message: gone }]);
  });

  it('are answered GONE by whichever replica the node has, if it rejoined since', async () => {
    const [one, two] = await nodes.startConnected(2);
    one!.transport.send(0, voteRequest);
    await until(() => two!.handler.messages.length === 1, 'the request');
    two!.transport.send(0, { kind: 'goneNotice', from: 7, to: 1, term: 9 });
    await until(() => one!.handler.messages.length === 1, 'the notice');
    expect(one!.handler.kinds()).toEqual(['goneNotice']);
  });

  it('nobody waits for any more are counted', async () => {
    const limits = { voteAnswerTimeoutMs: 1 };
    const [one, two] = await nodes.startConnected(2, { limits });
    one!.transport.send(0, voteRequest);
    await until(() => two!.handler.messages.length === 1, 'the request');
    await until(() => {
      two!.transport.send(0, {
        kind: 'requestVoteResponse',
        ...{ from: 2, to: 1, term: 6, preVote: true, voteGranted: true },
        ...{ requestTerm: 8, clusterTime: 0, clusterTimeTerm: 0 },
      });
      return two!.transport.drops().late > 0;
    }, 'the answer to be late');
  });

  it('share the way with TimeoutNow', async () => {
    const [one, two] = await nodes.startConnected(2);
    const message = { kind: 'timeoutNowRequest', from: 1, to: 2, term: 5 } as const;
    one!.transport.send(2, message);
    await until(() => two!.handler.messages.length === 1, 'the request');
    expect(two!.handler.messages).toEqual([{ group: 2, message }]);
  });
});

describe('a peer that goes away', () => {
  it('is reported lost and refused at once, and connected again when it is back', async () => {
    const [one, two] = await nodes.startConnected(2);
    await two!.transport.stop(0);
    await until(() => one!.handler.refused.length === 1, 'the refused connect');
    expect(one!.handler.unreachable).toContain(2);
    expect(one!.logger.lines.filter((line) => line.startsWith('warn peer lost'))).toHaveLength(1);
    const again = await nodes.start(2, { port: two!.port });
    await until(() => one!.handler.connected.length === 2, 'the connection');
    one!.transport.send(0, heartbeat(1, 2, 9));
    one!.transport.flush();
    await until(() => again.handler.messages.length === 1, 'a message to the new process');
    expect(one!.handler.refused).toEqual([2]);
  });

  it('or takes connections and ends them, time after time, is dialled with pauses', async () => {
    // Two processes with one data directory: at the third node each replaces the other.
    const limits = { reconnectDelayMsMin: 3_600_000, reconnectDelayMsMax: 3_600_000 };
    const twins = [await nodes.start(1, { limits }), await nodes.start(1, { limits })] as const;
    const third = await nodes.start(2);
    for (const twin of twins) twin.transport.setPeers([third.identity]);
    const losses = (): number[] =>
      twins.map(({ logger }) => logger.lines.filter((line) => line.includes('peer lost')).length);
    const lossesMax = 4;
    await until(() => losses().some((count) => count === lossesMax), 'one that pauses');
    const loser = losses().indexOf(lossesMax);
    const winner = twins[1 - loser]!;
    for (let round = 1; round <= 50; round += 1) {
      await until(() => {
        winner.transport.send(0, heartbeat(1, 2, round));
        winner.transport.flush();
        return third.handler.messages.some(
          ({ message }) => message.kind === 'heartbeatRequest' && message.readRound === round,
        );
      }, `heartbeat ${round}`);
    }
    for (const count of losses()) expect(count).toBeLessThanOrEqual(lossesMax);
  });

  it('costs dropped messages, not memory', async () => {
    const [one, two] = await nodes.startConnected(2);
    await two!.transport.stop(0);
    await until(() => one!.handler.refused.length === 1, 'the refused connect');
    one!.handler.unreachable.length = 0;
    one!.transport.send(0, append(1, 2, 1, 1000));
    one!.transport.flush();
    expect(one!.transport.drops().notConnected).toBe(1);
    expect(one!.handler.unreachable).toEqual([2]);
    expect(one!.transport.peers()[0]!.queuedBytes).toBe(0);
  });

  it('is dialled anew when its address changes, others keep their connection', async () => {
    const all = await nodes.startConnected(3);
    const [one, two, three] = all;
    await two!.transport.stop(0);
    const moved = await nodes.start(2);
    one!.transport.setPeers([moved.identity, three!.identity]);
    await until(() => one!.handler.connected.length === 3, 'the connection');
    expect(one!.handler.connected.filter((id) => id === 3)).toHaveLength(1);
    expect(one!.handler.connected.at(-1)).toBe(2);
  });

  it('keeps its connection when only its replica id changes', async () => {
    const [one, two] = await nodes.startConnected(2);
    one!.transport.setPeers([{ ...two!.identity, replicaId: 22 }]);
    one!.transport.send(0, heartbeat(1, 2, 1));
    one!.transport.send(0, heartbeat(1, 22, 2));
    one!.transport.flush();
    await until(() => two!.handler.messages.length === 1, 'the message');
    expect(two!.handler.messages[0]!.message.to).toBe(22);
    expect(one!.transport.drops().unknownPeer).toBe(1);
    expect(one!.handler.connected).toEqual([2]);
  });

  it('is not dialled any more once it is no peer', async () => {
    const [one, two] = await nodes.startConnected(2);
    one!.transport.setPeers([]);
    expect(one!.transport.peers()).toEqual([]);
    two!.transport.send(0, heartbeat(2, 1, 4)); // Its own stream is another matter.
    two!.transport.flush();
    await until(() => one!.handler.messages.length === 1, 'the message');
  });
});

describe('a route given for a node', () => {
  it('wins over the address it advertises', async () => {
    const two = await nodes.start(2);
    const peerRoutes = new Map([['n2', `localhost:${two.port}`]]);
    const one = await nodes.start(1, { peerRoutes });
    one.transport.setPeers([{ ...two.identity, raftAddress: 'nowhere.invalid:1' }]);
    await until(() => one.handler.connected.length === 1, 'the connection');
    expect(othersOf(one, [one, two])).toHaveLength(1);
  });
});
