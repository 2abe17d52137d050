// Goal: metrics stay bounded whatever is reported, and scrapes cost the same however many ask.
import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { CallMetrics } from '../../src/metrics/call-metrics.js';
import { Exposition, toOpenMetrics } from '../../src/metrics/exposition.js';
import { HostMetrics } from '../../src/metrics/host-metrics.js';
import { Instruments } from '../../src/metrics/instruments.js';
import { seriesOf } from '../support/observed-nodes.js';

function callMetrics(): { readonly registry: Registry; readonly calls: CallMetrics } {
  const registry = new Registry();
  return { registry, calls: new CallMetrics(new Instruments(registry)) };
}

describe('labels', () => {
  it('of verbs and codes are bounded: what is one too many counts as other', async () => {
    const { registry, calls } = callMetrics();
    const reporter = calls.calls('rest');
    for (let i = 0; i < 1000; i++) reporter.answered(`verb${i}`, `CODE${i}`, 1);
    const names = [...seriesOf(await registry.metrics()).keys()];
    const counts = names.filter((name) => name.startsWith('cashe_call_duration_seconds_count'));
    expect(counts.length).toBeLessThan(150);
    expect(counts.join()).toContain('verb="other"');
    const failures = names.filter((name) => name.startsWith('cashe_call_failures_total'));
    expect(failures.length).toBeLessThan(150);
    expect(failures.join()).toContain('code="other"');
  });
});

describe('elections and leader changes', () => {
  it('count candidacies, and each new leader or term once', async () => {
    const registry = new Registry();
    const instruments = new Instruments(registry);
    const host = new HostMetrics(instruments, new CallMetrics(instruments));
    host.leadership(0, { role: 'follower', leaderId: 0, term: 1 });
    host.leadership(0, { role: 'candidate', leaderId: 0, term: 2 });
    host.leadership(0, { role: 'candidate', leaderId: 0, term: 3 });
    host.leadership(0, { role: 'leader', leaderId: 1, term: 3 });
    host.leadership(0, { role: 'follower', leaderId: 1, term: 3 });
    host.leadership(0, { role: 'follower', leaderId: 2, term: 4 });
    const series = seriesOf(await registry.metrics());
    expect(series.get('cashe_raft_elections_total{group="0"}')).toBe(2);
    expect(series.get('cashe_raft_leader_changes_total{group="0"}')).toBe(2);
  });
});

describe('scrapes', () => {
  it('that come together or shortly after each other share one text', async () => {
    let refreshes = 0;
    let nowMs = 0;
    const exposition = new Exposition(
      new Registry(),
      () => {
        refreshes += 1;
      },
      () => nowMs,
    );
    await Promise.all([exposition.text(), exposition.text(), exposition.text()]);
    nowMs = 249;
    await exposition.text();
    expect(refreshes).toBe(1);
    nowMs = 250;
    await exposition.text();
    expect(refreshes).toBe(2);
  });

  it('fail only once when reading fails', async () => {
    let failures = 1;
    const exposition = new Exposition(
      new Registry(),
      () => {
        if (failures-- > 0) throw new Error('not now');
      },
      () => 0,
    );
    await expect(exposition.text()).rejects.toThrow('not now');
    expect(await exposition.text()).toBe('\n');
  });
});

describe('toOpenMetrics', () => {
  it('names families of counters without _total and ends with EOF', () => {
    const text = '# HELP a_total A.\n# TYPE a_total counter\na_total 1\n\n# TYPE b gauge\nb 2\n';
    expect(toOpenMetrics(text)).toBe(
      '# HELP a A.\n# TYPE a counter\na_total 1\n# TYPE b gauge\nb 2\n# EOF\n',
    );
  });
});
