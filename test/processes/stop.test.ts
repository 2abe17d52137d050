// Goal: a node that is asked to stop leaves no trace with its callers, and the launcher of the
// local cluster keeps its promises. Method: signals to real processes.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterProcess, freePorts, nodeStatus, waitUntil } from '@cashe/bench';
import { connect } from '@cashe/client';
import { HealthClient, KVClient, HealthCheckResponse_ServingStatus as Serving } from '@cashe/proto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ByHand } from './support/by-hand.js';
import { call, failure, openClient } from './support/calls.js';
import { report } from './support/report.js';
import { repositoryRoot, ServerProcess } from './support/server-process.js';
import { Writer } from './support/writer.js';

const caseMs = 60_000;

/** Repeats the signal until the process has ended: the second one that counts ends it. */
async function insist(signal: () => void, exited: Promise<unknown>): Promise<void> {
  const timer = setInterval(signal, 100);
  await exited;
  clearInterval(timer);
}

/** Whether the node led when it was asked to stop, by its own log. */
function ledWhenAsked(log: string): boolean {
  const lines = log.slice(0, log.indexOf('"message":"stopping"')).split('\n');
  const last = lines.findLast((line) => line.includes('"message":"leadership"'));
  return last?.includes('"role":"leader"') === true;
}

describe('SIGTERM', () => {
  let cluster: ClusterProcess;
  beforeAll(async () => {
    cluster = await ClusterProcess.start({ logLevel: 'info' });
  }, caseMs);
  afterAll(() => cluster?.stop('kill'), caseMs);

  it(
    'on the leader under load hands over, finishes what is in flight, and exits 0',
    async () => {
      const writer = await Writer.connect(cluster.endpoints);
      writer.run();
      await writer.acknowledges(1_000);
      // Asked for under load, which may have moved leadership.
      const leader = await cluster.leader();
      const health = openClient(HealthClient, leader.clientAddress);
      const seen: Serving[] = [];
      const watch = health.watch({ service: 'cashe.v1.KV' });
      watch.on('data', (answer: { status: Serving }) => seen.push(answer.status));
      const ended = new Promise<{ code: number }>((resolve) => watch.on('error', resolve));
      const kv = openClient(KVClient, leader.clientAddress);
      const value = Buffer.from('in flight');
      const entries = Array.from({ length: 200 }, (_, i) => ({
        key: `unary-${i}`,
        value,
        keepTtl: false,
      }));
      const inFlight = entries.map((entry) => call(kv, kv.set, entry));
      // The calls have left this process before the signal does.
      await Promise.race(inFlight);
      const exit = await leader.kill('SIGTERM');
      expect(exit).toEqual({ exitCode: 0, signal: null });
      const outcomes = await Promise.allSettled(inFlight);
      expect(outcomes.filter(({ status: how }) => how === 'rejected')).toEqual([]);
      await writer.acknowledges(1_000);
      report(
        'longest gap between acknowledgements, SIGTERM of the leader',
        `${await writer.halt()} ms`,
      );
      expect(writer.errors).toEqual([]);
      expect(await writer.differences()).toEqual([]);
      // In between, a slow machine may have been without a leader for a while.
      expect(seen).toContain(Serving.SERVING);
      expect(seen.at(-1)).toBe(Serving.NOT_SERVING);
      expect((await ended).code).toBe(status.UNAVAILABLE);
      const log = leader.logTail();
      // On a slow machine it may have lost leadership just before the signal.
      if (ledWhenAsked(log))
        expect(log).toContain('"message":"leadership handed over","complete":true');
      for (const client of [health, kv]) client.close();
      await writer.close();
      leader.start();
      await cluster.waitUntilServing();
    },
    caseMs,
  );

  it(
    'again after 500 ms exits at once',
    async () => {
      const [first, ...others] = cluster.nodes;
      if (first === undefined) throw new Error('there is no node');
      for (const node of others) node.pause();
      const kv = openClient(KVClient, first.clientAddress);
      const value = Buffer.from('never');
      const stuck = failure(kv, kv.set, { key: 'stuck', value, keepTtl: false });
      const beganMs = performance.now();
      const { exited } = first;
      await insist(() => void first.kill('SIGTERM'), exited);
      expect(await exited).toEqual({ exitCode: 130, signal: null });
      expect(performance.now() - beganMs).toBeGreaterThan(500);
      expect(status[(await stuck).code]).toBe('UNAVAILABLE');
      kv.close();
      for (const node of others) node.resume();
    },
    caseMs,
  );
});

