import { describe, expect, it } from '@jest/globals';
import { describeOps, History } from '../../src/checker/history.js';

const call = { client: 'a', key: 'k', kind: 'set', ms: 5, value: '1' } as const;

describe('a history', () => {
  it('orders calls and returns, and leaves an unknown outcome open', () => {
    const history = new History();
    const first = history.begin(call);
    const second = history.begin({ ...call, client: 'b', kind: 'get', value: undefined });
    const third = history.begin({ ...call, value: '2' });
    history.end(second, { ms: 7, outcome: 'ok', result: { value: '1', version: 1 } });
    history.end(first, { ms: 8, outcome: 'ok', result: { revision: 4 } });
    history.end(third, { ms: 9, outcome: 'unknown' });
    expect(describeOps(history.ops).split('\n')).toEqual([
      '[0,4] 5-8 ms a: set k=1 → revision 4',
      '[1,3] 5-7 ms b: get k → 1 version 1',
      '[2,…] 5-… ms a: set k=2 → unknown',
    ]);
  });

  it('refuses what would make its checks unsound', () => {
    const history = new History(2);
    const id = history.begin(call);
    expect(() => history.begin({ ...call, client: 'b' })).toThrow('k was set to 1 before');
    expect(() => history.begin({ ...call, value: undefined })).toThrow('a set has a value');
    expect(() => history.begin({ ...call, value: '2', ms: 4 })).toThrow('time goes back');
    history.end(id, { ms: 6, outcome: 'unknown' });
    expect(() => history.end(id, { ms: 6, outcome: 'ok' })).toThrow('op 0 is not open');
    history.begin({ ...call, value: '3', ms: 6 });
    expect(history.isFull).toBe(true);
    expect(() => history.begin({ ...call, value: '4', ms: 7 })).toThrow('full: 2 ops');
  });
});
