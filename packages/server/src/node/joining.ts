/** Joining a cluster through the client port of any member (R25). */
import { FORMAT_VERSION } from '@cashe/codec';
import type { NodeRecord } from '@cashe/store';
import type { GivenSettings } from '../config/options.js';
import type { AdminCall } from '../host/ports.js';
import { type Admission, type AdmissionContext, AdmissionError, pause } from './admission.js';
import { readGenesis, settingConflict } from './records.js';

const RETRY_MS = 500;

/** What a joiner asks of a member. Calls reject with a MemberRefusal. */
export interface MemberClient {
  status(): Promise<MemberStatus>;
  addMember(call: Extract<AdminCall, { kind: 'addMember' }>): Promise<Admitted>;
  /** Ends what is under way. */
  close(): void;
}

export interface MemberStatus {
  readonly nodeUid: string;
  /** undefined until the node belongs to a cluster. */
  readonly settings: Required<GivenSettings> | undefined;
}

interface Admitted {
  readonly replicaId: number;
  readonly genesisRecord: Uint8Array;
  readonly members: readonly NodeRecord[];
}

export class MemberRefusal extends Error {
  override readonly name = 'MemberRefusal';
  /** Asking again does not help. */
  readonly isFinal: boolean;

  constructor(message: string, isFinal: boolean) {
    super(message);
    this.isFinal = isFinal;
  }
}

interface JoinOptions {
  /** Client addresses to try in turn, for ever. */
  readonly addresses: () => readonly string[];
  readonly given: GivenSettings;
  readonly rejoin: boolean;
  dial(address: string): MemberClient;
}

/** Retries until admitted; undefined when the node was stopped meanwhile. */
export async function join(
  context: AdmissionContext,
  options: JoinOptions,
): Promise<Admission | undefined> {
  for (let attempt = 0; !context.signal.aborted; attempt += 1) {
    const addresses = options.addresses();
    const address = addresses[attempt % addresses.length] ?? '';
    const admission = await tryJoin(context, options, address);
    if (admission !== undefined) return admission;
    await pause(context, RETRY_MS, context.signal);
  }
  return undefined;
}

async function tryJoin(
  context: AdmissionContext,
  options: JoinOptions,
  address: string,
): Promise<Admission | undefined> {
  const client = options.dial(address);
  const abort = (): void => client.close();
  context.signal.addEventListener('abort', abort);
  try {
    const found = await client.status();
    if (found.nodeUid === context.nodeUid) {
      throw new AdmissionError(`${address} is this node itself: name another member`);
    }
    refuseOtherSettings(options.given, found, address);
    return await addMember(client, context, options.rejoin);
  } catch (error) {
    if (!(error instanceof MemberRefusal)) throw error;
    if (error.isFinal) throw new AdmissionError(`${address} refuses this node: ${error.message}`);
    context.waitFor(`${address} to admit this node (${error.message})`);
    return undefined;
  } finally {
    context.signal.removeEventListener('abort', abort);
    client.close();
  }
}

/** Before admission, so that a node with other settings leaves no trace in the cluster. */
function refuseOtherSettings(given: GivenSettings, found: MemberStatus, address: string): void {
  const conflict = found.settings && settingConflict(given, found.settings);
  if (conflict !== undefined) throw new AdmissionError(`cluster at ${address}: ${conflict}`);
}

async function addMember(
  client: MemberClient,
  context: AdmissionContext,
  rejoin: boolean,
): Promise<Admission> {
  const { nodeId, nodeUid, clientAddress, raftAddress } = context;
  const addresses = { clientAddress, raftAddress };
  const node = { nodeId, nodeUid, ...addresses, formatVersionMax: FORMAT_VERSION };
  const call = { kind: 'addMember', ...node, clusterId: '', rejoin } as const;
  const { replicaId, genesisRecord, members } = await client.addMember(call);
  try {
    return { genesis: readGenesis(genesisRecord), identity: { nodeId, replicaId, members } };
  } catch (cause) {
    throw new AdmissionError((cause as Error).message);
  }
}
