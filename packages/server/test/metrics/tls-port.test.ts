// Goal: with TLS on, probes and scrapers reach the metrics port without a certificate of their own,
// and learn when the node's expires. Method: a real node with mutual TLS on its client port.
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningNode } from '../../src/config/options.js';
import { startNode } from '../../src/embedding.js';
import { TestCa, TestPairFiles } from '../support/certificates.js';
import { get, seriesOf } from '../support/observed-nodes.js';

const caseMs = 30_000;
const ca = new TestCa();
const directory = mkdtempSync(join(tmpdir(), 'cashe-metrics-tls-'));
const pair = ca.node('m0');
let node: RunningNode;

beforeAll(async () => {
  const files = new TestPairFiles(directory, 'm0', ca.cert, pair);
  node = await startNode({
    id: 'm0',
    dataDir: join(directory, 'data'),
    listen: '127.0.0.1:0',
    raftListen: '127.0.0.1:0',
    metrics: '127.0.0.1:0',
    tls: { cert: files.certFile, key: files.keyFile, ca: files.caFile, clientAuth: 'require' },
  });
  await node.ready;
}, caseMs);
afterAll(async () => {
  await node?.stop();
}, caseMs);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function getWithTls(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const url = `https://${node.metricsAddress}${path}`;
    const call = request(url, { ca: ca.cert, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
    call.on('error', reject);
    call.end();
  });
}

describe('the metrics port of a node with TLS', () => {
  it('speaks TLS with the certificate of the node, and asks for none', async () => {
    expect(await getWithTls('/livez')).toBe('ok\n');
    expect(await getWithTls('/readyz?verbose')).toContain('[+]certificate ok\n');
  });

  it('tells when the certificate expires', async () => {
    const series = seriesOf(await getWithTls('/metrics'));
    const expiry = series.get('cashe_tls_certificate_expiry_timestamp_seconds');
    expect(expiry).toBe(Date.parse(new X509Certificate(pair.cert).validTo) / 1000);
    expect(series.get('cashe_tls_files_unusable')).toBe(0);
  });

  it('tells who speaks plain text that it speaks TLS, and nothing else', async () => {
    const answer = await get(node, '/livez');
    expect(answer.status).toBe(400);
    expect(answer.body).toContain('TLS');
  });
});
