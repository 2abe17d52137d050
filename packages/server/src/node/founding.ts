/**
 * Genesis (R25): the founders of one file find each other. Once all are up and blank, the first in
 * the file writes the genesis record and hands it over; who is named in a record by its nodeUid
 * adopts it, however late; who is not joins as a new node.
 */
import { createHash } from 'node:crypto';
import type { Founder, GivenSettings } from '../config/options.js';
import type { FoundAnswer, FoundHandler, FoundRequest } from '../rpc/index.js';
import { type Admission, type AdmissionContext, pause } from './admission.js';
import {
  type FoundNode,
  type Genesis,
  genesisSettings,
  newGenesisRecord,
  readGenesis,
} from './records.js';

const ASK_MS = 1000;
const ROUND_MS = 200;

type FoundingResult =
  | { readonly kind: 'founded'; readonly admission: Admission }
  /** A cluster exists that does not know this node: join it through these client addresses. */
  | { readonly kind: 'join'; readonly addresses: readonly string[] }
  | { readonly kind: 'stopped' };

interface FoundingOptions {
  readonly founders: readonly Founder[];
  readonly given: GivenSettings;
  /** Makes the record durable here before anybody else hears of it. */
  persist(admission: Admission): Promise<void>;
  ask(address: string, request: FoundRequest, timeoutMs: number): Promise<FoundAnswer>;
}

/** What the founders must agree on. */
export function foundersHash(founders: readonly Founder[], given: GivenSettings): string {
  const list = founders.map(({ id, client, raft }) => [id, client, raft]);
  const text = JSON.stringify([list, genesisSettings(given)]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** One founder's part; also answers the others' questions. */
export class Founding implements FoundHandler {
  readonly #context: AdmissionContext;
  readonly #options: FoundingOptions;
  readonly #hash: string;
  #genesis: Genesis | undefined;
  /** A record that names this node, handed over by the first founder. */
  #offered: Genesis | undefined;

  constructor(context: AdmissionContext, options: FoundingOptions) {
    this.#context = context;
    this.#options = options;
    this.#hash = foundersHash(options.founders, options.given);
  }

  onFound(request: FoundRequest): FoundAnswer {
    if (request.genesis !== undefined && this.#genesis === undefined) {
      this.#offered = this.#naming(request.genesis) ?? this.#offered;
    }
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
    while (!this.#context.signal.aborted) {
      const result = await this.#round();
      if (result !== undefined) return result;
      await pause(ROUND_MS, this.#context.signal);
    }
    return { kind: 'stopped' };
  }

  async #round(): Promise<FoundingResult | undefined> {
    if (this.#offered !== undefined) return this.#adopt(this.#offered);
    const answers = await Promise.all(this.#others().map((founder) => this.#ask(founder)));
    for (const answer of answers) {
      if (answer?.genesis === undefined) continue;
      const genesis = this.#naming(answer.genesis);
      if (genesis !== undefined) return this.#adopt(genesis);
      return { kind: 'join', addresses: this.#others().map((founder) => founder.client) };
    }
    const found = this.#foundNodes(answers);
    if (found === undefined) return undefined;
    const first = this.#options.founders[0];
    if (first?.id !== this.#context.nodeId) {
      this.#context.waitFor(`founder ${first?.id} to write the genesis record`);
      return undefined;
    }
    return this.#found(found);
  }

  #others(): readonly Founder[] {
    return this.#options.founders.filter((founder) => founder.id !== this.#context.nodeId);
  }

  async #ask(founder: Founder): Promise<FoundAnswer | undefined> {
    const { nodeId, nodeUid } = this.#context;
    const request = { nodeId, nodeUid, foundersHash: this.#hash, genesis: undefined };
    try {
      return await this.#options.ask(founder.raft, request, ASK_MS);
    } catch (error) {
      this.#context.waitFor(
        `founder ${founder.id} at ${founder.raft}: ${(error as Error).message}`,
      );
      return undefined;
    }
  }

  /** All founders in the order of the file, once all are up, blank and agree. */
  #foundNodes(answers: readonly (FoundAnswer | undefined)[]): FoundNode[] | undefined {
    const uids = new Map([[this.#context.nodeId, this.#context.nodeUid]]);
    for (const [i, founder] of this.#others().entries()) {
      const answer = answers[i];
      if (answer === undefined) return undefined;
      if (answer.nodeId !== founder.id) {
        const what = `founder ${founder.id}: ${founder.raft} answers as ${answer.nodeId}`;
        this.#context.waitFor(`${what}; two nodes may have one id, or the file is wrong`);
        return undefined;
      }
      if (answer.foundersHash !== this.#hash) {
        const what = `founder ${founder.id} to be started with the same founders and settings`;
        this.#context.waitFor(`${what} as this node; its file disagrees`);
        return undefined;
      }
      uids.set(founder.id, answer.nodeUid);
    }
    return this.#options.founders.map((founder) => ({
      nodeId: founder.id,
      nodeUid: uids.get(founder.id) ?? '',
      clientAddress: founder.client,
      raftAddress: founder.raft,
    }));
  }

  async #found(nodes: readonly FoundNode[]): Promise<FoundingResult> {
    const genesis = readGenesis(newGenesisRecord(nodes, genesisSettings(this.#options.given)));
    const result = await this.#adopt(genesis);
    const { nodeId, nodeUid } = this.#context;
    const request = { nodeId, nodeUid, foundersHash: this.#hash, genesis: genesis.bytes };
    // Who misses this finds the record by asking; it stays served for as long as the node runs.
    await Promise.allSettled(
      this.#others().map((founder) => this.#options.ask(founder.raft, request, ASK_MS)),
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
