/** Real nodes in this process with a metrics port each, and what a scraper reads there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '@cashe/bench';
import type { Founder, RunningNode } from '../../src/config/options.js';
import { startNode } from '../../src/node.js';
import { fakeLogger } from './cli.js';
import { resolve } from './config.js';

const mib = 1024 * 1024;
/** Patient elections: on a busy machine leadership stays where a test found it. */
const tuning = {
  host: { electionTicksMin: 100, electionTicksMax: 150, stickinessTicks: 80 },
  storage: { segmentBytes: 32 * mib, walBytesMax: 64 * mib },
};

export interface ObservedNodes {
  /** Holds the data directories. */
  readonly home: string;
  readonly founders: readonly Founder[];
  readonly nodes: RunningNode[];
  /** Starts the founder with this place in the list. */
  start(place: number): Promise<RunningNode>;
  stop(): Promise<void>;
}

/** With REST on a port of its own; unless `isApart` only the first has one for metrics too. */
export async function observedNodes(count: number, isApart = true): Promise<ObservedNodes> {
  const home = mkdtempSync(join(tmpdir(), 'cashe-observed-'));
  const ports = await freePorts(count * 2);
  const founders = Array.from({ length: count }, (_, i) => ({
    id: `m${i}`,
    client: `127.0.0.1:${ports[2 * i]}`,
    raft: `127.0.0.1:${ports[2 * i + 1]}`,
  }));
  const nodes: RunningNode[] = [];
  return {
    home,
    founders,
    nodes,
    start: async (place) => {
      const id = founders[place]?.id ?? '';
      const { options } = resolve({
        ...{ 'node.id': id, 'node.data_dir': join(home, id), 'cluster.genesis': founders },
      });
      const rest = { host: '127.0.0.1', port: 0 };
      const metrics = place === 0 || isApart ? rest : undefined;
      const observed = { ...options, http: { ...options.http, rest, metrics } };
      const node = await startNode(observed, fakeLogger(), tuning);
      nodes.push(node);
      return node;
    },
    stop: async () => {
      try {
        await Promise.all(nodes.map((node) => node.stop()));
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    },
  };
}

/** All of them, serving. */
export async function startObserved(count: number): Promise<ObservedNodes> {
  const all = await observedNodes(count);
  await Promise.all(all.founders.map((_, place) => all.start(place)));
  await Promise.all(all.nodes.map(({ ready }) => ready));
  return all;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export function get(
  node: RunningNode,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((done, reject) => {
    const url = `http://${node.metricsAddress ?? node.restAddress}${path}`;
    const call = request(url, { headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const type = response.headers['content-type'] ?? '';
        const body = Buffer.concat(chunks).toString('utf8');
        done({ status: response.statusCode ?? 0, type, body });
      });
    });
    call.on('error', reject);
    call.end();
  });
}

/** Values by series, as in the text: `name{label="value"}`. */
export async function scrape(node: RunningNode): Promise<ReadonlyMap<string, number>> {
  const { body } = await get(node, '/metrics');
  return seriesOf(body);
}

export function seriesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}
