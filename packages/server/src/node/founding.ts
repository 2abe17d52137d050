/**
 * Genesis (R25): the founders of one file find each other. Once all are up and blank, the first in
 * the file writes the genesis record and hands it over; who is named in a record by its nodeUid
 * adopts it, however late; who is not joins as a new node.
 */
import { createHash } from 'node:crypto';
import type { Founder } from '../config/options.js';
import type { FoundAnswer, FoundHandler, FoundRequest } from '../rpc/index.js';
import { type Admission, type AdmissionContext, pause } from './admission.js';
import {
  type FoundNode,
  type Genesis,
  type GenesisTerms,
  newGenesisRecord,
  readGenesis,
} from './records.js';

const ASK_MS = 1000;
const ROUND_MS = 200;
/** Between rounds, however many ask: a node that is flooded must not flood the others. */
const ROUND_MS_MIN = 20;

type FoundingResult =
  | { readonly kind: 'founded'; readonly admission: Admission }
  /** A cluster exists that does not know this node: join it through these client addresses. */
  | { readonly kind: 'join'; readonly addresses: readonly string[] }
  | { readonly kind: 'stopped' };

interface FoundingOptions {
  readonly founders: readonly Founder[];
  readonly terms: GenesisTerms;
  readonly randomBytes: (count: number) => Uint8Array;
  /** Makes the record durable here before anybody else hears of it. */
  persist(admission: Admission): Promise<void>;
  ask(address: string, request: FoundRequest, timeoutMs: number): Promise<FoundAnswer>;
}

