import { createHash } from 'node:crypto';
import type { InstallSnapshotRequest } from '@cashe/raft';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { SnapshotSink, SnapshotSource } from '../../src/host/ports.js';
import { openUpload } from '../../src/rpc/service.js';
import { encodeChunk, snapshotHead } from '../../src/rpc/snapshot-codec.js';
import { type NodeOptions, type TestNode, TestNodes, until } from './support/nodes.js';

const nodes = new TestNodes();
afterEach(() => nodes.stopAll());

const CHUNK = 256 * 1024;
const MIB = 1024 * 1024;

const message: InstallSnapshotRequest = {
  kind: 'installSnapshotRequest',
  ...{ from: 1, to: 2, term: 6, clusterTime: 55 },
  snapshot: {
    ...{ lastIncludedIndex: 900, lastIncludedTerm: 5 },
    configuration: { voters: [1, 2], votersOutgoing: [], learners: [], replicaIdMax: 2 },
  },
};
const answer = {
  kind: 'installSnapshotResponse',
  ...{ from: 2, to: 1, term: 6, matchIndex: 900 },
} as const;

class MemorySource implements SnapshotSource {
  readonly sizeBytes: number;
  readonly hash = createHash('sha256');
  reads = 0;
  closed = 0;
  /** What the read with this number fails with. */
  failAt = -1;
  #left: number;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.#left = sizeBytes;
  }

  read(done: (error: Error | undefined, chunk: Uint8Array | undefined) => void): void {
    this.reads++;
    const bytes = Math.min(CHUNK, this.#left);
    this.#left -= bytes;
    const chunk = bytes === 0 ? undefined : new Uint8Array(bytes).fill(this.reads % 256);
    if (chunk !== undefined) this.hash.update(chunk);
    const error = this.reads === this.failAt ? new Error('disk gone') : undefined;
    setImmediate(() => done(error, error === undefined ? chunk : undefined));
  }

  close(): void {
    this.closed++;
  }
}

/** Takes one chunk at a time and checks that it is asked for no more. */
class MemorySink implements SnapshotSink {
  readonly hash = createHash('sha256');
  bytes = 0;
  busy = false;
  finished = 0;
  aborted = 0;
  /** Holds writes back until it is called. */
  release: (() => void) | undefined;
  hold = false;
  failFinish = false;

  write(chunk: Uint8Array, done: (error: Error | undefined) => void): void {
    if (this.busy || this.aborted > 0) throw new Error('a call too many');
    this.busy = true;
    this.hash.update(chunk);
    this.bytes += chunk.length;
    const complete = (): void => {
      this.busy = false;
      done(undefined);
    };
    if (this.hold) this.release = complete;
    else setImmediate(complete);
  }

  finish(done: (error: Error | undefined) => void): void {
    if (this.busy) throw new Error('a call too many');
    this.finished++;
    setImmediate(() => done(this.failFinish ? new Error('bad snapshot') : undefined));
  }

  abort(): void {
    if (this.busy) throw new Error('a call too many');
    this.aborted++;
  }
}

async function pair(
  sink: SnapshotSink | undefined,
  options: NodeOptions = {},
): Promise<[TestNode, TestNode]> {
  const [one, two] = await nodes.startConnected(2, options);
  two!.handler.takeSnapshot = () => sink;
  return [one!, two!];
}

function sendTo(one: TestNode, source: SnapshotSource): boolean[] {
  const results: boolean[] = [];
  one.transport.sendSnapshot(3, message, source, (delivered) => results.push(delivered));
  return results;
}

