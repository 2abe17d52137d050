// Goal: what a run concludes from what it saw. Method: small histories and times made by hand.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { History } from '@cashe/simulator';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Availability } from '../src/availability.js';
import { parseChaosCommand } from '../src/options.js';
import { readHistory, writeHistory } from '../src/run-files.js';
import { ttlSlackMs, withTtlBounds } from '../src/ttl-bounds.js';
import { judge } from '../src/verdict.js';

function staleRead(): History {
  const history = new History();
  const set = (value: string, ms: number, revision: number): void => {
    const id = history.begin({ client: 'a', key: 'k', kind: 'set', value, ms });
    history.end(id, { ms: ms + 1, outcome: 'ok', result: { revision } });
  };
  set('old', 0, 1);
  set('new', 10, 2);
  const id = history.begin({ client: 'b', key: 'k', kind: 'get', ms: 20 });
  history.end(id, { ms: 21, outcome: 'ok', result: { value: 'old', revision: 1, version: 1 } });
  return history;
}

function leased(outcome: 'ok' | 'unknown'): History {
  const history = new History();
  const ttl = { minMs: 100, maxMs: Number.POSITIVE_INFINITY };
  const id = history.begin({ client: 'a', key: 'k', kind: 'set', value: 'v', ms: 1_000, ttl });
  history.end(id, { ms: 1_010, outcome, result: { revision: 1 } });
  return history;
}

describe('the verdict', () => {
  it('names a stale read, and what else was found', () => {
    const { kind, violations } = judge(staleRead().ops, ['a node ended']);
    expect(kind).toBe('violation');
    expect(violations).toEqual(expect.arrayContaining(['a node ended']));
    expect(violations.join()).toContain('k is not linearizable');
  });

  it('is that all was survived when nothing is wrong', () => {
    const ops = staleRead().ops.slice(0, 2);
    expect(judge(ops, [])).toEqual({ kind: 'survived', violations: [], unchecked: [] });
  });
});

describe('a history file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'cashe-history-'));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('gives the same verdict when it is read back', async () => {
    await writeHistory(dir, staleRead().ops);
    const ops = await readHistory(dir);
    expect(judge(ops, [])).toEqual(judge(staleRead().ops, []));
  });
});

describe('the end of a lease', () => {
  const maxMs = (history: History, restarts: { fromMs: number; toMs: number }[]): number =>
    withTtlBounds(history.ops, restarts)[0]?.ttl?.maxMs ?? Number.NaN;

  it('is its length and a slack after the set', () => {
    expect(maxMs(leased('ok'), [])).toBe(100 + ttlSlackMs);
    expect(maxMs(leased('ok'), [{ fromMs: 0, toMs: 900 }])).toBe(100 + ttlSlackMs);
  });

  it('moves when all leases may have been restarted while it ran, also repeatedly', () => {
    const restart = { fromMs: 1_050, toMs: 3_000 };
    expect(maxMs(leased('ok'), [restart])).toBe(1_990 + 100 + ttlSlackMs);
    const second = { fromMs: 5_000, toMs: 6_000 };
    expect(maxMs(leased('ok'), [restart, second])).toBe(4_990 + 100 + ttlSlackMs);
    const tooLate = { fromMs: 9_000, toMs: 9_500 };
    expect(maxMs(leased('ok'), [restart, tooLate])).toBe(1_990 + 100 + ttlSlackMs);
  });
});

describe('availability', () => {
  it('counts the longest time without an acknowledgement for all that went on in it', () => {
    const availability = new Availability('calm', 0);
    availability.acknowledged(10);
    availability.enter('kill');
    availability.acknowledged(500);
    availability.acknowledged(600);
    availability.enter('calm');
    availability.acknowledged(620);
    availability.acknowledged(650);
    expect([...availability.longestMs]).toEqual([
      ['calm', 490],
      ['kill', 490],
    ]);
  });
});

describe('the command line', () => {
  it('is 5 minutes of a random seed unless it says otherwise', () => {
    expect(parseChaosCommand([])).toMatchObject({ kind: 'run', run: { totalMs: 300_000 } });
    expect(parseChaosCommand(['--minutes', '2', '--seed', '9'])).toMatchObject({
      run: { totalMs: 120_000, seed: 9 },
    });
    expect(parseChaosCommand(['--check', 'x'])).toEqual({ kind: 'check', dir: 'x' });
    expect(() => parseChaosCommand(['--minutes', '0'])).toThrow('--minutes');
    expect(() => parseChaosCommand(['--sed', '1'])).toThrow('--sed');
  });
});
