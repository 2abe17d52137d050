/**
 * A node that starts blank and waits to be added (`--wait-for-join`, R25): a member that was given
 * its raft address asks who it is, has it admitted, and hands it the genesis record. From then on
 * it is a joiner like any other. Every step may be repeated, by the same member or another one.
 */
import { FORMAT_VERSION } from '@cashe/codec';
import type { GivenSettings } from '../config/options.js';
import type {
  Admitting,
  Introduced,
  Introducing,
  IntroductionHandler,
  LocalIdentity,
} from '../rpc/index.js';
import { givenSettings } from '../wire/cluster-settings.js';
import type { Admission, AdmissionContext } from './admission.js';
import { type Genesis, readGenesis, settingConflict } from './records.js';

interface WaitingOptions {
  /** What was stated at this start must not differ from what the cluster has. */
  readonly given: GivenSettings;
  /** Makes the admission durable here before the member hears that it arrived. */
  persist(admission: Admission): Promise<void>;
}

export class WaitingForJoin {
  readonly #context: AdmissionContext;
  readonly #options: WaitingOptions;
  #adopting: { readonly admission: Admission; readonly kept: Promise<void> } | undefined;
  #resolve: (admission: Admission | undefined) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(context: AdmissionContext, options: WaitingOptions) {
    this.#context = context;
    this.#options = options;
  }

  /**
   * Resolves once this node was admitted; undefined when it was stopped meanwhile. Rejects when the
   * admission cannot be kept.
   */
  async run(): Promise<Admission | undefined> {
    const { signal, raftAddress, nodeId } = this.#context;
    this.#context.waitFor(`a member to add node ${nodeId} at ${raftAddress} (--wait-for-join)`);
    if (signal.aborted) return undefined;
    const stop = (): void => this.#resolve(undefined);
    signal.addEventListener('abort', stop);
    try {
      return await new Promise<Admission | undefined>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** The cluster it was handed to; empty: none yet. */
  get clusterId(): string {
    return this.#adopting?.admission.genesis.clusterId ?? '';
  }

  /** Why it would not join the cluster that asks; empty: nothing speaks against it. */
  problemWith({ genesisRecord, cache }: Introducing): string {
    const genesis = genesisOf(genesisRecord);
    if (typeof genesis === 'string') return genesis;
    // Before admission, so that a node with other settings leaves no trace in the cluster.
    const settings = cache === undefined ? genesis.settings : givenSettings(cache);
    return settingConflict(this.#options.given, settings) ?? '';
  }

  /** Resolves once the admission is durable; rejects with why it is refused. */
  async admit(request: Admitting): Promise<void> {
    const { nodeId, nodeUid } = this.#context;
    const genesis = genesisOf(request.genesisRecord);
    if (typeof genesis === 'string') throw new Error(genesis);
    if (this.#adopting === undefined) {
      const { replicaId, members } = request;
      const own = members.find((member) => member.nodeUid === nodeUid);
      if (own?.replicaId !== replicaId) throw new Error('the members do not name this node');
      const admission = { genesis, identity: { nodeId, replicaId, members } };
      this.#adopting = { admission, kept: this.#keep(admission) };
    }
    if (this.clusterId !== genesis.clusterId) {
      throw new Error(`this node was just admitted to cluster ${this.clusterId}`);
    }
    await this.#adopting.kept;
  }

  async #keep(admission: Admission): Promise<void> {
    try {
      await this.#options.persist(admission);
      this.#resolve(admission);
    } catch (error) {
      // R39: a node whose disk fails stops.
      this.#reject(error);
      throw error;
    }
  }
}

/** Answers members about this node, whatever it is doing. */
export class Introductions implements IntroductionHandler {
  readonly #own: LocalIdentity;
  #waiting: WaitingForJoin | undefined;
  #clusterId = '';

  constructor(own: LocalIdentity) {
    this.#own = own;
  }

  /** It waits to be added from now on. */
  waits(waiting: WaitingForJoin): void {
    this.#waiting = waiting;
  }

  /** It belongs to this cluster. */
  belongsTo(clusterId: string): void {
    this.#clusterId = clusterId;
  }

  onIntroduce(request: Introducing): Introduced {
    const { nodeId, nodeUid, clientAddress, raftAddress } = this.#own;
    const clusterId = this.#member();
    const isWaiting = clusterId === '' && this.#waiting !== undefined;
    const isMeant = isWaiting && request.nodeId === nodeId;
    const problem = isMeant ? (this.#waiting?.problemWith(request) ?? '') : '';
    const addresses = { clientAddress, raftAddress };
    const formatVersionMax = FORMAT_VERSION;
    const state = { clusterId, waiting: isWaiting, problem };
    return { nodeId, nodeUid, ...addresses, formatVersionMax, ...state };
  }

  async onAdmit(request: Admitting): Promise<void> {
    const { nodeId, nodeUid } = this.#own;
    if (request.nodeId !== nodeId || request.nodeUid !== nodeUid) {
      throw new Error(`this is node ${nodeId} with data directory ${nodeUid}`);
    }
    if (this.#clusterId === '' && this.#waiting !== undefined) {
      await this.#waiting.admit(request);
      return;
    }
    const genesis = genesisOf(request.genesisRecord);
    const asked = typeof genesis === 'string' ? '' : genesis.clusterId;
    if (this.#clusterId === '' || this.#clusterId !== asked) {
      throw new Error(`node ${nodeId} does not wait to be added`);
    }
  }

  #member(): string {
    return this.#clusterId === '' ? (this.#waiting?.clusterId ?? '') : this.#clusterId;
  }
}

/** The record, or why it cannot be read. */
function genesisOf(bytes: Uint8Array): Genesis | string {
  try {
    return readGenesis(bytes);
  } catch (error) {
    return (error as Error).message;
  }
}
