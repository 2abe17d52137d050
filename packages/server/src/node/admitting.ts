/** How a node gets into a cluster (R25): it is in one already, founds one, or joins one. */

import type { NodeOptions } from '../config/options.js';
import type { FoundAnswer, FoundHandler, FoundRequest } from '../rpc/index.js';
import { type Admission, type AdmissionContext, AdmissionError } from './admission.js';
import { Founding } from './founding.js';
import { join, type MemberClient } from './joining.js';
import type { GenesisTerms, Identity } from './records.js';
import type { Storage } from './storage.js';
import { WaitingForJoin } from './waiting-for-join.js';

/** What a node is started with, as far as it matters here. */
type AdmittingOptions = Pick<
  NodeOptions,
  'id' | 'dataDir' | 'join' | 'founders' | 'settings' | 'rejoin'
>;

/** The doors through which a node finds its cluster. */
export interface AdmissionPorts {
  /** What a cluster founded by this node starts with. */
  readonly terms: GenesisTerms;
  readonly randomBytes: (count: number) => Uint8Array;
  serveFounders(handler: FoundHandler): void;
  askFounder(address: string, request: FoundRequest, timeoutMs: number): Promise<FoundAnswer>;
  /**
   * Given when the node is to wait until it is added: members that ask are told so from now on.
   */
  readonly serveWaiting?: ((waiting: WaitingForJoin) => void) | undefined;
  /** Speaks to a client port. */
  dial(address: string): MemberClient;
}

/** A directory that can be used as it is, or why not. Throws AdmissionError. */
export function existingAdmission(
  options: AdmittingOptions,
  storage: Storage,
): Admission | undefined {
  const genesis = storage.genesis();
  const identity = storage.identity();
  if (genesis === undefined || identity === undefined) return undefined;
  if (identity.nodeId !== options.id) {
    throw new AdmissionError(
      `${options.dataDir} belongs to node ${identity.nodeId}, not ${options.id}: ` +
        `use --id=${identity.nodeId} or another --data-dir`,
    );
  }
  if (storage.removedIdentity() === undefined) return { genesis, identity };
  if (!options.rejoin) {
    throw new AdmissionError(
      `node ${options.id} was removed from cluster ${genesis.clusterId}: ` +
        'start it with --rejoin to join again, or with another --data-dir',
    );
  }
  return undefined;
}

/** Founds or joins; undefined when the node was stopped meanwhile. */
export async function admit(
  options: AdmittingOptions,
  context: AdmissionContext,
  storage: Storage,
  ports: AdmissionPorts,
): Promise<Admission | undefined> {
  if (ports.serveWaiting !== undefined) {
    const persist = (admission: Admission): Promise<void> => storage.admit(admission);
    const waiting = new WaitingForJoin(context, { given: options.settings, persist });
    ports.serveWaiting(waiting);
    return await waiting.run();
  }
  const removed = storage.removedIdentity();
  const addresses = joinAddresses(options, context, removed);
  const through = (members: readonly string[]): Promise<Admission | undefined> => {
    context.waitFor(`a member to admit this node (${members.join(', ')})`);
    return joinThrough(storage, context, {
      addresses: () => members,
      given: options.settings,
      rejoin: removed !== undefined,
      dial: (address) => ports.dial(address),
    });
  };
  if (addresses.length > 0) return through(addresses);
  const own = {
    id: options.id,
    client: context.clientAddress,
    raft: context.raftAddress,
  };
  const founding = new Founding(context, {
    founders: options.founders ?? [own],
    terms: ports.terms,
    randomBytes: ports.randomBytes,
    persist: (admission) => storage.admit(admission),
    ask: (address, request, timeoutMs) => ports.askFounder(address, request, timeoutMs),
  });
  ports.serveFounders(founding);
  const result = await founding.run();
  if (result.kind === 'founded') return result.admission;
  if (result.kind === 'stopped') return undefined;
  return through(result.addresses);
}

/** Empty: this node is a founder. */
function joinAddresses(
  options: AdmittingOptions,
  context: AdmissionContext,
  removed: Identity | undefined,
): readonly string[] {
  if (options.join !== undefined) return [options.join];
  const others = options.founders?.filter((founder) => founder.id !== options.id) ?? [];
  const named = options.founders?.length !== others.length;
  if (options.founders !== undefined && (!named || removed !== undefined)) {
    return others.map((founder) => founder.client);
  }
  if (removed === undefined) return [];
  const members = removed.members.filter((member) => member.nodeUid !== context.nodeUid);
  if (members.length > 0) return members.map((member) => member.clientAddress);
  throw new AdmissionError('--rejoin needs a member to join through: add --leaderaddr');
}

async function joinThrough(
  storage: Storage,
  context: AdmissionContext,
  options: Parameters<typeof join>[1],
): Promise<Admission | undefined> {
  const admission = await join(context, options);
  if (admission !== undefined) await storage.admit(admission);
  return admission;
}
