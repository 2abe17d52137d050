/** Nodes started by hand, one command line each, on ports and in directories of their own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, nodeStatus, waitUntil } from '@cashe/bench';
import { type Member, MemberRole, type StatusResponse } from '@cashe/proto';
import { ServerProcess } from './server-process.js';

/** What a node keeps over restarts. */
export interface Place {
  readonly id: string;
  readonly client: string;
  readonly raft: string;
  readonly dataDir: string;
}

const withinMs = 20_000;

export class ByHand {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'cashe-by-hand-'));
  readonly #places: Map<string, Place> = new Map();
  readonly #all: ServerProcess[] = [];

  /** Finds ports for these nodes; nothing is started. */
  static async plan(...ids: readonly string[]): Promise<ByHand> {
    const hand = new ByHand();
    const ports = await freePorts(ids.length * 2);
    for (const [i, id] of ids.entries()) {
      const dataDir = join(hand.directory, id);
      const [client, raft] = [`127.0.0.1:${ports[2 * i]}`, `127.0.0.1:${ports[2 * i + 1]}`];
      hand.#places.set(id, { id, client, raft, dataDir });
    }
    return hand;
  }

  place(id: string): Place {
    const place = this.#places.get(id);
    if (place === undefined) throw new Error(`no place was planned for ${id}`);
    return place;
  }

  endpoints(...ids: readonly string[]): readonly string[] {
    return ids.map((id) => this.place(id).client);
  }

  /** A founders file; returns its flag. */
  founders(name: string, ids: readonly string[], settings: object = {}): string {
    const file = join(this.directory, name);
    const genesis = ids.map((id) => {
      const { client, raft } = this.place(id);
      return { id, client, raft };
    });
    writeFileSync(file, JSON.stringify({ cluster: { genesis }, cache: settings }));
    return `--config=${file}`;
  }

  /** The node at its place; `args` may override where it is. */
  start(id: string, ...args: readonly string[]): ServerProcess {
    const { client, raft, dataDir } = this.place(id);
    const own = [`--id=${id}`, `--listenaddr=${client}`, `--raftaddr=${raft}`];
    return this.run(...own, `--data-dir=${dataDir}`, ...args);
  }

  /** Starts a node that joins through a member and waits until it serves. */
  async join(id: string, through: string, ...args: readonly string[]): Promise<ServerProcess> {
    const started = this.start(id, `--leaderaddr=${this.place(through).client}`, ...args);
    await started.serves();
    return started;
  }

  /** Any `cashe` command line. */
  run(...args: readonly string[]): ServerProcess {
    return this.keep(new ServerProcess(args));
  }

  /** Ends this process with the others. */
  keep(started: ServerProcess): ServerProcess {
    this.#all.push(started);
    return started;
  }

  status(id: string): Promise<StatusResponse> {
    return nodeStatus(this.place(id).client, 1000);
  }

  /** Waits until the node knows members that are as they should be. */
  members(
    id: string,
    what: string,
    match: (members: readonly Member[]) => boolean,
  ): Promise<readonly Member[]> {
    return waitUntil(what, withinMs, async () => {
      const { members } = await this.status(id);
      if (match(members)) return members;
      throw new Error(JSON.stringify(members));
    });
  }

  /** Waits until exactly these nodes vote, as the node sees it. */
  async voters(id: string, ...expected: readonly string[]): Promise<void> {
    const wanted = [...expected].sort().join();
    await this.members(id, `voters ${wanted}`, (members) => votersOf(members).join() === wanted);
  }

  leader(id: string): Promise<string> {
    return waitUntil('a leader', withinMs, async () => {
      const { groups } = await this.status(id);
      return groups[0]?.leader?.nodeId || undefined;
    });
  }

  /** What all processes wrote, one after the other. */
  log(): string {
    return this.#all.map((one) => `${one.args.join(' ')}\n${one.log()}`).join('\n');
  }

  /** Ends everything and removes all data. */
  async end(): Promise<void> {
    for (const one of this.#all) if (one.isRunning) one.signal('SIGKILL');
    await Promise.all(this.#all.map(({ exited }) => exited));
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

export function votersOf(members: readonly Member[]): string[] {
  const voters = members.filter(({ role }) => role === MemberRole.VOTER);
  return voters.map(({ nodeId }) => nodeId).sort();
}
