// Goal: the log is compacted by snapshots, and a node that was away for longer than the log reaches
// back gets one and is then as good as any. Method: three nodes in this process with small bounds.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, nodeStatus, transferLeadership, waitUntil } from '@cashe/bench';
import { type Cashe, connect } from '@cashe/client';
import { type GroupStatus, Role } from '@cashe/proto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Founder, RunningNode } from '../../src/config/options.js';
import { type EmbeddedNodeOptions, startNode } from '../../src/embedding.js';

const caseMs = 60_000;
const kib = 1024;
const mib = 1024 * kib;
const ids = ['s0', 's1', 's2'];
/** The tail must hold the largest entry (4 MiB). */
const tuning = {
  host: { snapshotTriggerBytes: 512 * kib, tailBytesMax: 5 * mib, followerLogBytesMax: 0 },
  storage: { segmentBytes: 12 * mib, walBytesMax: 64 * mib },
};
/** One round of writes is 3.2 MiB, two are more than the memory tail holds. */
const valueBytes = 8 * kib;
const keyCount = 400;

interface LogLine {
  readonly node: string;
  readonly message: string;
}

const directory = mkdtempSync(join(tmpdir(), 'cashe-snapshot-'));
const nodes = new Map<string, RunningNode>();
const lines: LogLine[] = [];
let founders: readonly Founder[] = [];
let cashe: Cashe;
/** The node that was stopped for a while. */
let away = '';

function optionsOf(id: string): EmbeddedNodeOptions {
  const take = (message: string): void => void lines.push({ node: id, message });
  const log = { error: take, warn: take, info: take, debug: () => undefined };
  return { id, founders, dataDir: join(directory, id), log, tuning };
}

async function start(id: string): Promise<void> {
  nodes.set(id, await startNode(optionsOf(id)));
}

/** Starts all of them; one that ends instead of serving fails the test. */
async function startAll(): Promise<void> {
  await Promise.all(ids.map(start));
  const ends = [...nodes.values()].map(({ ready, closed }) => Promise.race([ready, closed]));
  expect(await Promise.all(ends)).toEqual([undefined, undefined, undefined]);
}

beforeAll(async () => {
  const ports = await freePorts(ids.length * 2);
  founders = ids.map((id, i) => ({
    id,
    client: `127.0.0.1:${ports[2 * i]}`,
    raft: `127.0.0.1:${ports[2 * i + 1]}`,
  }));
  await startAll();
  cashe = await connect({ endpoints: founders.map(({ client }) => client) });
}, caseMs);

afterAll(async () => {
  await cashe?.close();
  await Promise.all([...nodes.values()].map((node) => node.stop()));
}, caseMs);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const addressOf = (id: string): string => founders.find((one) => one.id === id)?.client ?? '';

async function groupOf(id: string): Promise<GroupStatus> {
  const { groups } = await nodeStatus(addressOf(id), 5_000);
  if (groups[0] === undefined) throw new Error(`${id} has no group yet`);
  return groups[0];
}

/** The states of all nodes once they stand at one index. */
function standing(): Promise<readonly GroupStatus[]> {
  return waitUntil('one applied index', 20_000, async () => {
    const groups = await Promise.all(ids.map(groupOf));
    return new Set(groups.map(({ appliedIndex }) => appliedIndex)).size === 1 ? groups : undefined;
  });
}

async function expectEqualDigests(): Promise<void> {
  const groups = await standing();
  expect(new Set(groups.map(({ digest }) => digest)).size).toBe(1);
}

/** Writes every key anew. */
async function rewrite(round: string): Promise<void> {
  const value = (i: number): string => `${round}-${i}-`.padEnd(valueBytes, 'x');
  await Promise.all(Array.from({ length: keyCount }, (_, i) => cashe.set(`k${i}`, value(i))));
}

async function expectAll(round: string): Promise<void> {
  const values = await cashe.getMany(Array.from({ length: keyCount }, (_, i) => `k${i}`));
  const wrong = values.filter((value, i) => value?.startsWith(`${round}-${i}-`) !== true);
  expect(wrong).toEqual([]);
}

describe('a log with small bounds', () => {
  it(
    'is compacted by snapshots',
    async () => {
      for (const round of ['a', 'b', 'c']) await rewrite(round);
      for (const id of ids) {
        await waitUntil(`a snapshot on ${id}`, 20_000, async () => {
          const { firstIndex, snapshotIndex } = await groupOf(id);
          return (snapshotIndex > 0 && firstIndex > 1) || undefined;
        });
      }
      await expectAll('c');
    },
    caseMs,
  );

  it(
    'brings a node back by a snapshot that was away for too long',
    async () => {
      const { leader } = await groupOf('s0');
      away = ids.find((id) => id !== leader?.nodeId) ?? '';
      const { lastIndex } = await groupOf(away);
      await nodes.get(away)?.stop();
      for (const round of ['d', 'e', 'f']) await rewrite(round);
      // Whoever leads then: the log without a snapshot over it would serve the node as well.
      for (const id of ids.filter((one) => one !== away)) {
        await waitUntil(`a log on ${id} that is too short`, 20_000, async () => {
          const { firstIndex, snapshotIndex } = await groupOf(id);
          return (firstIndex > lastIndex + 1 && snapshotIndex > lastIndex) || undefined;
        });
      }
      lines.length = 0;
      await start(away);
      await expectEqualDigests();
      const told = lines.filter(({ node }) => node === away).map(({ message }) => message);
      expect(told).toContain('snapshot installed');
    },
    caseMs,
  );

  it(
    'lets that node lead and answer for everything',
    async () => {
      const { leader } = await groupOf(away);
      await transferLeadership(addressOf(leader?.nodeId ?? ''), away, 10_000);
      expect((await groupOf(away)).role).toBe(Role.LEADER);
      await expectAll('f');
      await rewrite('g');
      await expectAll('g');
      await expectEqualDigests();
    },
    caseMs,
  );

  it(
    'is read back from snapshot and log after all nodes stopped',
    async () => {
      await Promise.all([...nodes.values()].map((node) => node.stop()));
      await startAll();
      await expectAll('g');
      for (const id of ids) {
        const kept = readdirSync(join(directory, id, 'snapshots'));
        // The one in use, and at most one that a newer one is about to replace.
        expect([1, 2]).toContain(kept.length);
      }
    },
    caseMs,
  );
});
