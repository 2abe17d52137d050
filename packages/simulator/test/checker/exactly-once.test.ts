import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkExactlyOnce } from '../../src/checker/exactly-once.js';
import type { HistoryOp, HistoryResult } from '../../src/checker/history.js';
import { execute, randomOf } from './support/atomic-map.js';
import { type Given, get, historyOf, lostSet, refusedSet, remove, set } from './support/given.js';

function written(value: string, from: number, to: number, result: HistoryResult): Given {
  return set(value, from, to, { result });
}

/** The rule that is broken, or undefined. */
function brokenRule(ops: readonly HistoryOp[]): string | undefined {
  const result = checkExactlyOnce(ops);
  return result.kind === 'violation' ? result.rule : undefined;
}

describe('the exactly-once checker accepts', () => {
  const accepted: readonly (readonly [string, readonly Given[]])[] = [
    [
      'a version per acknowledged set',
      [set('1', 0, 1), set('2', 2, 3), get('2', 4, 5, { version: 2 })],
    ],
    ['a lost set that counts', [lostSet('1', 0), set('2', 1, 2), get('2', 3, 4, { version: 2 })]],
    ['a lost set that does not', [lostSet('1', 0), set('2', 1, 2), get('2', 3, 4, { version: 1 })]],
    [
      'a version that starts again after a delete',
      [set('1', 0, 1), remove(2, 3), set('2', 4, 5), get('2', 6, 7, { version: 1 })],
    ],
    [
      'a version that starts again after an expiry',
      [
        set('1', 0, 1, { ttl: { minMs: 5, maxMs: 5 } }),
        set('2', 8, 9),
        get('2', 10, 11, { version: 1 }),
      ],
    ],
    [
      'concurrent writes with revisions in either order',
      [written('1', 0, 5, { revision: 9 }), written('2', 1, 4, { revision: 8 })],
    ],
    [
      'reads of one value at its revision',
      [
        written('1', 0, 1, { revision: 3 }),
        get('1', 2, 3, { revision: 3 }),
        get('1', 4, 5, { revision: 3 }),
      ],
    ],
  ];
  it.each(accepted)('%s', (_name, given) => {
    expect(brokenRule(historyOf(...given))).toBeUndefined();
  });
});

describe('the exactly-once checker rejects', () => {
  const rejected: readonly (readonly [string, string, readonly Given[]])[] = [
    ['a set that counts twice', 'version', [set('1', 0, 1), get('1', 2, 3, { version: 2 })]],
    [
      'a lost set that counts twice',
      'version',
      [lostSet('1', 0), set('2', 1, 2), get('2', 3, 4, { version: 3 })],
    ],
    [
      'a set that does not count',
      'version',
      [set('1', 0, 1), set('2', 2, 3), get('2', 4, 5, { version: 1 })],
    ],
    [
      'a refused set that counts',
      'version',
      [refusedSet('1', 0, 1), set('2', 2, 3), get('2', 4, 5, { version: 2 })],
    ],
    ['an answer to a set with a version too high', 'version', [written('1', 0, 1, { version: 2 })]],
    [
      'a version that goes on after a delete',
      'version',
      [set('1', 0, 1), remove(2, 3), written('2', 4, 5, { version: 2 })],
    ],
    [
      'a version that starts again before the TTL is over',
      'version',
      [set('1', 0, 1, { ttl: { minMs: 50, maxMs: 50 } }), written('2', 8, 9, { version: 1 })],
    ],
    [
      'one revision for two writes',
      'uniqueRevision',
      [written('1', 0, 5, { revision: 7 }), written('2', 1, 4, { revision: 7 })],
    ],
    [
      'a value whose revision changed',
      'revisionOfValue',
      [written('1', 0, 1, { revision: 3 }), get('1', 2, 3, { revision: 4 })],
    ],
    [
      'a later write with a lower revision',
      'revisionOrder',
      [written('1', 0, 1, { revision: 3 }), remove(2, 3, { revision: 2 })],
    ],
    [
      'a later write with the revision that a read saw',
      'revisionOrder',
      [lostSet('1', 0), get('1', 1, 2, { revision: 3 }), written('2', 3, 4, { revision: 3 })],
    ],
    [
      'a later read with a lower revision',
      'revisionOrder',
      [lostSet('1', 0), written('2', 1, 2, { revision: 3 }), get('1', 3, 4, { revision: 2 })],
    ],
  ];
  it.each(rejected)('%s', (_name, rule, given) => {
    expect(brokenRule(historyOf(...given))).toBe(rule);
  });

  it('showing the key, the ops and the bounds', () => {
    const result = checkExactlyOnce(historyOf(set('1', 0, 1), get('1', 2, 3, { version: 2 })));
    expect(result).toMatchObject({
      kind: 'violation',
      key: 'k',
      text: [
        'k: version 2 is not in 1..1',
        '[0,1] 0-1 ms c0: set k=1 → ok',
        '[2,3] 2-3 ms c1: get k → 1 version 2',
      ].join('\n'),
    });
  });
});

describe('the exactly-once checker', () => {
  it('accepts whatever clients of an atomic map saw', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 8 }), (seed, clients) => {
        const ops = execute({ keys: 2, clients, ops: 150 }, randomOf(seed));
        expect(checkExactlyOnce(ops)).toEqual({ kind: 'exactlyOnce' });
      }),
      { numRuns: 300 },
    );
  });
});
