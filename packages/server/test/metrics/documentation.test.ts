// Goal: dashboard, alert rules and documentation speak of what a node really exports and logs, and
// leave nothing out. Method: one real node, and the files of the repository.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { Metrics } from '../../src/metrics/metrics.js';
import { get, type ObservedNodes, startObserved } from '../support/observed-nodes.js';
import { labelNames, metricNames } from '../support/promql.js';

const caseMs = 30_000;
const root = join(__dirname, '../../../..');
const docs = readFileSync(join(root, 'docs/metrics.md'), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly runbook: string; readonly summary: string };
}

const rules = (
  parse(readFileSync(join(root, 'deploy/alerts.yaml'), 'utf8')) as {
    groups: { rules: Rule[] }[];
  }
).groups.flatMap((group) => group.rules);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboard = JSON.parse(readFileSync(join(root, 'deploy/grafana-dashboard.json'), 'utf8')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: unknown };
};
const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, expr] as const),
  ),
];

let cluster: ObservedNodes;
/** Names of families to their types, as a scraper sees them. */
let exported: ReadonlyMap<string, string>;

beforeAll(async () => {
  cluster = await startObserved(1);
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error('no node');
  const { body } = await get(node, '/metrics');
  const types = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  exported = new Map(types.map(([, name = '', type = '']) => [name, type]));
}, caseMs);
afterAll(async () => {
  await cluster?.stop();
}, caseMs);

/** `a_bucket`, `a_sum` and `a_count` belong to the histogram `a`. */
function isExported(name: string): boolean {
  if (exported.has(name) || name === 'up') return true;
  const family = name.replace(/_(bucket|sum|count)$/, '');
  return exported.get(family) === 'histogram';
}

describe('metricNames', () => {
  it.each<[string, string[]]>([
    [
      'sum by (le, job) (rate(a_total{x="y(z)"}[5m])) / on (job) group_left b > 0.8',
      ['a_total', 'b'],
    ],
    ['histogram_quantile(0.99, sum(rate(c_bucket[$__rate_interval])) by (le))', ['c_bucket']],
    ['a offset 5m and b unless c == bool 1e3', ['a', 'b', 'c']],
    ['d - time() < 14 * 86400', ['d']],
  ])('finds them in %s', (expression, names) => {
    expect(metricNames(expression).filter((name) => !/^\d/.test(name))).toEqual(names);
  });
});

describe('deploy/alerts.yaml and deploy/grafana-dashboard.json', () => {
  it('use only metrics that a node exports', () => {
    expect(expressions.length).toBeGreaterThan(50);
    const unknown = expressions.flatMap(([where, expression]) => {
      const names = metricNames(expression);
      expect(names).not.toEqual([]);
      return names.filter((name) => !isExported(name)).map((name) => `${where}: ${name}`);
    });
    expect(unknown).toEqual([]);
  });

  it('use only labels that the metrics have', () => {
    const known = new Set(['job', 'instance', 'le']);
    for (const { labels } of descriptions()) for (const label of labels) known.add(label);
    const unknown = expressions.flatMap(([where, expression]) =>
      labelNames(expression)
        .filter((name) => !known.has(name))
        .map((name) => `${where}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it('have unique panels, and a summary, a severity and a runbook for each alert', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { alert, labels, annotations } of rules) {
      expect(['info', 'warning', 'critical']).toContain(labels.severity);
      expect(annotations.summary).not.toBe('');
      expect(annotations.runbook).toBe(`docs/metrics.md#${alert.toLowerCase()}`);
    }
  });
});

/** Of a node that is not started: they exist before they have values. */
function descriptions(): Metrics['descriptions'] {
  const never = (): never => {
    throw new Error('not asked');
  };
  const sources = { view: never, condition: never, peers: never, drops: never };
  const metrics = new Metrics(
    { ...sources, load: never, httpConnections: never, certificate: never, ending: never },
    { version: '', nodeVersion: '' },
  );
  metrics.close();
  return metrics.descriptions;
}

describe('docs/metrics.md', () => {
  it('lists every metric with its type and labels, and no other', () => {
    const rows = [...docs.matchAll(/^\| `(\w+)` \| (gauge|counter|histogram) \|([^|]*)\|/gm)].map(
      ([, name, type, labels = '']) =>
        `${name} ${type} ${labels.replaceAll('`', '').trim()}`.trim(),
    );
    const made = descriptions().map(({ name, type, labels }) =>
      `${name} ${type} ${labels.join(', ')}`.trim(),
    );
    expect([...rows].sort()).toEqual([...made].sort());
    expect([...exported.keys()].sort()).toEqual(
      descriptions()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('lists every reason of a refusal, and no other', () => {
    const source = readFileSync(join(root, 'packages/server/src/metrics/reporters.ts'), 'utf8');
    const union = /export type RefusalReason =([^;]+);/.exec(source)?.[1] ?? '';
    const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason]) => reason);
    const part = docs.slice(docs.indexOf('### Refusals'), docs.indexOf('\n## Alerts'));
    const rows = [...part.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason);
    expect(rows.sort()).toEqual(reasons.sort());
  });

  it('describes every alert, and no other', () => {
    const part = docs.slice(docs.indexOf('\n## Alerts'), docs.indexOf('\n## Log lines'));
    const headings = [...part.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
    expect(headings.sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });

  it('explains every log line above debug', () => {
    const part = docs.slice(docs.indexOf('\n## Log lines'), docs.indexOf('\n## Traces'));
    const explained = new Set([...part.matchAll(/`([^`]+)`/g)].map(([, message]) => message));
    const missing = logMessages().filter((message) => !explained.has(message));
    expect(missing).toEqual([]);
  });
});

/** The messages that the server's sources log with a literal. */
function logMessages(): string[] {
  const src = join(root, 'packages/server/src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' });
  const calls = /\blog(?:ger)?\.(?:error|warn|info)\(\s*'((?:[^'\\]|\\.)+)'/g;
  return files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(join(src, file), 'utf8').matchAll(calls)])
    .map(([, message = '']) => message);
}
