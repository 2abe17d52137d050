/**
 * `npm start`: three real server processes in one terminal. Starts them, waits until the cluster
 * serves, says what to try, keeps them running, and stops them in order on Ctrl-C.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { describeFailure } from '../failure.js';
import { basePortMax, type LocalOptions, localPlan, welcome } from './local-plan.js';
import { LocalCluster } from './local-supervisor.js';
import { firstTakenPort } from './ports.js';

const serveTimeoutMs = 30_000;
const secondSignalMs = 500;

export async function main(argv: readonly string[]): Promise<void> {
  try {
    const options = parseOptions(argv);
    process.exitCode = options === undefined ? 0 : await run(options);
  } catch (error) {
    const usage = error instanceof CommanderError;
    const { line } = describeFailure(error);
    complain(usage ? `${line.replace(/^error: /, '').replaceAll('\n', ' ')} (see --help)` : line);
    process.exitCode = usage ? 2 : 1;
  }
}

const complain = (line: string): void => {
  process.stderr.write(`local cluster: ${line}\n`);
};

function parseOptions(argv: readonly string[]): LocalOptions | undefined {
  const command = new Command('npm start --')
    .description('Starts three nodes on this machine; Ctrl-C stops them, the data stays.')
    .option('--base-port <PORT>', 'clients on PORT to PORT+2, peers 1000 higher', portWord, 3000)
    .option('--data-dir <DIR>', 'one directory per node below it', './data/local')
    .addOption(
      new Option('--log-level <LEVEL>', 'what the nodes log')
        .choices(['error', 'warn', 'info', 'debug'])
        .default('info'),
    )
    .exitOverride()
    .configureOutput({ writeErr: () => {} }); // The thrown error has the text.
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    throw error;
  }
  return command.opts();
}

function portWord(word: string): number {
  const port = /^[0-9]{1,5}$/.test(word) ? Number(word) : 0;
  if (port >= 1 && port <= basePortMax) return port;
  throw new InvalidArgumentError(`must be a port from 1 to ${basePortMax}`);
}

async function run(options: LocalOptions): Promise<number> {
  const plan = localPlan(options);
  const ports = plan.nodes.flatMap((node) => [node.clientPort, node.raftPort]);
  const taken = await firstTakenPort(ports);
  if (taken !== undefined) {
    const other = options.basePort === 3100 ? 3200 : 3100;
    complain(`port ${taken} is in use; free it or run: npm start -- --base-port ${other}`);
    return 1;
  }
  mkdirSync(options.dataDir, { recursive: true });
  writeFileSync(plan.foundersFile, plan.foundersJson);
  const command = fileURLToPath(new URL('../../bin/cashe.mjs', import.meta.url));
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const cluster = new LocalCluster(plan, command, print);
  const stopped = stopOnSignal(cluster, print);
  cluster.start();
  const serving = await cluster.waitUntilServing(serveTimeoutMs);
  if (serving.kind === 'serving') print(welcome(serving.nodes, serving.leaderId, options));
  if (serving.kind === 'notServing') {
    complain(`the cluster does not serve: ${serving.reason}`);
    await cluster.stop();
    return 1;
  }
  return Promise.race([stopped, cluster.allEnded.then(() => 1)]);
}

/** Resolves with the exit code when Ctrl-C (or SIGTERM) has stopped the nodes. */
function stopOnSignal(cluster: LocalCluster, print: (line: string) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    let firstMs: number | undefined;
    const handle = (): void => {
      if (firstMs === undefined) {
        firstMs = performance.now();
        print('\nstopping: followers first, then the leader (Ctrl-C again kills)');
        cluster.stop().then(() => resolve(0), reject);
      } else if (performance.now() - firstMs > secondSignalMs) {
        cluster.kill();
        resolve(130);
      }
    };
    process.on('SIGINT', handle);
    process.on('SIGTERM', handle);
    process.on('SIGHUP', handle);
  });
}
