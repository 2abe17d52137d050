/** Real nodes with an access policy, clients of several principals, and what is audited. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cashe, type ConnectOptions, connect } from '@cashe/client';
import type { AccessGrant, AccessPolicy, AccessVerb } from '@cashe/codec';
import { ClusterClient, KVClient } from '@cashe/proto';
import { type Client, credentials, Metadata } from '@grpc/grpc-js';
import { newToken, tokenSha256 } from '../../src/access/tokens.js';
import type { Logger } from '../../src/host/index.js';
import { type EmbeddedNodeOptions, type RunningNode, startNode } from '../../src/index.js';
import { policyMessage, policyOf } from '../../src/wire/access-policy.js';
import { answer } from '../support/api-fixture.js';
import { SessionClient } from '../support/session-client.js';

export type Line = Readonly<Record<string, unknown>>;

/** A role and a token of the same name for each list of grants. */
export class Policies {
  readonly secrets = new Map<string, string>();

  of(roles: Readonly<Record<string, readonly AccessGrant[]>>): AccessPolicy {
    const names = Object.keys(roles);
    return {
      roles: names.map((name) => ({ name, grants: roles[name] ?? [] })),
      bindings: names.map((name) => ({ principal: `token/${name}`, role: name })),
      tokens: names.map((name) => ({ name, sha256: tokenSha256(this.secretOf(name)) })),
    };
  }

  secretOf(name: string): string {
    const secret = this.secrets.get(name) ?? newToken();
    this.secrets.set(name, secret);
    return secret;
  }
}

export const grants = (prefix: string, ...verbs: readonly AccessVerb[]): readonly AccessGrant[] =>
  verbs.map((verb) => ({ verb, prefix }));

export const everything: readonly AccessGrant[] = grants('', 'read', 'write', 'admin');

/** Starts nodes and clients for a test file; `end` stops all of them. */
export class Place {
  readonly policies: Policies = new Policies();
  readonly audited: Line[] = [];
  #directory = '';
  readonly #nodes: RunningNode[] = [];
  readonly #clients: Cashe<'string'>[] = [];
  readonly #channels: Client[] = [];

  /** One node that serves; of several founders, start all and wait for `ready` then. */
  async node(options: EmbeddedNodeOptions): Promise<RunningNode> {
    const node = await this.start(options);
    await node.ready;
    return node;
  }

  async start(options: EmbeddedNodeOptions): Promise<RunningNode> {
    // At once: several nodes that start together share it.
    if (this.#directory === '') this.#directory = mkdtempSync(join(tmpdir(), 'cashe-access-'));
    const { id = 'raft0' } = options;
    const node = await startNode({
      listen: '127.0.0.1:0',
      raftListen: '127.0.0.1:0',
      dataDir: join(this.#directory, id),
      drainMs: 500,
      log: this.#log(),
      ...options,
      id,
    });
    this.#nodes.push(node);
    return node;
  }

  /** An SDK client with the token of that name; none without a name. */
  async client(
    node: RunningNode,
    name?: string,
    options: Omit<ConnectOptions, 'values'> = {},
  ): Promise<Cashe<'string'>> {
    const token = name === undefined ? undefined : this.policies.secretOf(name);
    const client = await connect({ endpoints: [node.clientAddress], token, ...options });
    this.#clients.push(client);
    return client;
  }

  /** A Session stream whose messages the test writes itself. */
  session(node: RunningNode, name: string): SessionClient {
    const track = <T extends Client>(client: T): T => this.#track(client);
    const target = { address: node.clientAddress, track };
    return new SessionClient(target, { metadata: this.metadata(name) });
  }

  kv(node: RunningNode, creds: credentialsType = credentials.createInsecure()): KVClient {
    return this.#track(new KVClient(node.clientAddress, creds));
  }

  cluster(node: RunningNode, creds: credentialsType = credentials.createInsecure()): ClusterClient {
    return this.#track(new ClusterClient(node.clientAddress, creds));
  }

  metadata(name?: string): Metadata {
    const metadata = new Metadata();
    if (name !== undefined) {
      metadata.set('authorization', `Bearer ${this.policies.secretOf(name)}`);
    }
    return metadata;
  }

  /** Replaces the policy, as whom the token names; resolves when the leader has applied it. */
  async setPolicy(node: RunningNode, policy: AccessPolicy, name = 'root'): Promise<void> {
    const cluster = this.cluster(node);
    const metadata = this.metadata(name);
    const before = await answer<{ revision: number }>((done) =>
      cluster.getAccess({}, metadata, done),
    );
    const request = { policy: policyMessage(policy), expectedRevision: before.revision };
    await answer((done) => cluster.setAccess(request, metadata, done));
  }

  async policy(node: RunningNode, name = 'root'): Promise<AccessPolicy> {
    const found = await answer<{ policy: Parameters<typeof policyOf>[0] | undefined }>((done) =>
      this.cluster(node).getAccess({}, this.metadata(name), done),
    );
    return policyOf(found.policy ?? { roles: [], bindings: [], tokens: [] });
  }

  async end(): Promise<void> {
    for (const channel of this.#channels.splice(0)) channel.close();
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
    try {
      await Promise.all(this.#nodes.splice(0).map((node) => node.stop()));
    } finally {
      if (this.#directory !== '') await rm(this.#directory, { recursive: true });
      this.#directory = '';
      this.audited.length = 0;
    }
  }

  #track<T extends Client>(client: T): T {
    this.#channels.push(client);
    return client;
  }

  #log(): Logger {
    const take = (_message: string, fields: Line = {}): void => {
      if (fields['audit'] === true) this.audited.push(fields);
    };
    return { error: take, warn: take, info: take, debug: () => undefined };
  }
}

type credentialsType = ReturnType<typeof credentials.createInsecure>;

/** The code a promise rejects with; `OK` when it does not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'OK';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
