/** Embedded nodes with REST on loopback, and requests to them over real HTTP. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '@cashe/bench';
import type { EmbeddedNodeOptions, RunningNode } from '../../../src/index.js';
import { startNode } from '../../../src/index.js';

export class RestNodes {
  readonly #running: RunningNode[] = [];
  #directory: string | undefined;

  async start(options: EmbeddedNodeOptions = {}): Promise<RunningNode> {
    // At once: several nodes that start together share it.
    this.#directory ??= mkdtempSync(join(tmpdir(), 'cashe-rest-'));
    const { id = 'raft0' } = options;
    const node = await startNode({
      listen: '127.0.0.1:0',
      raftListen: '127.0.0.1:0',
      rest: '127.0.0.1:0',
      dataDir: join(this.#directory, id),
      drainMs: 2_000,
      ...options,
      id,
    });
    this.#running.push(node);
    return node;
  }

  /** One node that serves. */
  async one(options: EmbeddedNodeOptions = {}): Promise<RunningNode> {
    const node = await this.start(options);
    await node.ready;
    return node;
  }

  /** Three founders that serve. */
  async three(options: EmbeddedNodeOptions = {}): Promise<readonly RunningNode[]> {
    const ports = await freePorts(6);
    const founders = [0, 1, 2].map((i) => ({
      id: `r${i}`,
      client: `127.0.0.1:${ports[2 * i]}`,
      raft: `127.0.0.1:${ports[2 * i + 1]}`,
    }));
    const nodes = await Promise.all(
      founders.map(({ id, client, raft }) =>
        this.start({ ...options, id, founders, listen: client, raftListen: raft }),
      ),
    );
    await Promise.all(nodes.map((node) => node.ready));
    return nodes;
  }

  async stopAll(): Promise<void> {
    try {
      await Promise.all(this.#running.splice(0).map((node) => node.stop()));
    } finally {
      if (this.#directory !== undefined) await rm(this.#directory, { recursive: true });
      this.#directory = undefined;
    }
  }
}

export function urlOf(node: RunningNode, path: string): string {
  return `http://${node.restAddress}${path}`;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  readonly text: string;
  readonly json: unknown;
}

/** One request; the whole answer is read. */
export async function ask(
  node: RunningNode,
  method: string,
  path: string,
  init: Omit<RequestInit, 'method'> = {},
): Promise<Answer> {
  return await askUrl(urlOf(node, path), method, init);
}

export async function askUrl(
  url: string,
  method: string,
  init: Omit<RequestInit, 'method'> = {},
): Promise<Answer> {
  const response = await fetch(url, { ...init, method });
  const bytes = Buffer.from(await response.arrayBuffer());
  const text = bytes.toString();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  const json: unknown = isJson && text !== '' ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, bytes, text, json };
}

export async function post(node: RunningNode, path: string, body: unknown): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  return await ask(node, 'POST', path, { headers, body: JSON.stringify(body) });
}
