/** How a node gets into a cluster (R25): it is in one already, founds one, or joins one. */
import type { NodeOptions } from '../config/options.js';
import type { PeerTransport } from '../rpc/index.js';
import { type Admission, type AdmissionContext, AdmissionError } from './admission.js';
import { Founding } from './founding.js';
import { join } from './joining.js';
import type { Identity } from './records.js';
import type { Storage } from './storage.js';

/** A directory that can be used as it is, or why not. Throws AdmissionError. */
export function existingAdmission(options: NodeOptions, storage: Storage): Admission | undefined {
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
  options: NodeOptions,
  context: AdmissionContext,
  storage: Storage,
  transport: PeerTransport,
): Promise<Admission | undefined> {
  const removed = storage.removedIdentity();
  const addresses = joinAddresses(options, context, removed);
  if (addresses.length > 0) return joinThrough(addresses, options, context, storage, removed);
  const own = {
    id: options.id,
    client: context.clientAddress,
    raft: context.raftAddress,
  };
  const founding = new Founding(context, {
    founders: options.founders ?? [own],
    given: options.settings,
    persist: (admission) => storage.admit(admission),
    ask: (address, request, timeoutMs) => transport.askFounder(address, request, timeoutMs),
  });
  transport.serveFounders(founding);
  const result = await founding.run();
  if (result.kind === 'founded') return result.admission;
  if (result.kind === 'stopped') return undefined;
  return joinThrough(result.addresses, options, context, storage, removed);
}

/** Empty: this node is a founder. */
function joinAddresses(
  options: NodeOptions,
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
  addresses: readonly string[],
  options: NodeOptions,
  context: AdmissionContext,
  storage: Storage,
  removed: Identity | undefined,
): Promise<Admission | undefined> {
  context.waitFor(`a member to admit this node (${addresses.join(', ')})`);
  const admission = await join(context, {
    addresses: () => addresses,
    given: options.settings,
    rejoin: removed !== undefined,
  });
  if (admission !== undefined) await storage.admit(admission);
  return admission;
}