/** What the founders must agree on. */
export function foundersHash(founders: readonly Founder[], terms: GenesisTerms): string {
  const list = founders.map(({ id, client, raft }) => [id, client, raft]);
  const { roles, bindings, tokens } = terms.access;
  const text = JSON.stringify([list, terms.settings, roles, bindings, tokens]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** A founder and what it answered, or why it did not. */
type Asked =
  | { readonly founder: Founder; readonly answer: FoundAnswer }
  | { readonly founder: Founder; readonly problem: string };

/** One founder's part; also answers the others' questions. */
export class Founding implements FoundHandler {
  readonly #context: AdmissionContext;
  readonly #options: FoundingOptions;
  readonly #hash: string;
  readonly #others: readonly Founder[];
  #genesis: Genesis | undefined;
  /** A record that names this node, handed over by the first founder. */
  #offered: Genesis | undefined;
  /** Aborted by the offer. */
  readonly #offer: AbortController = new AbortController();
  /** Aborted by whatever makes another round worth while at once. */
  #news: AbortController = new AbortController();
  /** The nodeUids of who answered in the last round. */
  #heard: ReadonlySet<string> = new Set();

  constructor(context: AdmissionContext, options: FoundingOptions) {
    this.#context = context;
    this.#options = options;
    this.#hash = foundersHash(options.founders, options.terms);
    this.#others = options.founders.filter((founder) => founder.id !== context.nodeId);
  }

  onFound(request: FoundRequest): FoundAnswer {
    this.#learn(request);
    const { nodeId, nodeUid } = this.#context;
    return {
      nodeId,
      nodeUid,
      blank: this.#genesis === undefined,
      foundersHash: this.#hash,
      genesis: this.#genesis?.bytes,
      joining: false,
    };
  }

  async run(): Promise<FoundingResult> {
    const { signal } = this.#context;
    while (!signal.aborted) {
      this.#news = new AbortController();
      const result = await this.#round();
      if (result !== undefined) return result;
      await pause(this.#context, ROUND_MS_MIN, signal);
      await pause(this.#context, ROUND_MS - ROUND_MS_MIN, signal, this.#news.signal);
    }
    return { kind: 'stopped' };
  }

  /** A record is adopted at once; who asks and did not answer before has just come up. */
  #learn({ genesis, nodeUid }: FoundRequest): void {
    if (this.#genesis !== undefined || this.#offered !== undefined) return;
    this.#offered = genesis && this.#naming(genesis);
    if (this.#offered !== undefined) this.#offer.abort();
    if (this.#offered !== undefined || !this.#heard.has(nodeUid)) this.#news.abort();
  }

  async #round(): Promise<FoundingResult | undefined> {
    const asked = await this.#askAll();
    if (this.#offered !== undefined) return this.#adopt(this.#offered);
    for (const one of asked) {
      if (!('answer' in one) || one.answer.genesis === undefined) continue;
      const genesis = this.#naming(one.answer.genesis);
      if (genesis !== undefined) return this.#adopt(genesis);
      return { kind: 'join', addresses: this.#others.map((founder) => founder.client) };
    }
    const found = this.#foundNodes(asked);
    if (found === undefined) return undefined;
    const first = this.#options.founders[0];
    if (first?.id !== this.#context.nodeId) {
      this.#context.waitFor(`founder ${first?.id} to write the genesis record`);
      return undefined;
    }
    return this.#found(found);
  }

  /** Nobody's answer counts once this node was handed the record. */
  async #askAll(): Promise<readonly Asked[]> {
    const { signal } = this.#offer;
    if (signal.aborted) return [];
    const answers = Promise.all(this.#others.map((founder) => this.#ask(founder)));
    const asked = await new Promise<readonly Asked[]>((resolve, reject) => {
      const cut = (): void => resolve([]);
      signal.addEventListener('abort', cut);
      answers.then(resolve, reject).finally(() => signal.removeEventListener('abort', cut));
    });
    this.#heard = new Set(asked.flatMap((one) => ('answer' in one ? one.answer.nodeUid : [])));
    return asked;
  }

  async #ask(founder: Founder): Promise<Asked> {
    const { nodeId, nodeUid } = this.#context;
    const request = { nodeId, nodeUid, foundersHash: this.#hash, genesis: undefined };
    try {
      return { founder, answer: await this.#options.ask(founder.raft, request, ASK_MS) };
    } catch (error) {
      return { founder, problem: (error as Error).message };
    }
  }

  /** All founders in the order of the file, once all are up, blank and agree. */
  #foundNodes(asked: readonly Asked[]): FoundNode[] | undefined {
    const problem = this.#problemOf(asked);
    if (problem !== undefined) {
      this.#context.waitFor(problem);
      return undefined;
    }
    const uids = new Map([[this.#context.nodeId, this.#context.nodeUid]]);
    for (const one of asked) if ('answer' in one) uids.set(one.founder.id, one.answer.nodeUid);
    return this.#options.founders.map((founder) => ({
      nodeId: founder.id,
      nodeUid: uids.get(founder.id) ?? '',
      clientAddress: founder.client,
      raftAddress: founder.raft,
    }));
  }

  /** What is waited for; undefined: nothing. */
  #problemOf(asked: readonly Asked[]): string | undefined {
    const silent: string[] = [];
    for (const one of asked) {
      const { id, raft } = one.founder;
      if ('problem' in one) {
        silent.push(`founder ${id} at ${raft} (${one.problem})`);
      } else if (one.answer.nodeId !== id) {
        const what = `founder ${id}: ${raft} answers as ${one.answer.nodeId}`;
        return `${what}; two nodes may have one id, or the file is wrong`;
      } else if (one.answer.foundersHash !== this.#hash) {
        const what = `founder ${id} to be started with the same founders, settings and access`;
        return `${what} as this node; its file disagrees`;
      }
    }
    return silent.length === 0 ? undefined : silent.join(', ');
  }

  async #found(nodes: readonly FoundNode[]): Promise<FoundingResult> {
    const { terms, randomBytes } = this.#options;
    const genesis = readGenesis(newGenesisRecord(nodes, terms, randomBytes));
    const result = await this.#adopt(genesis);
    const { nodeId, nodeUid } = this.#context;
    const request = { nodeId, nodeUid, foundersHash: this.#hash, genesis: genesis.bytes };
    // Who misses this finds the record by asking; it stays served for as long as the node runs.
    void Promise.allSettled(
      this.#others.map((founder) => this.#options.ask(founder.raft, request, ASK_MS)),
    );
    return result;
  }

  async #adopt(genesis: Genesis): Promise<FoundingResult> {
    const { nodeId } = this.#context;
    const replicaId = this.#ownRecord(genesis)?.replicaId ?? 0;
    const identity = { nodeId, replicaId, members: genesis.founders };
    const admission = { genesis, identity };
    await this.#options.persist(admission);
    this.#genesis = genesis;
    return { kind: 'founded', admission };
  }

  #ownRecord(genesis: Genesis): Genesis['founders'][number] | undefined {
    return genesis.founders.find((founder) => founder.nodeUid === this.#context.nodeUid);
  }

  /** The record, when it names this node's data directory. */
  #naming(bytes: Uint8Array): Genesis | undefined {
    try {
      const genesis = readGenesis(bytes);
      return this.#ownRecord(genesis) === undefined ? undefined : genesis;
    } catch (error) {
      this.#context.waitFor(`a genesis record that can be read (${(error as Error).message})`);
      return undefined;
    }
  }
}

/** Answers founders that are late or started anew, once this node belongs to a cluster. */
export class FoundedAnswers implements FoundHandler {
  readonly #answer: FoundAnswer;

  constructor(nodeId: string, nodeUid: string, genesis: Genesis, hash: string) {
    const record = { blank: false, foundersHash: hash, genesis: genesis.bytes, joining: false };
    this.#answer = { nodeId, nodeUid, ...record };
  }

  onFound(_request: FoundRequest): FoundAnswer {
    return this.#answer;
  }
}