describe('a snapshot', () => {
  it('of 20 MiB arrives whole, and the answer of the replica comes back', async () => {
    const sink = new MemorySink();
    const [one, two] = await pair(sink);
    let begun: unknown;
    two.handler.takeSnapshot = (group, head) => {
      begun = { group, head };
      return sink;
    };
    const source = new MemorySource(20 * MIB + 17);
    const results = sendTo(one, source);
    await until(() => sink.finished === 1, 'the end');
    expect(begun).toEqual({ group: 3, head: message });
    expect(sink.hash.digest('hex')).toBe(source.hash.digest('hex'));
    expect(results).toEqual([]);
    two.transport.send(3, answer);
    await until(() => results.length === 1, 'the answer');
    expect(results).toEqual([true]);
    expect(one.handler.messages).toEqual([{ group: 3, message: answer }]);
    expect([source.closed, sink.aborted]).toEqual([1, 0]);
  });

  it('of no bytes arrives too', async () => {
    const sink = new MemorySink();
    const [one, two] = await pair(sink);
    const results = sendTo(one, new MemorySource(0));
    await until(() => sink.finished === 1, 'the end');
    two.transport.send(3, answer);
    await until(() => results.length === 1, 'the answer');
    expect(results).toEqual([true]);
  });

  it('is read no faster than the follower stores it', async () => {
    const sink = new MemorySink();
    sink.hold = true;
    const limits = { windowBytes: MIB };
    const [one, two] = await pair(sink, { limits });
    const source = new MemorySource(64 * MIB);
    const results = sendTo(one, source);
    let reads = -1;
    await until(() => {
      const settled = sink.release !== undefined && source.reads === reads;
      reads = source.reads;
      return settled;
    }, 'the sender to stall');
    // Windows of 1 MiB, both streams' buffers of 16 chunks, 4 chunks ahead, socket buffers.
    expect(source.reads).toBeLessThan(120);
    sink.hold = false;
    sink.release?.();
    await until(() => sink.finished === 1, 'the end');
    two.transport.send(3, answer);
    await until(() => results.length === 1, 'the answer');
  });

  it('whose sender disappears is aborted, after the write under way', async () => {
    const sink = new MemorySink();
    sink.hold = true;
    const [one] = await pair(sink);
    const source = new MemorySource(20 * MIB);
    const results = sendTo(one, source);
    await until(() => sink.release !== undefined, 'the first write');
    await one.transport.stop(0);
    expect(results).toEqual([false]);
    await until(() => source.closed === 1, 'the source to be closed');
    expect(sink.aborted).toBe(0);
    await until(() => {
      sink.release?.();
      return sink.aborted === 1;
    }, 'the abort');
  });

  it('that the host does not want is refused', async () => {
    const [one] = await pair(undefined);
    const source = new MemorySource(MIB);
    const results = sendTo(one, source);
    await until(() => results.length === 1, 'the refusal');
    expect(results).toEqual([false]);
    await until(() => source.closed === 1, 'the source to be closed');
    expect(one.logger.lines.some((line) => line.includes('takes no snapshot'))).toBe(true);
  });

  it('that cannot be read or stored is not delivered', async () => {
    const sink = new MemorySink();
    const [one] = await pair(sink);
    const broken = new MemorySource(4 * MIB);
    broken.failAt = 3;
    const results = sendTo(one, broken);
    await until(() => results.length === 1 && sink.aborted === 1, 'the failure');
    expect(results).toEqual([false]);
    const other = new MemorySink();
    other.failFinish = true;
    const [three, four] = await pair(other).then(([a, b]) => [a, b] as const);
    const again = sendTo(three, new MemorySource(MIB));
    await until(() => again.length === 1, 'the failure');
    expect(again).toEqual([false]);
    expect(other.aborted).toBe(0); // finish ended it
    expect(four.handler.messages).toEqual([]);
  });

  it('without progress is given up on both sides', async () => {
    const sink = new MemorySink();
    sink.hold = true;
    const [one] = await pair(sink, { limits: { snapshotIdleMsMax: 40 } });
    const results = sendTo(one, new MemorySource(64 * MIB));
    await until(() => results.length === 1, 'the sender to give up');
    expect(results).toEqual([false]);
    await until(() => {
      sink.release?.();
      return sink.aborted === 1;
    }, 'the receiver to give up');
  });

  it('beyond the number the node takes at once is refused', async () => {
    const sink = new MemorySink();
    sink.hold = true;
    const [one] = await pair(sink, { limits: { snapshotsIncomingMax: 1 } });
    const first = sendTo(one, new MemorySource(MIB));
    await until(() => sink.release !== undefined, 'the first transfer');
    const second = sendTo(one, new MemorySource(MIB));
    await until(() => second.length === 1, 'the refusal');
    expect([first, second]).toEqual([[], [false]]);
  });
});

describe('chunks that are wrong', () => {
  /** Sends these chunks and returns how it ends. */
  async function upload(node: TestNode, chunks: readonly Buffer[]): Promise<ServiceError | null> {
    const client = new Client(`127.0.0.1:${node.port}`, credentials.createInsecure());
    const error = await new Promise<ServiceError | null>((resolve) => {
      const stream = openUpload(client, resolve);
      stream.on('error', () => undefined);
      for (const chunk of chunks) stream.write(chunk);
      stream.end();
    });
    client.close();
    return error;
  }
  const hello = {
    protocolVersions: [1],
    ...{ clusterId: 'c1', nodeId: 'n1', nodeUid: 'uid-1', settingsHash: 0 },
    ...{ clientAddress: '', raftAddress: '', toNodeId: 'n2', formatVersionMax: 1 },
  };
  const head = snapshotHead(hello, 0, message, 8);
  const four = Uint8Array.of(1, 2, 3, 4);
  const good = encodeChunk(head, 0, four, false);
  const flipped = Buffer.from(encodeChunk(undefined, 4, four, true));
  flipped[flipped.indexOf(Buffer.from(four)) + 1]! ^= 1;
  const foreign = snapshotHead({ ...hello, nodeUid: 'uid-3' }, 0, message, 8);

  it.each([
    ['a CRC that does not match', [good, flipped], status.INVALID_ARGUMENT],
    ['a gap', [good, encodeChunk(undefined, 6, four, true)], status.INVALID_ARGUMENT],
    ['more than announced', [good, encodeChunk(undefined, 4, new Uint8Array(9), true)], 3],
    ['less than announced', [encodeChunk(head, 0, four, true)], status.INVALID_ARGUMENT],
    ['an end before the last chunk', [good], status.INVALID_ARGUMENT],
    ['no head', [encodeChunk(undefined, 0, four, false)], status.INVALID_ARGUMENT],
    ['garbage', [Buffer.from([0xff, 0xff])], status.INVALID_ARGUMENT],
    ['a chunk above the limit', [encodeChunk(head, 0, new Uint8Array(CHUNK + 1), false)], 3],
    [
      'a replica of another node',
      [encodeChunk(foreign, 0, four, false)],
      status.FAILED_PRECONDITION,
    ],
  ])('end the transfer: %s', async (_name, chunks, code) => {
    const [, two] = await pair(undefined);
    const sinks: MemorySink[] = [];
    two.handler.takeSnapshot = () => {
      const sink = new MemorySink();
      sinks.push(sink);
      return sink;
    };
    const error = await upload(two, chunks);
    expect(error?.code).toBe(code);
    await until(() => sinks.every((sink) => sink.aborted === 1), 'the sink to be aborted');
    expect(sinks.every((sink) => sink.finished === 0)).toBe(true);
  });
});
