// Goal: with TLS, REST is HTTPS with the node's certificate, callers are who their certificate or
// token says, the policy decides what they may, and new certificates need no restart.
// Method: real nodes with certificates made here, requests over https.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { type Agent, request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningNode } from '../../src/index.js';
import { TlsMaterial } from '../../src/net/tls-material.js';
import { realScheduler } from '../../src/node/real-ports.js';
import { HttpPort } from '../../src/rest/http-port.js';
import { defaultHttpLimits } from '../../src/rest/limits.js';
import { TestCa, type TestPair, TestPairFiles } from '../support/certificates.js';
import { post, RestNodes } from './support/rest-nodes.js';

const ca = new TestCa();
const ignore = (): void => undefined;
const nodes = new RestNodes();
const token = 'a-token-of-a-test';
let directory = '';
let files: TestPairFiles;
let node: RunningNode;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-rest-tls-'));
  files = new TestPairFiles(directory, 's0', ca.cert, ca.node('s0'));
  const { certFile: cert, keyFile: key, caFile } = files;
  node = await nodes.one({
    id: 's0',
    compat: true,
    tls: { cert, key, ca: caFile, clientAuth: 'request' },
    access: {
      roles: [
        {
          name: 'app',
          grants: [
            { verb: 'read', prefix: '' },
            { verb: 'write', prefix: 'app/' },
          ],
        },
      ],
      bindings: [
        { principal: 'client/app', role: 'app' },
        { principal: 'token/ci', role: 'app' },
      ],
      tokens: [{ name: 'ci', sha256: createHash('sha256').update(token).digest('hex') }],
    },
    tuning: { certificatePollMs: 10 },
  });
}, 30_000);

afterAll(async () => {
  await nodes.stopAll();
}, 30_000);
afterAll(() => rmSync(directory, { recursive: true }));

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
  readonly pair?: TestPair;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
}

interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly serial: string;
}

