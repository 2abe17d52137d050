// Goal: how nodes get into a cluster and out of it, by the command lines a person would type.
// Method: real processes; one cluster is grown, changed under load and shrunk, case after case.
import { rmSync } from 'node:fs';
import { MemberRole } from '@cashe/proto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ByHand, votersOf } from './support/by-hand.js';
import type { ServerProcess } from './support/server-process.js';
import { Writer } from './support/writer.js';

const caseMs = 60_000;
let hand: ByHand;
const nodes = new Map<string, ServerProcess>();

function node(id: string): ServerProcess {
  const found = nodes.get(id);
  if (found === undefined) throw new Error(`${id} was not started`);
  return found;
}

async function join(id: string, through: string, ...args: readonly string[]): Promise<void> {
  nodes.set(id, await hand.join(id, through, ...args));
}

/** The `cashe leave` command, run on another member. */
async function leave(id: string, through: string): Promise<{ code: number | null; text: string }> {
  const endpoint = `--endpoint=${hand.place(through).client}`;
  const run = hand.run('leave', id, endpoint, '--timeout=30000');
  const { code } = await run.exited;
  return { code, text: run.stdout + run.log() };
}

beforeAll(async () => {
  hand = await ByHand.plan('raft0', 'raft1', 'raft2', 'raft3', 'raft4', 'spare');
});

afterAll(() => hand?.end(), caseMs);

describe('a cluster started by hand (R26)', () => {
  it(
    'begins with one node, which cannot leave',
    async () => {
      nodes.set('raft0', hand.start('raft0'));
      await node('raft0').serves();
      expect(await leave('raft0', 'raft0')).toEqual({
        code: 5,
        text: expect.stringContaining('raft0 is the last member: it cannot leave, only stop'),
      });
      expect(node('raft0').isRunning).toBe(true);
    },
    caseMs,
  );

  it(
    'keeps a lone second node as a learner',
    async () => {
      await join('raft1', 'raft0');
      const members = await hand.members('raft0', 'a learner', (all) => all.length === 2);
      expect(members.map(({ nodeId, role }) => [nodeId, role])).toEqual([
        ['raft0', MemberRole.VOTER],
        ['raft1', MemberRole.LEARNER],
      ]);
    },
    caseMs,
  );

  it(
    'promotes both when the third joins, through a node that does not lead',
    async () => {
      await join('raft2', 'raft1');
      await hand.voters('raft0', 'raft0', 'raft1', 'raft2');
      // One joint change: nobody ever counted two voters.
      const changes = node('raft0').lines.filter(({ message }) => message.includes('membership'));
      const counts = changes.map((line) => String(line['voters'] ?? '').split(',').length);
      expect(counts).not.toContain(2);
    },
    caseMs,
  );
});

describe('under load', () => {
  let writer: Writer;
  beforeAll(async () => {
    writer = await Writer.connect(hand.endpoints('raft0', 'raft1', 'raft2'), { inFlight: 16 });
    writer.run();
    await writer.acknowledges(100);
  }, caseMs);

  afterAll(() => writer.close(), caseMs);

  it(
    'a fourth node joins as a spare and leaves by `cashe leave`',
    async () => {
      await join('raft3', 'raft2');
      const members = await hand.members('raft1', 'four members', (all) => all.length === 4);
      expect(votersOf(members)).toEqual(['raft0', 'raft1', 'raft2']);
      expect(await leave('raft3', 'raft2')).toEqual({ code: 0, text: 'raft3 left the cluster\n' });
      expect(await node('raft3').exited).toEqual({ code: 0, signal: null });
      await node('raft3').logged('tombstone written');
    },
    caseMs,
  );

  it(
    'a removed node starts only with --rejoin',
    async () => {
      const refused = hand.start('raft3', `--leaderaddr=${hand.place('raft0').client}`);
      expect(await refused.fails()).toEqual({
        code: 1,
        line: expect.stringMatching(/raft3 was removed from cluster .*--rejoin/),
      });
      await join('raft3', 'raft0', '--rejoin');
      await hand.members('raft0', 'raft3 is back', (all) => all.length === 4);
    },
    caseMs,
  );

  it(
    'the leader is removed and a learner takes its place',
    async () => {
      const leader = await hand.leader('raft3');
      const staying = ['raft0', 'raft1', 'raft2', 'raft3'].filter((id) => id !== leader);
      await leave(leader, 'raft3');
      expect(await node(leader).exited).toEqual({ code: 0, signal: null });
      await hand.voters('raft3', ...staying);
    },
    caseMs,
  );

  it(
    'a node with --leave-on-exit leaves when it is stopped',
    async () => {
      const id = 'raft4';
      await join(id, 'raft3', '--leave-on-exit');
      await hand.members('raft3', 'four members', (all) => all.length === 4);
      expect(await node(id).stop()).toEqual({ code: 0, signal: null });
      const { members } = await hand.status('raft3');
      expect(members.map(({ nodeId }) => nodeId)).not.toContain(id);
      await node(id).logged('tombstone written');
    },
    caseMs,
  );

  it(
    'nothing was lost and no caller saw an error',
    async () => {
      await writer.acknowledges(100);
      await writer.halt();
      expect(writer.errors).toEqual([]);
      expect(await writer.differences()).toEqual([]);
    },
    caseMs,
  );
});

describe('a node whose id is taken', () => {
  const id = 'raft3';

  it(
    'is refused with the way out while the other lives',
    async () => {
      const { client, raft, dataDir } = hand.place('spare');
      const refused = hand.run(
        ...[`--id=${id}`, `--listenaddr=${client}`, `--raftaddr=${raft}`, `--data-dir=${dataDir}`],
        `--leaderaddr=${hand.place(id).client}`,
      );
      expect(await refused.fails()).toEqual({
        code: 1,
        line: expect.stringMatching(/id raft3 belongs to a member.*cashe leave raft3/),
      });
    },
    caseMs,
  );

  it(
    'is refused when it is the same node without its data, until that was removed',
    async () => {
      const other = await hand
        .members('raft3', 'members', (all) => all.length === 3)
        .then((all) => all.find(({ nodeId }) => nodeId !== id)?.nodeId ?? '');
      await node(id).kill();
      rmSync(hand.place(id).dataDir, { recursive: true });
      const refused = hand.start(id, `--leaderaddr=${hand.place(other).client}`);
      expect(await refused.fails()).toEqual({
        code: 1,
        line: expect.stringMatching(/id raft3 belongs to a member.*cashe leave raft3/),
      });
      expect(await leave(id, other)).toEqual({ code: 0, text: 'raft3 left the cluster\n' });
      await join(id, other);
    },
    caseMs,
  );
});
