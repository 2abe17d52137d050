// Goal: every example in configs/ is accepted, and the clusters that fit on one machine serve.
// Method: `cashe config check` on the files as they are; the nodes as real processes on a copy
// whose ports are free ones; then the smoke test that the containers run, on all of them.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '@cashe/bench';
import { casheCommand, ExampleCluster, repository, runScript } from './support/example-cluster.js';

const configs = join(repository, 'configs');
const smoke = join(repository, 'deploy/checks/smoke.mjs');
const nodeCount = 3;
const testTimeoutMs = 60_000;

let directory = '';
let cluster: ExampleCluster;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-configs-'));
  cluster = new ExampleCluster(directory);
});

afterEach(async () => {
  await cluster.stop();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function readExample(name: string): string {
  return readFileSync(join(configs, name), 'utf8');
}

/** Certificates as the example's first lines say. */
function makeCertificates(): void {
  mkdirSync(join(directory, 'certs'));
  for (const file of ['gen.sh', 'certs/server-ext.cnf', 'certs/client-ext.cnf']) {
    cpSync(join(repository, file), join(directory, file));
  }
  const { status } = spawnSync('/bin/sh', ['gen.sh', 'certs'], { cwd: directory });
  expect(status).toBe(0);
}

/** The nodes may still be founding: the smoke test waits for each of its calls. */
async function expectServed(endpoints: readonly string[], tls: readonly string[]): Promise<void> {
  const { exitCode, output } = await runScript([smoke, ...tls, ...endpoints], directory);
  const log = readFileSync(join(directory, 'nodes.log'), 'utf8');
  if (exitCode !== 0) throw new Error(`${output}\n${log}`);
}

describe('the examples of configs/', () => {
  it.each(readdirSync(configs))('%s passes cashe config check', async (name) => {
    const args = [casheCommand, 'config', 'check', join(configs, name)];
    const { exitCode, output } = await runScript(args, repository);
    expect(output).toBe(`${join(configs, name)}: no problems\n`);
    expect(exitCode).toBe(0);
  });

  it(
    'local-mtls.yaml is a cluster with mutual TLS',
    async () => {
      makeCertificates();
      const ports = await freePorts(2 * nodeCount);
      const text = readExample('local-mtls.yaml').replace(
        /localhost:([34])00(\d)/g,
        (_, kind: string, node: string) =>
          `localhost:${ports[Number(node) + (kind === '3' ? 0 : nodeCount)]}`,
      );
      writeFileSync(join(directory, 'local-mtls.yaml'), text);
      for (let node = 0; node < nodeCount; node += 1) {
        const pair = [`--tls-cert=certs/cashe${node}.crt`, `--tls-key=certs/cashe${node}.key`];
        cluster.start(['--config=local-mtls.yaml', `--id=cashe${node}`, ...(node > 0 ? pair : [])]);
      }
      const endpoints = ports.slice(0, nodeCount).map((port) => `localhost:${port}`);
      await expectServed(endpoints, ['--tls=certs']);
      expect(await cluster.stop()).toEqual([0, 0, 0]);
    },
    testTimeoutMs,
  );

  it(
    'minicache-nodes.json is a cluster',
    async () => {
      const ports = await freePorts(3 * nodeCount);
      const example = JSON.parse(readExample('minicache-nodes.json')) as {
        readonly nodes: Record<string, Record<string, unknown>>;
      };
      const names = Object.keys(example.nodes);
      for (const [index, node] of Object.values(example.nodes).entries()) {
        node['grpc_port'] = ports[index];
        node['raft_port'] = ports[index + nodeCount];
        node['rest_port'] = ports[index + 2 * nodeCount];
      }
      writeFileSync(join(directory, 'nodes.json'), JSON.stringify(example));
      for (const name of names) cluster.start(['--config=nodes.json', `--id=${name}`]);
      const endpoints = ports.slice(0, nodeCount).map((port) => `127.0.0.1:${port}`);
      await expectServed(endpoints, []);
      expect(await cluster.stop()).toEqual([0, 0, 0]);
    },
    testTimeoutMs,
  );
});
