/** One case of the bench: several runs of the same load, and what each process spent on it. */
import type { ClusterProcess } from './cluster-process.js';
import type { LoadResult } from './load.js';
import type { LoadOp } from './load-messages.js';
import type { LoadProcess } from './load-process.js';
import type { NodeProcess } from './node-process.js';

export interface LoadCase {
  readonly op: LoadOp;
  readonly valueBytes: number;
  readonly callers: number;
}

export interface Timing {
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly runs: number;
}

/** What one process did during a run. */
interface ProcessShare {
  /** `client` or the node's id. */
  readonly name: string;
  readonly role: 'client' | 'leader' | 'follower';
  readonly cpuMicrosPerOp: number;
  readonly loopDelayMaxMs: number;
  readonly rssBytes: number;
}

interface Run extends LoadResult {
  readonly opsPerSecond: number;
  /** The client, the leader, the followers. */
  readonly shares: readonly ProcessShare[];
}

export interface CaseResult extends LoadCase {
  readonly runs: readonly Run[];
  /** The run with the median rate. */
  readonly median: Run;
  /** Worst of all runs, in the order of the shares. */
  readonly loopDelaysMaxMs: readonly number[];
  /** Elections while it ran: figures across one are not comparable. */
  readonly elections: number;
}

export async function measureCase(
  cluster: ClusterProcess,
  load: LoadProcess,
  one: LoadCase,
  { seconds, warmupSeconds, runs }: Timing,
): Promise<CaseResult> {
  await load.fill(one.valueBytes);
  const leader = await cluster.leader();
  const request = { ...one, unaryEndpoint: leader.clientAddress };
  if (warmupSeconds > 0) await load.run({ ...request, seconds: warmupSeconds });
  const termBefore = await termOf(cluster, leader);
  const nodes = [leader, ...cluster.nodes.filter((node) => node !== leader)];
  const measured: Run[] = [];
  for (let run = 0; run < runs; run += 1) {
    measured.push(await measureRun(nodes, load, () => load.run({ ...request, seconds })));
  }
  const elections = (await termOf(cluster, leader)) - termBefore;
  const delays = measured.map(({ shares }) => shares.map((share) => share.loopDelayMaxMs));
  const loopDelaysMaxMs = ['client', ...nodes].map((_, process) =>
    Math.max(...delays.map((ofRun) => ofRun[process] ?? 0)),
  );
  return { ...one, runs: measured, median: medianRun(measured), loopDelaysMaxMs, elections };
}

async function measureRun(
  nodes: readonly NodeProcess[],
  load: LoadProcess,
  run: () => Promise<LoadResult>,
): Promise<Run> {
  const usages = () => Promise.all([load.usage(), ...nodes.map((node) => node.usage())]);
  const before = await usages();
  const result = await run();
  const after = await usages();
  const shares = after.map(({ cpuMicros, loopDelayMaxMs, rssBytes }, index): ProcessShare => {
    const used = cpuMicros - (before[index]?.cpuMicros ?? 0);
    const node = nodes[index - 1];
    return {
      name: node?.id ?? 'client',
      role: node === undefined ? 'client' : index === 1 ? 'leader' : 'follower',
      cpuMicrosPerOp: used / result.ops,
      loopDelayMaxMs,
      rssBytes,
    };
  });
  return { ...result, opsPerSecond: result.ops / result.seconds, shares };
}

/** Of an even number the lower of the middle two. */
export function medianRun<T extends { readonly opsPerSecond: number }>(runs: readonly T[]): T {
  const sorted = runs.toSorted((a, b) => a.opsPerSecond - b.opsPerSecond);
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  if (median === undefined) throw new RangeError('there is no median of no runs');
  return median;
}

async function termOf(cluster: ClusterProcess, node: NodeProcess): Promise<number> {
  const { groups } = await cluster.status(cluster.nodes.indexOf(node));
  return groups.find(({ group }) => group === 0)?.term ?? 0;
}
