/** What the nodes themselves show: that they live, what they hold, and what they log. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterProcess, NodeExit, ProcessUsage } from '@cashe/bench';
import { waitUntil } from '@cashe/bench';
import { isDefectLine, isRuntimeDefect, type RuntimeDefect } from './runtime-defect.js';

export interface NodeMemory {
  readonly node: string;
  readonly before: ProcessUsage;
  readonly after: ProcessUsage;
  readonly loopDelayMaxMs: number;
}

type WatchedNode = ClusterProcess['nodes'][number];

const mib = 2 ** 20;
/** What a run may leave: caches that fill, the newest part of the log, code that was compiled. */
const heapGrowthMax = 48 * mib;
const externalGrowthMax = 160 * mib;
/** Connections between nodes come and go; a leak of inputs would be in the hundreds. */
const socketGrowthMax = 8;
const timerGrowthMax = 40;
const settleMs = 60_000;
const logLinesMax = 10;
/** Whoever sends garbage must not fill the disk with what is said about it: lines have rates. */
const logBytesMax = 256 * 1024;
const logBytesPerMinuteMax = 128 * 1024;
const minuteMs = 60_000;

export class NodeWatch {
  readonly #cluster: ClusterProcess;
  readonly #suspects: (id: string) => string;
  readonly #deaths: string[] = [];
  readonly #defects: RuntimeDefect[] = [];
  #isOver = false;
  #startMs = performance.now();
  #before: readonly ProcessUsage[] = [];
  #loopDelaysMaxMs: number[] = [];

  /** `suspects` tells what the node of that id got last. */
  constructor(cluster: ClusterProcess, suspects: (id: string) => string) {
    this.#cluster = cluster;
    this.#suspects = suspects;
    for (const node of cluster.nodes) this.#watch(node);
  }

  /** The state to compare with; taken when the nodes are warm. */
  async begin(): Promise<void> {
    // A node that does not answer is told of as an end, or when all is compared.
    const ask = async (): Promise<true | undefined> => {
      this.#before = await this.#usages().catch(() => []);
      return this.#before.length > 0 || this.#deaths.length > 0 ? true : undefined;
    };
    await waitUntil('the nodes to say what they use', settleMs, ask).catch(() => undefined);
  }

  /** Nodes that ended, and what they wrote last. */
  get deaths(): readonly string[] {
    return this.#deaths;
  }

  /** Nodes that were ended by a defect of Node.js, and run again. */
  get defects(): readonly RuntimeDefect[] {
    return this.#defects;
  }

  /** Nodes that end from now on stay down. */
  close(): void {
    this.#isOver = true;
  }

  /** Waits until memory, sockets and timers are back; what stays is a problem. */
  async settled(): Promise<{ memory: readonly NodeMemory[]; problems: readonly string[] }> {
    let last: readonly NodeMemory[] = [];
    let problems: readonly string[] = ['what the nodes hold could not be compared'];
    if (this.#before.length === 0) return { memory: [], problems };
    const back = async (): Promise<true | undefined> => {
      last = await this.#compare();
      problems = last.flatMap(growthProblems);
      return problems.length === 0 ? true : undefined;
    };
    await waitUntil('memory, sockets and timers to be back', settleMs, back).catch(() => undefined);
    return { memory: last, problems };
  }

  /** Lines that no input may cause: errors, and whatever Node prints by itself. */
  logProblems(): string[] {
    const minutes = (performance.now() - this.#startMs) / minuteMs;
    const bytesMax = logBytesMax + minutes * logBytesPerMinuteMax;
    return this.#cluster.nodes.flatMap(({ id }) => {
      const text = this.#log(id);
      const isExcused = this.#defects.some(({ node }) => node === id);
      const loud = text
        .split('\n')
        .filter((line) => line !== '' && !isQuietLine(line))
        .filter((line) => !(isExcused && isDefectLine(line)));
      const flood = text.length > bytesMax ? [`${id} logged ${text.length} bytes`] : [];
      return [...flood, ...loud.slice(0, logLinesMax)];
    });
  }

  #watch(node: WatchedNode): void {
    void node.exited.then((exit) => this.#onExit(node, exit));
  }

  #onExit(node: WatchedNode, exit: NodeExit): void {
    if (this.#isOver) return;
    const { id } = node;
    const suspects = this.#suspects(id);
    const earlier = this.#defects.filter((defect) => defect.node === id).length;
    if (!isRuntimeDefect(exit, this.#log(id), earlier, process.versions['nghttp2'])) {
      const how = `${id} ended (${exit.signal ?? exit.exitCode})`;
      this.#deaths.push(`${how}; its last inputs: ${suspects}\n${node.logTail()}`);
      return;
    }
    this.#defects.push({ node: id, suspects });
    node.start();
    this.#watch(node);
  }

  #log(id: string): string {
    return readFileSync(join(this.#cluster.dir, `${id}.log`), 'utf8');
  }

  async #compare(): Promise<readonly NodeMemory[]> {
    const usages = await this.#usages();
    // A node forgets its worst delay when it is asked.
    this.#loopDelaysMaxMs = usages.map(({ loopDelayMaxMs }, index) =>
      Math.max(loopDelayMaxMs, this.#loopDelaysMaxMs[index] ?? 0),
    );
    return this.#cluster.nodes.map(({ id }, index) => ({
      node: id,
      before: this.#before[index] as ProcessUsage,
      after: usages[index] as ProcessUsage,
      loopDelayMaxMs: this.#loopDelaysMaxMs[index] ?? 0,
    }));
  }

  async #usages(): Promise<readonly ProcessUsage[]> {
    const asked = await Promise.allSettled(
      this.#cluster.nodes.map(async (node) => await node.usage()),
    );
    return asked.map((one) => {
      if (one.status === 'fulfilled') return one.value;
      throw new Error('a node does not say what it uses', { cause: one.reason });
    });
  }
}

function growthProblems({ node, before, after }: NodeMemory): string[] {
  const bounds = [
    ['heap bytes', after.heapUsedBytes - before.heapUsedBytes, heapGrowthMax],
    ['bytes outside the heap', after.externalBytes - before.externalBytes, externalGrowthMax],
    ['sockets', after.sockets - before.sockets, socketGrowthMax],
    ['timers', after.timers - before.timers, timerGrowthMax],
  ] as const;
  return bounds
    .filter(([, growth, max]) => growth > max)
    .map(([what, growth, max]) => `${node} kept ${growth} ${what}; at most ${max} are expected`);
}

/** A line of the node's own log, below error; not what Node or a library prints by itself. */
function isQuietLine(line: string): boolean {
  return /^\{"time":"[^"]+","level":"(warn|info|debug)",/.test(line);
}
