// Goal: founders of one file become one cluster whatever the order; whoever does not fit is told
// why, and data directories belong to one node. Method: real processes on one founders' file.
import { waitUntil } from '@cashe/bench';
import { connect } from '@cashe/client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ByHand } from './support/by-hand.js';
import type { ServerProcess } from './support/server-process.js';

const caseMs = 60_000;
const founders = ['n0', 'n1', 'n2'];
let hand: ByHand;
let file = '';
const nodes = new Map<string, ServerProcess>();

beforeAll(async () => {
  hand = await ByHand.plan(...founders, 'joiner', 'stranger');
  file = hand.founders('founders.json', founders, { capacity: 500 });
});

afterAll(() => hand?.end(), caseMs);

function waitsFor(id: string, text: string): Promise<string> {
  return waitUntil(`${id} waits for ${text}`, 20_000, async () => {
    const { waitingFor } = await hand.status(id);
    if (waitingFor.includes(text)) return waitingFor;
    throw new Error(`it waits for ${waitingFor}`);
  });
}

describe('founders (R25)', () => {
  it(
    'wait for each other and say for whom',
    async () => {
      nodes.set('n2', hand.start('n2', file));
      expect(await waitsFor('n2', 'founder n')).toContain(hand.place('n0').raft.slice(0, 9));
    },
    caseMs,
  );

  it(
    'wait while their files disagree, and say so',
    async () => {
      nodes.set('n0', hand.start('n0', file));
      const other = hand.founders('other.json', founders, { capacity: 501 });
      const wrong = hand.start('n1', other);
      await waitsFor('n1', 'disagrees');
      expect(await waitsFor('n0', 'disagrees')).toContain('founder n1');
      expect(await wrong.stop()).toEqual({ code: 0, signal: null });
    },
    caseMs,
  );

  it(
    'form one cluster once all run with one file, the first of them last',
    async () => {
      await nodes.get('n0')?.kill();
      nodes.set('n1', hand.start('n1', file));
      nodes.set('n0', hand.start('n0', file));
      await Promise.all([...nodes.values()].map((node) => node.serves()));
      const all = await Promise.all(founders.map((id) => hand.status(id)));
      expect(new Set(all.map(({ clusterId }) => clusterId)).size).toBe(1);
      await hand.voters('n2', ...founders);
      await using cashe = await connect({ endpoints: hand.endpoints(...founders) });
      await cashe.set('founded', 'yes');
    },
    caseMs,
  );

  it(
    'let a node join that has their file but is not named in it',
    async () => {
      const joiner = hand.start('joiner', file);
      await joiner.serves();
      await hand.members('n0', 'four members', (members) => members.length === 4);
      nodes.set('joiner', joiner);
    },
    caseMs,
  );
});

describe('a data directory (R25)', () => {
  it(
    'of a running process is refused',
    async () => {
      const { dataDir } = hand.place('n0');
      const second = hand.start('stranger', `--data-dir=${dataDir}`);
      const { code, line } = await second.fails();
      expect(code).toBe(1);
      expect(line).toContain(dataDir);
      expect(line).toContain(String(nodes.get('n0')?.pid));
    },
    caseMs,
  );

  it(
    'of another node is refused',
    async () => {
      expect(await nodes.get('joiner')?.stop()).toEqual({ code: 0, signal: null });
      const { dataDir } = hand.place('joiner');
      const refused = hand.start('stranger', `--data-dir=${dataDir}`);
      expect(await refused.fails()).toEqual({
        code: 1,
        line: expect.stringMatching(/belongs to node joiner, not stranger: use --id=joiner/),
      });
    },
    caseMs,
  );

  it(
    'that holds something else is refused',
    async () => {
      const refused = hand.start('stranger', `--data-dir=${hand.directory}`);
      expect(await refused.fails()).toEqual({
        code: 1,
        line: expect.stringContaining('it is not a data directory of a node'),
      });
    },
    caseMs,
  );

  it(
    'keeps the settings it was founded with',
    async () => {
      expect(await nodes.get('n1')?.stop()).toEqual({ code: 0, signal: null });
      const refused = hand.start('n1', file, '--capacity=7');
      expect(await refused.fails()).toEqual({
        code: 1,
        line: expect.stringMatching(/capacity.* is 7, but the cluster has 500/),
      });
    },
    caseMs,
  );
});

describe('a founder that lost its directory', () => {
  it(
    'stops when another cluster still counts on it, and says what to do',
    async () => {
      const { clusterId } = await hand.status('n0');
      const empty = `--data-dir=${hand.place('stranger').dataDir}`;
      const lone = hand.start('n1', empty);
      const { code, line } = await lone.fails();
      expect(code).toBe(1);
      expect(line).toContain(`cluster ${clusterId} counts this node as a member`);
      expect(line).toContain('remove it there and start with --leaderaddr');
    },
    caseMs,
  );

  it(
    'serves again with the right directory',
    async () => {
      nodes.set('n1', hand.start('n1', file));
      await nodes.get('n1')?.serves();
      await using cashe = await connect({ endpoints: hand.endpoints('n1') });
      expect(await cashe.get('founded')).toBe('yes');
    },
    caseMs,
  );
});
