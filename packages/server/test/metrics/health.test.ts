// Goal: /livez and /readyz say what is wrong, in the form that Kubernetes users know. Method: the
// checks over made-up conditions, and real nodes asked over HTTP.
import { waitUntil } from '@cashe/bench';
import { describe, expect, it } from '@jest/globals';
import type { HostCondition, ReplicaCondition } from '../../src/host/condition.js';
import { checksText, livenessChecks, readinessChecks } from '../../src/metrics/health.js';
import type { NodeSources } from '../../src/metrics/sources.js';
import { get, observedNodes } from '../support/observed-nodes.js';

const caseMs = 30_000;

const replica: ReplicaCondition = {
  group: 0,
  leads: false,
  leaderKnown: true,
  leaderSilentMs: 40,
  applyLagEntries: 0,
  ageMs: 40,
  restoring: false,
};
const ready = { diskBytes: 1, diskBytesMax: 2, segmentCount: 1, pinningGroup: undefined };
const condition: HostCondition = {
  stalled: false,
  syncWaitingMs: 0,
  electionMsMax: 320,
  tickMs: 10,
  log: { state: 'ready', ...ready },
  replicas: [replica],
};

type Given = Pick<NodeSources, 'condition'> &
  Partial<Pick<NodeSources, 'certificate' | 'ending' | 'view'>>;

function sources(given: Given): NodeSources {
  return {
    view: () => {
      throw new Error('not asked');
    },
    peers: () => [],
    drops: () => ({}),
    load: () => ({ connections: 0, streams: [], unaryCalls: 0, opsBytes: 0 }),
    httpConnections: () => [],
    certificate: () => undefined,
    ending: () => undefined,
    ...given,
  };
}

function failing(given: Given): string[] {
  const checks = readinessChecks(sources(given), 1_000);
  return checks
    .filter(({ problem }) => problem !== undefined)
    .map(({ name, problem }) => `${name}: ${problem}`);
}

const withReplica = (change: Partial<ReplicaCondition>): Given => ({
  condition: () => ({ ...condition, replicas: [{ ...replica, ...change }] }),
});
const fine: Given = { condition: () => condition };

describe('readiness', () => {
  it('is there when the log syncs, a leader was heard and its state is followed', () => {
    expect(failing(fine)).toEqual([]);
  });

  it.each<[string, Given]>([
    [
      'log: the disk has not answered for 1200 ms',
      { condition: () => ({ ...condition, stalled: true, syncWaitingMs: 1200.4 }) },
    ],
    [
      'log: the log is waiting for space on the disk',
      { condition: () => ({ ...condition, log: { state: 'waitingForSpace', ...ready } }) },
    ],
    ['leader: group 0: no leader is known', withReplica({ leaderKnown: false })],
    [
      'leader: group 0: the leader has been silent for 330 ms',
      withReplica({ leaderSilentMs: 330 }),
    ],
    ['applied: group 0: a snapshot is being installed', withReplica({ restoring: true })],
    [
      'applied: group 0: 10001 committed entries are not applied',
      withReplica({ applyLagEntries: 10_001 }),
    ],
    ['applied: group 0: nothing was heard from a leader yet', withReplica({ ageMs: undefined })],
    ['applied: group 0: the state is 5001 ms old', withReplica({ ageMs: 5001 })],
    ['staying: the node is stopping', { ...fine, ending: () => 'draining' }],
    ['staying: the node was removed from the cluster', { ...fine, ending: () => 'removed' }],
    [
      'certificate: expired',
      { ...fine, certificate: () => ({ notAfterMs: 999, problem: undefined }) },
    ],
  ])('fails: %s', (problem, given) => {
    expect(failing(given)).toEqual([problem]);
  });

  it('counts a certificate only with TLS', () => {
    const certificate = () => ({ notAfterMs: 1_001, problem: undefined });
    const names = (given: Given): string[] =>
      readinessChecks(sources(given), 1_000).map(({ name }) => name);
    expect(names(fine)).not.toContain('certificate');
    expect(names({ ...fine, certificate })).toContain('certificate');
    expect(failing({ ...fine, certificate })).toEqual([]);
  });
});

describe('liveness', () => {
  it('ends only with what a restart may heal', () => {
    const dead = (given: Given): string[] =>
      livenessChecks(sources(given)).flatMap(({ name, problem }) => (problem ? [name] : []));
    expect(dead(withReplica({ leaderKnown: false }))).toEqual([]);
    expect(dead({ ...fine, ending: () => 'failed' })).toEqual(['node']);
    const broken = { ...condition, log: { state: 'failed' as const, ...ready } };
    expect(dead({ condition: () => broken })).toEqual(['log']);
  });
});

describe('the text', () => {
  const checks = [
    { name: 'log', problem: undefined },
    { name: 'leader', problem: 'no leader is known' },
  ];

  it('is ok while all is well, and each check when asked for or when one fails', () => {
    const [log] = checks as [(typeof checks)[0]];
    expect(checksText('readyz', [log], false)).toEqual({ status: 200, text: 'ok' });
    expect(checksText('readyz', [log], true).text).toBe('[+]log ok\nreadyz check passed');
    expect(checksText('readyz', checks, false)).toEqual({
      status: 503,
      text: '[+]log ok\n[-]leader failed: no leader is known\nreadyz check failed',
    });
  });
});

describe('a node without a port for metrics', () => {
  it(
    'has health and metrics on the REST port, and REST has none of it otherwise',
    async () => {
      const cluster = await observedNodes(2, false);
      try {
        const first = await cluster.start(0);
        const second = await cluster.start(1);
        await Promise.all([first.ready, second.ready]);
        expect(second.metricsAddress).toBeUndefined();
        expect((await get(second, '/livez')).body).toBe('ok\n');
        expect((await get(second, '/metrics')).body).toContain('cashe_build_info');
        const elsewhere = await fetch(`http://${first.restAddress}/metrics`);
        expect(elsewhere.status).toBe(404);
        await elsewhere.body?.cancel();
      } finally {
        await cluster.stop();
      }
    },
    caseMs,
  );
});

describe('a founder that waits for the others', () => {
  it(
    'is alive, is ready once they are there, and says meanwhile what it waits for',
    async () => {
      const cluster = await observedNodes(2);
      try {
        const first = await cluster.start(0);
        expect(await get(first, '/livez')).toMatchObject({ status: 200, body: 'ok\n' });
        const waiting = await get(first, '/readyz');
        expect(waiting.status).toBe(503);
        expect(waiting.body).toMatch(/^\[-\]member failed: waits for .*$/m);
        await cluster.start(1);
        await first.ready;
        await waitUntil('the node to be ready', caseMs / 2, async () => {
          return (await get(first, '/readyz')).status === 200 || undefined;
        });
        const verbose = await get(first, '/readyz?verbose');
        expect(verbose.body).toMatch(/^(\[\+\]\w+ ok\n){5}readyz check passed\n$/);
      } finally {
        await cluster.stop();
      }
    },
    caseMs,
  );
});
