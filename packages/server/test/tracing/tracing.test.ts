// Goal: one sampled call is one trace, from the SDK through a node that forwards to the leader's
// disk and back; without a provider, or unsampled, there is nothing. Method: three real nodes and
// an SDK in this process, with the SDK of OpenTelemetry as a program would register it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '@cashe/bench';
import { type Cashe, connect } from '@cashe/client';
import { KVClient } from '@cashe/proto';
import { credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { RunningNode } from '../../src/config/options.js';
import { Tracing } from '../../src/tracing/tracing.js';
import { type ObservedNodes, scrape, startObserved } from '../support/observed-nodes.js';

const caseMs = 30_000;
jest.setTimeout(caseMs);
let cluster: ObservedNodes;
let leader: RunningNode;
let follower: RunningNode;
/** Knows only a follower, and follows no leader elsewhere. */
let throughFollower: Cashe;
/** Each case has its own: what ends after a case went with the provider of that case. */
let exporter = new InMemorySpanExporter();

function register(sampler?: Sampler): void {
  exporter = new InMemorySpanExporter();
  const processor = new SimpleSpanProcessor(exporter);
  const provider = new BasicTracerProvider({
    spanProcessors: [processor],
    ...(sampler && { sampler }),
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}

async function leads(node: RunningNode): Promise<boolean> {
  return (await scrape(node)).get('cashe_raft_role{group="0",role="leader"}') === 1;
}

beforeAll(async () => {
  cluster = await startObserved(3);
  const roles = await Promise.all(cluster.nodes.map(async (node) => [await leads(node), node]));
  leader = roles.find(([isLeader]) => isLeader)?.[1] as RunningNode;
  follower = roles.find(([isLeader]) => !isLeader)?.[1] as RunningNode;
  throughFollower = await connect({
    endpoints: [follower.clientAddress],
    tuning: { linksMax: 1 },
  });
}, caseMs);
afterAll(async () => {
  await throughFollower?.close();
  await cluster?.stop();
}, caseMs);
afterEach(() => {
  trace.disable();
  context.disable();
});

/** Spans that ended; those of the leader's disk may end after the answer. */
function spans(count: number): Promise<readonly ReadableSpan[]> {
  return waitUntil('the spans', caseMs / 2, async () => {
    const ended = exporter.getFinishedSpans();
    return ended.length >= count ? ended : undefined;
  });
}

interface Tree {
  readonly [name: string]: Tree;
}

function treeOf(all: readonly ReadableSpan[], parentId?: string): Tree {
  const children = all
    .filter((span) => span.parentSpanContext?.spanId === parentId)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  return Object.fromEntries(
    children.map((span) => [span.name, treeOf(all, span.spanContext().spanId)]),
  );
}

/** Of the leader; both followers append, under one name. */
const written = {
  'cashe.apply': {},
  'cashe.propose': {},
  'cashe.replicate': { 'cashe.append': {} },
  'cashe.sync': {},
};

describe('a sampled call', () => {
  it('through a node that forwards is one trace over all nodes', async () => {
    // The session of the client is opened before anything is traced.
    await throughFollower.set('a', '0');
    register();
    const tracer = trace.getTracer('the application');
    await tracer.startActiveSpan('request', async (span) => {
      await throughFollower.set('a', '1');
      span.end();
    });
    const all = await spans(11);
    expect(new Set(all.map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(treeOf(all)).toEqual({
      request: {
        'cashe.set': {
          'cashe.session.write': {
            'cashe.forward': { 'cashe.forwarded.write': written },
          },
        },
      },
    });
    const appends = all.filter((span) => span.name === 'cashe.append');
    const followers = cluster.nodes.filter((node) => node !== leader).map(({ id }) => id);
    const places = appends.map(({ attributes }) => attributes['cashe.node']);
    expect(places.sort()).toEqual(followers.sort());
    const nodeOf = (name: string): unknown =>
      all.find((span) => span.name === name)?.attributes['cashe.node'];
    expect(nodeOf('cashe.session.write')).toBe(follower.id);
    expect(nodeOf('cashe.forwarded.write')).toBe(leader.id);
    const kinds = Object.fromEntries(all.map(({ name, kind }) => [name, kind]));
    expect(kinds).toMatchObject({
      'cashe.set': SpanKind.CLIENT,
      'cashe.session.write': SpanKind.SERVER,
      'cashe.forward': SpanKind.CLIENT,
      'cashe.forwarded.write': SpanKind.SERVER,
      'cashe.sync': SpanKind.INTERNAL,
    });
    const replicate = all.find((span) => span.name === 'cashe.replicate');
    expect(replicate?.events.map(({ name }) => name)).toContain('acknowledged');
    expect(JSON.stringify(all.map(({ attributes }) => attributes))).not.toContain('"a"');
  });

  it('shares a batch with another: one trace has the batch, the other a link to it', async () => {
    register();
    await Promise.all([throughFollower.set('b', '1'), throughFollower.set('c', '1')]);
    const calls = (await spans(11)).filter(({ name }) => name === 'cashe.set');
    const [first, second] = calls as [ReadableSpan, ReadableSpan];
    expect(first.links).toEqual([]);
    expect(second.links.map((link) => link.context.spanId)).toEqual([first.spanContext().spanId]);
    const batches = exporter
      .getFinishedSpans()
      .filter(({ name }) => name === 'cashe.session.write');
    expect(batches.map((span) => span.parentSpanContext?.spanId)).toEqual([
      first.spanContext().spanId,
    ]);
  });

  it('of a reader is a span on the node that serves it', async () => {
    register();
    await throughFollower.get('a');
    expect(treeOf(await spans(5))).toEqual({
      'cashe.get': {
        'cashe.session.read': {
          'cashe.forward': { 'cashe.forwarded.read': { 'cashe.read': {} } },
        },
      },
    });
  });

  it('without the SDK brings its context in the metadata', async () => {
    register();
    const client = new KVClient(leader.clientAddress, credentials.createInsecure());
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const metadata = new Metadata();
    metadata.set('traceparent', `00-${traceId}-b7ad6b7169203331-01`);
    const request = { key: 'd', value: Buffer.from('1'), ttlMs: undefined, keepTtl: false };
    try {
      await new Promise((done) => client.set(request, metadata, done));
    } finally {
      client.close();
    }
    const all = await spans(7);
    expect(new Set(all.map((span) => span.spanContext().traceId))).toEqual(new Set([traceId]));
    expect(treeOf(all, 'b7ad6b7169203331')).toEqual({ 'cashe.unary.set': written });
  });
});

describe('a sampled call that fails', () => {
  it('has the code and the outcome, and neither key nor value', async () => {
    register();
    const call = throughFollower.set('secret'.repeat(1000), 'value');
    await expect(call).rejects.toMatchObject({ outcome: 'notCommitted' });
    const span = (await spans(1)).find(({ name }) => name === 'cashe.set');
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(span?.attributes).toMatchObject({ 'cashe.outcome': 'notCommitted' });
    const all = exporter.getFinishedSpans();
    const told = all.map(({ attributes, status, events }) => [attributes, status, events]);
    expect(JSON.stringify(told)).not.toMatch(/secret|value/);
  });
});

describe('a sampled REST call', () => {
  it('brings its context in the header, as W3C Trace Context says', async () => {
    register();
    const traceId = '0af7651916cd43dd8448eb211c80319d';
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203332-01` };
    const url = `http://${leader.restAddress}/v1/keys/f`;
    const answer = await fetch(url, { method: 'PUT', body: '1', headers });
    expect(answer.ok).toBe(true);
    await answer.body?.cancel();
    const all = await spans(7);
    expect(new Set(all.map((span) => span.spanContext().traceId))).toEqual(new Set([traceId]));
    const [[name, children] = []] = Object.entries(treeOf(all, 'b7ad6b7169203332'));
    expect(name).toMatch(/^cashe\.rest\./);
    expect(children).toEqual(written);
  });
});

describe('the trace context', () => {
  it('reaches no log: what is durable is the same with and without tracing', async () => {
    register();
    const value = 'durable, and found in the log';
    await throughFollower.set('g', value);
    const all = await spans(1);
    const traceId = all[0]?.spanContext().traceId ?? '';
    const logs = readdirSync(cluster.home, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.wal'))
      .map((file) => readFileSync(join(cluster.home, file)));
    expect(logs.some((log) => log.includes(value))).toBe(true);
    for (const id of [traceId, Buffer.from(traceId, 'hex')]) {
      expect(logs.some((log) => log.includes(id))).toBe(false);
    }
  });
});

describe('nothing is made', () => {
  it('of a call that the sampler leaves out, nor on the nodes it reaches', async () => {
    register(new AlwaysOffSampler());
    await throughFollower.set('e', '1');
    expect(await throughFollower.get('e')).toBe('1');
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it('of a sampled call that the sampler of a node leaves out: it goes on as it came', () => {
    register(new AlwaysOffSampler());
    const sampled = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    expect(new Tracing('n1', '1.0.0').received('session.write', sampled, {})).toBeUndefined();
    register();
    expect(new Tracing('n1', '1.0.0').received('x', sampled.slice(0, -1), {})).toBeUndefined();
    const unsampled = sampled.replace(/01$/, '00');
    expect(new Tracing('n1', '1.0.0').received('x', unsampled, {})).toBeUndefined();
  });

  it('without a provider, also of what a caller sampled', async () => {
    register();
    const unregistered = exporter;
    trace.disable();
    const client = new KVClient(leader.clientAddress, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
    try {
      await new Promise((done) => client.get({ key: 'e', consistency: 0 }, metadata, done));
    } finally {
      client.close();
    }
    await throughFollower.set('e', '2');
    register();
    await throughFollower.set('e', '3');
    await spans(10);
    const roots = exporter.getFinishedSpans().filter((span) => !span.parentSpanContext);
    expect(roots.map(({ name }) => name)).toEqual(['cashe.set']);
    expect(unregistered.getFinishedSpans()).toEqual([]);
  });
});
