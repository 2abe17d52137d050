// Goal: a node that stops answers what REST callers have in flight, with an outcome, and a call
// that cannot be carried out ends by its deadline. Method: three real nodes, of which two stop.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunningNode } from '../../src/index.js';
import { ask, RestNodes } from './support/rest-nodes.js';

const nodes = new RestNodes();
let last: RunningNode;

beforeEach(async () => {
  const all = await nodes.three({ drainMs: 300 });
  await Promise.all(all.slice(1).map((node) => node.stop()));
  last = all[0] as RunningNode;
}, 30_000);
afterEach(() => nodes.stopAll(), 30_000);

/** The node's own count of calls without an answer is past zero. */
async function isInFlight(): Promise<boolean> {
  const { text } = await ask(last, 'GET', '/metrics');
  return /^cashe_unary_calls_in_flight [1-9]/m.test(text);
}

describe('without a majority', () => {
  it('calls end by their deadline, each with what is known', async () => {
    const timeout = { 'cashe-timeout-ms': '300' };
    const [read, write, members, health] = await Promise.all([
      ask(last, 'GET', '/v1/keys/k', { headers: timeout }),
      ask(last, 'PUT', '/v1/keys/k', { body: 'v', headers: timeout }),
      ask(last, 'GET', '/v1/cluster/members', { headers: timeout }),
      ask(last, 'GET', '/v1/cluster'),
    ]);
    expect([read.status, read.json]).toMatchObject([504, { code: 'DEADLINE_EXCEEDED' }]);
    expect(read.headers.get('cashe-outcome')).toBe('not_committed');
    expect([500, 504]).toContain(write.status);
    const unknown = write.status === 500;
    expect(write.json).toMatchObject({ code: unknown ? 'UNKNOWN_OUTCOME' : 'DEADLINE_EXCEEDED' });
    expect(write.headers.get('cashe-outcome')).toBe(unknown ? 'unknown' : 'not_committed');
    expect([503, 504]).toContain(members.status);
    expect(health.status).toBe(200);
  }, 30_000);

  it('a node that stops answers what waits', async () => {
    const waiting = ask(last, 'PUT', '/v1/keys/k?timeout=60000', { body: 'v' });
    while (!(await isInFlight()));
    await last.stop();
    const answer = await waiting;
    expect([answer.status, answer.json]).toMatchObject([503, { code: 'UNAVAILABLE' }]);
    expect(answer.headers.get('cashe-outcome')).toBe('unknown');
    expect(answer.headers.get('connection')).toBe('close');
    await expect(ask(last, 'GET', '/v1/cluster')).rejects.toThrow();
  }, 30_000);
});