describe('the launcher of the local cluster', () => {
  const ids = ['raft0', 'raft1', 'raft2'];
  const command = join(repositoryRoot, 'packages/server/bin/local-cluster.mjs');
  let hand: ByHand;
  let port = 0;

  beforeAll(async () => {
    hand = await ByHand.plan();
    [port = 0] = await freePorts(1);
  });
  afterAll(() => hand?.end(), caseMs);

  const endpoints = (): string[] => ids.map((_, i) => `127.0.0.1:${port + i}`);
  const dataDir = (): string => join(hand.directory, 'local');

  /** The nodes hold locks on their directories that name them. */
  const nodePids = (): number[] =>
    ids.flatMap((id) =>
      readdirSync(join(dataDir(), id)).flatMap((name) => {
        const pid = Number(/^lock-([0-9]+)-/.exec(name)?.[1] ?? 0);
        return isAlive(pid) ? [pid] : [];
      }),
    );

  async function launch(): Promise<ServerProcess> {
    const args = [`--base-port=${port}`, `--data-dir=${dataDir()}`];
    const launcher = hand.keep(new ServerProcess(args, command));
    await launcher.printed('Ctrl-C stops it');
    return launcher;
  }

  const nodesAreGone = (): Promise<boolean> =>
    waitUntil('the nodes have ended', 20_000, async () => nodePids().length === 0 || undefined);

  it(
    'says where it listens, who leads and what to try, and stops the leader last',
    async () => {
      const launcher = await launch();
      expect(launcher.stdout).toContain('Cashe serves: 3 nodes');
      expect(launcher.stdout).toMatch(/raft[012] .*leads/);
      expect(launcher.stdout).toContain(`npx cashe get greeting --endpoint=localhost:${port}`);
      await using cashe = await connect({ endpoints: endpoints() });
      await cashe.set('greeting', 'hello');
      const { groups } = await nodeStatus(`127.0.0.1:${port}`, 5_000);
      launcher.signal('SIGINT');
      expect(await launcher.exited).toEqual({ code: 0, signal: null });
      const stops = launcher.stdout.split('\n').flatMap((line) => {
        const node = /^(raft[012]) \| .*\bstopped\b/.exec(line)?.[1];
        return node === undefined ? [] : [node];
      });
      expect([...stops].sort()).toEqual(ids);
      expect(stops.at(-1)).toBe(groups[0]?.leader?.nodeId);
      expect(nodePids()).toEqual([]);
    },
    caseMs,
  );

  it(
    'has its data when started again, and its nodes leave when it is killed',
    async () => {
      const launcher = await launch();
      {
        await using cashe = await connect({ endpoints: endpoints() });
        expect(await cashe.get('greeting')).toBe('hello');
      }
      expect(nodePids()).toHaveLength(3);
      await launcher.kill();
      await nodesAreGone();
    },
    caseMs,
  );

  it(
    'kills at the second Ctrl-C',
    async () => {
      const launcher = await launch();
      const [still = 0] = nodePids();
      process.kill(still, 'SIGSTOP');
      await insist(() => launcher.signal('SIGINT'), launcher.exited);
      // One more signal may meet a process that is ending and no longer handles it: a shell says
      // 130 of either.
      const { code, signal } = await launcher.exited;
      expect([130, 'SIGINT']).toContain(code ?? signal);
      await nodesAreGone();
    },
    caseMs,
  );
});

function isAlive(pid: number): boolean {
  if (pid === 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // No such process: the lock was left behind by one that was killed.
  }
}
