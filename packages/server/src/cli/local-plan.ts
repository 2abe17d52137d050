/** What `npm start` runs: ids, ports, directories and command lines of three nodes. Pure. */
import { join } from 'node:path';
import type { Founder } from '../config/options.js';

export interface LocalOptions {
  readonly basePort: number;
  readonly dataDir: string;
  readonly logLevel: string;
}

export interface LocalNode {
  readonly id: string;
  readonly clientPort: number;
  readonly raftPort: number;
  /** Arguments of the `cashe` command. */
  readonly args: readonly string[];
}

export interface LocalPlan {
  readonly nodes: readonly LocalNode[];
  readonly foundersFile: string;
  readonly foundersJson: string;
}

const nodeCount = 3;
const raftPortOffset = 1000;
/** So that the last peer port is a port. */
export const basePortMax: number = 65535 - raftPortOffset - (nodeCount - 1);

export function localPlan(options: LocalOptions): LocalPlan {
  const foundersFile = join(options.dataDir, 'cluster.json');
  const founders = Array.from({ length: nodeCount }, (_, index): Founder => {
    const port = options.basePort + index;
    return {
      id: `raft${index}`,
      client: `127.0.0.1:${port}`,
      raft: `127.0.0.1:${port + raftPortOffset}`,
    };
  });
  const nodes = founders.map((founder, index): LocalNode => {
    const clientPort = options.basePort + index;
    const raftPort = clientPort + raftPortOffset;
    // Data founded on other ports has the old addresses; routes let the nodes meet on these.
    const routes = founders
      .filter((other) => other.id !== founder.id)
      .map((other) => `--peer-route=${other.id}=${other.raft}`);
    const args = [
      'serve',
      `--config=${foundersFile}`,
      `--id=${founder.id}`,
      `--listenaddr=:${clientPort}`,
      `--raftaddr=:${raftPort}`,
      `--data-dir=${join(options.dataDir, founder.id)}`,
      `--log-level=${options.logLevel}`,
      '--log-format=pretty',
      ...routes,
    ];
    return { id: founder.id, clientPort, raftPort, args };
  });
  const foundersJson = `${JSON.stringify({ cluster: { genesis: founders } }, null, 2)}\n`;
  return { nodes, foundersFile, foundersJson };
}

export const clientAddress = (node: LocalNode): string => `localhost:${node.clientPort}`;

/** What a newcomer sees once the cluster serves. */
export function welcome(
  running: readonly LocalNode[],
  leaderId: string,
  options: LocalOptions,
): string {
  const port = running[0]?.clientPort ?? options.basePort;
  const endpoint = `localhost:${port}`;
  const at = port === 3000 ? '' : ` --endpoint=${endpoint}`;
  const nodes = running.map((node) => {
    const leads = node.id === leaderId ? '   leads' : '';
    const clients = `clients ${clientAddress(node)}`;
    return `  ${node.id}   ${clients}   peers localhost:${node.raftPort}${leads}`;
  });
  return `
Cashe serves: ${running.length} nodes, data in ${options.dataDir}
${nodes.join('\n')}

Try it from another terminal:
  npx cashe set greeting hello${at}
  npx cashe get greeting${at}
  npx cashe status${at}

From a program:
  import { connect } from '@cashe/client';
  const cashe = await connect({ endpoints: ['${endpoint}'] });
  await cashe.set('greeting', 'hello', { ttlMs: 60_000 });

From any gRPC client (the server has reflection):
  grpcurl -plaintext -d '{"key":"greeting"}' ${endpoint} cashe.v1.KV/Get
  npx buf curl --protocol grpc --http2-prior-knowledge -d '{"key":"greeting"}' \\
    http://${endpoint}/cashe.v1.KV/Get

Ctrl-C stops it; the data stays.
`;
}
