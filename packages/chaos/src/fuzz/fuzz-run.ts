/** One run: a cluster of real processes, a canary, the inputs, and what is to hold at the end. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterProcess } from '@cashe/bench';
import { Canary, type CanaryFigures } from './canary.js';
import { FuzzCluster, type FuzzTls } from './fuzz-cluster.js';
import { type NodeMemory, NodeWatch } from './node-watch.js';
import { type RuntimeDefect, tooManyDefects } from './runtime-defect.js';
import { type Finding, Sender } from './sender.js';

export interface FuzzOptions {
  readonly seed: number;
  /** Index of the first input. */
  readonly from: number;
  readonly inputs: number;
  /** Data and logs of a run go to a directory in here; it stays when something was wrong. */
  readonly parentDir: string;
  readonly say: (line: string) => void;
  /** The nodes speak TLS on every port; without it plain text. */
  readonly tls?: FuzzTls | undefined;
}

export interface FuzzFigures {
  readonly seed: number;
  readonly inputs: number;
  readonly seconds: number;
  readonly ends: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
  /** What was wrong beside single inputs. */
  readonly problems: readonly string[];
  /** Nodes that a defect of Node.js ended, which were started again. */
  readonly defects: readonly RuntimeDefect[];
  readonly canary: CanaryFigures;
  readonly memory: readonly NodeMemory[];
}

const lanes = 64;
const warmUpInputs = 500;
const equalMs = 30_000;

export async function runFuzz(options: FuzzOptions): Promise<FuzzFigures> {
  mkdirSync(options.parentDir, { recursive: true });
  const dir = mkdtempSync(join(options.parentDir, `${options.seed}-`));
  const cluster = await FuzzCluster.start(dir, options.tls);
  let figures: FuzzFigures | undefined;
  try {
    figures = await fuzz(cluster, options);
    return figures;
  } finally {
    await cluster.processes.stop('kill');
    const clean = figures?.findings.length === 0 && figures.problems.length === 0;
    if (clean) rmSync(dir, { recursive: true, force: true });
    else options.say(`data and logs: ${dir}`);
  }
}

async function fuzz(cluster: FuzzCluster, options: FuzzOptions): Promise<FuzzFigures> {
  const { seed, from, inputs, say } = options;
  const { processes } = cluster;
  const canary = await Canary.connect({ tls: options.tls?.client }, processes.endpoints);
  canary.run();
  const sender = new Sender({ seed, targets: await cluster.targets(), lanes });
  const watch = new NodeWatch(processes, (id) =>
    sender.recent
      .filter(({ target }) => target.endsWith(id))
      .map(({ index }) => index)
      .join(' '),
  );
  const startMs = performance.now();
  const onThousand = (sent: number): void => {
    const perSecond = Math.round((sent * 1000) / (performance.now() - startMs));
    say(`${sent} inputs, ${perSecond}/s, ${canary.writes} writes acknowledged`);
  };
  // The first inputs compile code and fill caches: what they leave is no leak.
  const first = Math.min(warmUpInputs, inputs);
  await sender.send(from, first, onThousand);
  await watch.begin();
  await sender.send(from + first, inputs - first, onThousand);
  const seconds = (performance.now() - startMs) / 1000;
  sender.close();
  const { memory, problems } = await watch.settled();
  const figures = await canary.finish();
  const differing = await differences(processes);
  // Those that end from here on are ended by us.
  watch.close();
  const tooMany = tooManyDefects(watch.defects.length, inputs);
  return {
    seed,
    inputs,
    seconds,
    ends: sender.ends,
    findings: sender.findings,
    problems: [
      ...figures.problems,
      ...watch.deaths,
      ...(tooMany === undefined ? [] : [tooMany]),
      ...problems,
      ...watch.logProblems(),
      ...differing,
    ],
    defects: watch.defects,
    canary: figures,
    memory,
  };
}

async function differences(cluster: ClusterProcess): Promise<string[]> {
  try {
    await cluster.waitUntilEqual(equalMs);
    return [];
  } catch (error) {
    return [`the nodes differ: ${String(error)}`];
  }
}
