/** Keeps the processes of the local cluster: start, restart, and stop in order. */
import type { StatusResponse } from '@cashe/proto';
import { openCluster } from './cluster-client.js';
import { leaderOf } from './cluster-text.js';
import { LocalProcess, type NodeExit } from './local-node.js';
import { clientAddress, type LocalNode, type LocalPlan } from './local-plan.js';
import { decideRestart, restartDefaults } from './restart-policy.js';

type Serving =
  | { readonly kind: 'serving'; readonly leaderId: string; readonly nodes: readonly LocalNode[] }
  | { readonly kind: 'notServing'; readonly reason: string }
  /** A signal came first. */
  | { readonly kind: 'stopping' };

const pollMs = 100;
const callTimeoutMs = 1_000;
/** Above the nodes' own drain time of 10 s, so that they end by themselves. */
const stopTimeoutMs = 15_000;

interface Slot {
  readonly node: LocalNode;
  process: LocalProcess;
  restarts: number;
}

export class LocalCluster {
  /** Resolves when no node runs, none will be restarted, and nobody asked for it. */
  readonly allEnded: Promise<void>;
  readonly #plan: LocalPlan;
  readonly #command: string;
  readonly #print: (line: string) => void;
  readonly #slots: Slot[] = [];
  readonly #restarts: Set<NodeJS.Timeout> = new Set();
  #noteEnd: () => void = () => {};
  #hasServed = false;
  #stopping: Promise<void> | undefined;

  constructor(plan: LocalPlan, command: string, print: (line: string) => void) {
    this.#plan = plan;
    this.#command = command;
    this.#print = print;
    this.allEnded = new Promise((resolve) => {
      this.#noteEnd = () => {
        const runs = this.#slots.some((slot) => slot.process.isRunning);
        if (!runs && this.#restarts.size === 0) resolve();
      };
    });
  }

  start(): void {
    for (const node of this.#plan.nodes) {
      this.#slots.push({ node, process: this.#spawn(node), restarts: 0 });
    }
    for (const slot of this.#slots) this.#watch(slot);
  }

  #spawn(node: LocalNode): LocalProcess {
    return new LocalProcess(this.#command, node.args, (line) => {
      this.#print(`${node.id} | ${line}`);
    });
  }

  #watch(slot: Slot): void {
    const onExit = (exit: NodeExit): void => {
      if (this.#stopping !== undefined) return;
      this.#onUnexpectedEnd(slot, exit);
      this.#noteEnd();
    };
    void slot.process.exited.then(onExit);
  }

  #onUnexpectedEnd(slot: Slot, exit: NodeExit): void {
    const { restarts } = slot;
    const decision = decideRestart(
      { ...exit, hasServed: this.#hasServed, restarts },
      restartDefaults,
    );
    const how = exit.signal ?? `exit code ${exit.exitCode}`;
    this.#print(`${slot.node.id} | ended (${how}): ${decision.text}`);
    if (decision.kind === 'leave') return;
    slot.restarts = decision.restarts;
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      slot.process = this.#spawn(slot.node);
      this.#watch(slot);
    }, restartDefaults.delayMs);
    this.#restarts.add(timer);
  }

  /** Serving: every running node serves, and the leader answers a linearizable call. */
  async waitUntilServing(timeoutMs: number): Promise<Serving> {
    const deadline = performance.now() + timeoutMs;
    let reason = 'no node answers';
    while (performance.now() < deadline) {
      if (this.#stopping !== undefined) return { kind: 'stopping' };
      const running = this.#slots.filter((slot) => slot.process.isRunning);
      if (running.length * 2 <= this.#slots.length) {
        return { kind: 'notServing', reason: 'a majority of the nodes ended; see above' };
      }
      const nodes = running.map((slot) => slot.node);
      const state = await probe(nodes);
      if (state.kind === 'serving') {
        this.#hasServed = true;
        return { ...state, nodes };
      }
      reason = state.reason;
      await pause(pollMs);
    }
    return { kind: 'notServing', reason: `${reason} (waited ${timeoutMs} ms)` };
  }

  /** Followers first, so that no election follows, then the leader. May be called twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopInOrder();
    return this.#stopping;
  }

  async #stopInOrder(): Promise<void> {
    for (const timer of this.#restarts) clearTimeout(timer);
    this.#restarts.clear();
    const running = this.#slots.filter((slot) => slot.process.isRunning);
    const answers = await statusOf(running.map((slot) => slot.node));
    const leaderId = leaderOf(answers.flatMap(({ answer }) => answer ?? []))?.nodeId;
    const stopAll = async (slots: readonly Slot[]): Promise<void> => {
      await Promise.all(slots.map((slot) => slot.process.stop(stopTimeoutMs)));
    };
    await stopAll(running.filter((slot) => slot.node.id !== leaderId));
    await stopAll(running);
    this.#print('stopped');
  }

  kill(): void {
    for (const slot of this.#slots) slot.process.kill();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

interface Answered {
  readonly node: LocalNode;
  /** Undefined: none in time. */
  readonly answer: StatusResponse | undefined;
}

function statusOf(nodes: readonly LocalNode[]): Promise<Answered[]> {
  return Promise.all(
    nodes.map(async (node): Promise<Answered> => {
      const api = openCluster(clientAddress(node), { timeoutMs: callTimeoutMs });
      try {
        return { node, answer: await api.status() };
      } catch {
        return { node, answer: undefined }; // Not up yet, or going: the caller asks again.
      } finally {
        api.close();
      }
    }),
  );
}

type Probe =
  | { readonly kind: 'serving'; readonly leaderId: string }
  | { readonly kind: 'notYet'; readonly reason: string };

async function probe(nodes: readonly LocalNode[]): Promise<Probe> {
  const notYet = (reason: string): Probe => ({ kind: 'notYet', reason });
  const reports = await statusOf(nodes);
  const answers: StatusResponse[] = [];
  for (const { node, answer } of reports) {
    if (answer === undefined) return notYet(`${node.id} does not answer`);
    if (answer.waitingFor !== '') return notYet(`${node.id} waits for ${answer.waitingFor}`);
    answers.push(answer);
  }
  const leader = leaderOf(answers);
  const leading = nodes.find((node) => node.id === leader?.nodeId);
  if (leading === undefined) return notYet('no leader is known');
  const api = openCluster(clientAddress(leading), { timeoutMs: callTimeoutMs });
  try {
    await api.listMembers();
    return { kind: 'serving', leaderId: leading.id };
  } catch (error) {
    return notYet(error instanceof Error ? error.message : String(error));
  } finally {
    api.close();
  }
}