function ask({ method = 'GET', path, body, pair, headers = {} }: Asked): Promise<Told> {
  const url = `https://${node.restAddress}${path}`;
  return new Promise((resolve, reject) => {
    const options = { ...pair, ca: ca.cert, method, headers, agent: false as const };
    const request = httpsRequest(url, options, (response) => {
      const { serialNumber: serial } = (response.socket as TLSSocket).getPeerCertificate();
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, serial });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

const put = (path: string, more: Partial<Asked> = {}): Promise<Told> =>
  ask({ method: 'PUT', path: `/v1/keys/${path}`, body: 'v', ...more });

describe('REST with TLS', () => {
  it('knows callers by their certificate', async () => {
    const pair = ca.client('app');
    expect((await put('app%2F1', { pair })).status).toBe(200);
    const denied = await put('other', { pair });
    expect([denied.status, JSON.parse(denied.text)]).toMatchObject([
      403,
      { code: 'PERMISSION_DENIED', message: expect.stringContaining('write') },
    ]);
    expect(denied.headers['cashe-outcome']).toBe('not_committed');
  });

  it('knows callers by their token, which wins over the certificate', async () => {
    const headers = { authorization: `Bearer ${token}` };
    expect((await put('app%2F2', { headers })).status).toBe(200);
    const both = await put('other', { headers, pair: ca.admin('root') });
    expect(both.status).toBe(403);
  });

  it('refuses a token that nobody knows, on every surface, and says what it takes', async () => {
    for (const path of ['/v1/keys/k', '/v1/openapi.json', '/v1/cluster', '/get/k']) {
      const answer = await ask({ path, headers: { authorization: 'Bearer unknown' } });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="cashe"');
    }
  });

  it('gives who is nobody no rights, in compatible routes neither', async () => {
    expect((await put('app%2F3')).status).toBe(403);
    const answer = await ask({ path: '/get/app%2F1' });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      403,
      { error: expect.stringContaining('read') },
    ]);
  });

  it('checks every op of a batch', async () => {
    const ops = [
      { op: 'set', key: 'app/4', value: '' },
      { op: 'set', key: 'other', value: '' },
      { op: 'get', key: 'other' },
    ];
    const answer = await ask({
      method: 'POST',
      path: '/v1/batch',
      pair: ca.client('app'),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ops }),
    });
    const { results } = JSON.parse(answer.text) as { results: readonly { code: string }[] };
    expect(results.map(({ code }) => code)).toEqual(['OK', 'PERMISSION_DENIED', 'OK']);
  });

  it('leaves members to admins, and dials nobody for others', async () => {
    const add = (pair: TestPair): Promise<Told> =>
      ask({
        method: 'POST',
        path: '/v1/cluster/members',
        pair,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ node_id: 'x', raft_address: '127.0.0.1:1' }),
      });
    expect((await add(ca.client('app'))).status).toBe(403);
    expect((await add(ca.admin('root'))).status).toBe(503);
  });

  it('adds a node that waits, over mutual TLS, for an admin', async () => {
    const waitingFiles = new TestPairFiles(directory, 's1', ca.cert, ca.node('s1'));
    const { certFile: cert, keyFile: key, caFile } = waitingFiles;
    const joiner = await nodes.start({
      id: 's1',
      waitForJoin: true,
      tls: { cert, key, ca: caFile, clientAuth: 'request' },
    });
    const add = (pair: TestPair): Promise<Told> =>
      ask({
        method: 'POST',
        path: '/join',
        pair,
        body: JSON.stringify({ id: 's1', addr: joiner.raftAddress }),
      });
    expect((await add(ca.client('app'))).status).toBe(403);
    expect((await add(ca.admin('root'))).status).toBe(200);
    await joiner.ready;
  }, 30_000);

  it('keeps hashes of tokens to itself', async () => {
    const answer = await ask({ path: '/v1/cluster/access', pair: ca.admin('root') });
    expect(JSON.parse(answer.text)).toMatchObject({ policy: { tokens: [{ name: 'ci' }] } });
    expect(answer.text).not.toContain('sha256');
  });

  it('replaces the policy only when it is the one that was read', async () => {
    const pair = ca.admin('root');
    const read = await ask({ path: '/v1/cluster/access', pair });
    const { policy, revision } = JSON.parse(read.text) as { policy: unknown; revision: number };
    const write = (expected: number): Promise<Told> =>
      ask({
        method: 'PUT',
        path: '/v1/cluster/access',
        pair,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ policy, expected_revision: expected }),
      });
    const stale = await write(revision + 5);
    expect([stale.status, JSON.parse(stale.text)]).toMatchObject([409, { code: 'ABORTED' }]);
    const written = await write(revision);
    expect([written.status, JSON.parse(written.text)]).toEqual([200, { revision: revision + 1 }]);
    // Tokens without a hash keep the one they had.
    const headers = { authorization: `Bearer ${token}` };
    expect((await put('app%2F9', { headers })).status).toBe(200);
  });

  it('is no plain HTTP', async () => {
    const { status, text } = await post(node, '/v1/batch', { ops: [] });
    expect({ status, text }).toEqual({ status: 400, text: 'this port speaks TLS: use https\n' });
  });

  it('ends a handshake that does not go on', async () => {
    const log = { error: ignore, warn: ignore, info: ignore, debug: ignore };
    const tlsFiles = files.tls('none');
    const from = { files: tlsFiles, nodeId: 's0', log, scheduler: realScheduler };
    const material = await TlsMaterial.load(from);
    const limits = { ...defaultHttpLimits, headTimeoutMs: 100 };
    const tls = { material, clientAuth: 'none' } as const;
    const port = await HttpPort.create({ log, limits, tls, register: ignore });
    const bound = await port.bind([{ host: '127.0.0.1', port: 0 }]);
    const socket = connect(bound, '127.0.0.1');
    socket.on('error', ignore);
    // The head of a TLS record, whose rest never comes.
    socket.write(Buffer.of(0x16, 3, 1, 2, 0, 1));
    await new Promise((resolve) => socket.once('close', resolve));
    await port.close();
    material.close();
  });

  it('uses new certificate files for new connections', async () => {
    const { serial } = await ask({ path: '/v1/cluster', pair: ca.admin('root') });
    files.replace(ca.node('s0'));
    let now = serial;
    while (now === serial)
      now = (await ask({ path: '/v1/cluster', pair: ca.admin('root') })).serial;
    expect(now).not.toBe(serial);
  });
});
