// Goal: what a scraper reads of a node is what happened there. Method: three real nodes in this
// process, used through the SDK and a unary client, scraped over HTTP.
import { connect as openSocket } from 'node:net';
import { waitUntil } from '@cashe/bench';
import { type Cashe, connect } from '@cashe/client';
import { KVClient } from '@cashe/proto';
import { credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningNode } from '../../src/config/options.js';
import { get, type ObservedNodes, scrape, startObserved } from '../support/observed-nodes.js';

const caseMs = 30_000;
let cluster: ObservedNodes;
let cashe: Cashe;

beforeAll(async () => {
  cluster = await startObserved(3);
  cashe = await connect({ endpoints: cluster.nodes.map((node) => node.clientAddress) });
}, caseMs);
afterAll(async () => {
  await cashe?.close();
  await cluster?.stop();
}, caseMs);

type Series = ReadonlyMap<string, number>;

async function leader(): Promise<RunningNode> {
  for (const node of cluster.nodes) {
    const series = await scrape(node);
    if (series.get('cashe_raft_role{group="0",role="leader"}') === 1) return node;
  }
  throw new Error('no node leads');
}

/** The series of the leader once they are as wanted: a scrape may be a quarter of a second old. */
async function leaderSeries(wanted: (series: Series) => boolean): Promise<Series> {
  return waitUntil('the series of the leader', caseMs / 2, async () => {
    const series = await scrape(await leader());
    return wanted(series) ? series : undefined;
  });
}

describe('the metrics of a cluster', () => {
  it('count batches of the Session stream, ops, hits and misses', async () => {
    await cashe.setMany({ a: '1', b: '2', c: '3' });
    await cashe.getMany(['a', 'b', 'nothing']);
    const series = await leaderSeries((all) => all.get('cashe_hits_total{group="0"}') === 2);
    expect(series.get('cashe_misses_total{group="0"}')).toBe(1);
    expect(series.get('cashe_keys{group="0"}')).toBe(3);
    expect(series.get('cashe_batch_ops_sum{kind="write"}')).toBe(3);
    expect(series.get('cashe_batch_ops_sum{kind="read"}')).toBe(3);
    const session = 'surface="session"';
    const calls = (verb: string): string =>
      `cashe_call_duration_seconds_count{${session},verb="${verb}",outcome="ok"}`;
    expect(series.get(calls('write'))).toBe(1);
    expect(series.get(calls('read'))).toBe(1);
    expect(series.get('cashe_streams{kind="session"}')).toBe(1);
    expect(series.get('cashe_entry_ops_sum')).toBe(3);
  });

  it('count unary calls by verb, and failures by code', async () => {
    const node = await leader();
    const client = new KVClient(node.clientAddress, credentials.createInsecure());
    try {
      await new Promise((done) => client.get({ key: 'a', consistency: 0 }, done));
      await new Promise((done) => client.get({ key: '', consistency: 0 }, done));
    } finally {
      client.close();
    }
    const failures =
      'cashe_call_failures_total{surface="unary",verb="get",code="INVALID_ARGUMENT"}';
    const series = await leaderSeries((all) => all.get(failures) === 1);
    const labels = 'surface="unary",verb="get",outcome="ok"';
    expect(series.get(`cashe_call_duration_seconds_count{${labels}}`)).toBe(1);
  });

  it(
    'tell how many connections each port has',
    async () => {
      const { hostname, port } = new URL(`http://${(await leader()).restAddress}`);
      const silent = openSocket(Number(port), hostname);
      try {
        const rest = 'cashe_connections{port="rest"}';
        const series = await leaderSeries((all) => all.get(rest) === 1);
        expect(series.get('cashe_connections{port="metrics"}')).toBeGreaterThan(0);
        expect(series.get('cashe_connections{port="client"}')).toBeGreaterThan(0);
        silent.destroy();
        await leaderSeries((all) => all.get(rest) === 0);
      } finally {
        silent.destroy();
      }
    },
    caseMs,
  );

  it('tell of the log, the peers and the process', async () => {
    const followers = cluster.nodes.length - 1;
    const series = await leaderSeries((all) => (all.get('cashe_wal_block_entries_sum') ?? 0) > 0);
    const names = [...series.keys()];
    const lags = names.filter((name) => name.startsWith('cashe_raft_peer_lag_entries{'));
    expect(lags).toHaveLength(followers);
    const connected = names.filter((name) => name.startsWith('cashe_peer_connected{'));
    expect(connected.map((name) => series.get(name))).toEqual([1, 1]);
    expect(series.get('cashe_wal_sync_duration_seconds_count')).toBeGreaterThan(0);
    expect(series.get('cashe_wal_segments')).toBe(1);
    expect(series.get('cashe_members')).toBe(3);
    expect(series.get('cashe_ready')).toBe(1);
    expect(series.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(series.get('process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  it('come as OpenMetrics when a scraper asks for it', async () => {
    const [node] = cluster.nodes as [RunningNode];
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5';
    const open = await get(node, '/metrics', { accept });
    expect(open.type).toContain('application/openmetrics-text; version=1.0.0');
    expect(open.body).toMatch(/^# TYPE cashe_hits counter$/m);
    expect(open.body).toMatch(/^cashe_hits_total\{group="0"\} \d+$/m);
    expect(open.body).toMatch(/\n# EOF\n$/);
    const plain = await get(node, '/metrics');
    expect(plain.type).toContain('text/plain; version=0.0.4');
    expect(plain.body).toMatch(/^# TYPE cashe_hits_total counter$/m);
  });
});
