/** Joining a cluster through the client port of any member (R25). */
import { FORMAT_VERSION } from '@cashe/codec';
import { ClusterClient, Eviction, type StatusResponse } from '@cashe/proto';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { GivenSettings } from '../config/options.js';
import { plainReason } from '../net/plain-reason.js';
import { type Admission, type AdmissionContext, AdmissionError, pause } from './admission.js';
import { readGenesis, recordsOf, settingConflict } from './records.js';

const CALL_MS = 10_000;
const RETRY_MS = 500;

/** These do not get better by asking again. */
const FINAL: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.FAILED_PRECONDITION,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.UNIMPLEMENTED,
]);

interface JoinOptions {
  /** Client addresses to try in turn, for ever. */
  readonly addresses: () => readonly string[];
  readonly given: GivenSettings;
  readonly rejoin: boolean;
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
    await pause(RETRY_MS, context.signal);
  }
  return undefined;
}

async function tryJoin(
  context: AdmissionContext,
  options: JoinOptions,
  address: string,
): Promise<Admission | undefined> {
  const client = new ClusterClient(address, credentials.createInsecure(), {
    'grpc.enable_channelz': 0,
    'grpc.enable_retries': 0,
  });
  const abort = (): void => client.close();
  context.signal.addEventListener('abort', abort);
  try {
    const found = await statusOf(client);
    if (found.nodeUid === context.nodeUid) {
      throw new AdmissionError(`${address} is this node itself: name another member`);
    }
    refuseOtherSettings(options.given, found, address);
    return await addMember(client, context, options.rejoin);
  } catch (error) {
    if (error instanceof AdmissionError) throw error;
    const { code, details, message } = error as Partial<ServiceError> & Error;
    const text = plainReason(details ?? message);
    if (code !== undefined && FINAL.has(code)) {
      throw new AdmissionError(`${address} refuses this node: ${text}`);
    }
    context.waitFor(`${address} to admit this node (${text})`);
    return undefined;
  } finally {
    context.signal.removeEventListener('abort', abort);
    client.close();
  }
}

function statusOf(client: ClusterClient): Promise<StatusResponse> {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + CALL_MS;
    client.status({}, new Metadata(), { deadline }, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}

/** Before admission, so that a node with other settings leaves no trace in the cluster. */
function refuseOtherSettings(given: GivenSettings, found: StatusResponse, address: string): void {
  if (found.cache === undefined || found.clusterId === '') return;
  const { entriesMax, bytesMax, eviction, replicationFactor } = found.cache;
  const stored = {
    entriesMax,
    bytesMax,
    replicationFactor,
    eviction: eviction === Eviction.NOEVICTION ? ('noeviction' as const) : ('lru' as const),
  };
  const conflict = settingConflict(given, stored);
  if (conflict !== undefined) throw new AdmissionError(`cluster at ${address}: ${conflict}`);
}

function addMember(
  client: ClusterClient,
  context: AdmissionContext,
  rejoin: boolean,
): Promise<Admission> {
  const { nodeId, nodeUid, clientAddress, raftAddress } = context;
  const addresses = { clientAddress, raftAddress };
  const node = { nodeId, nodeUid, ...addresses, formatVersionMax: FORMAT_VERSION };
  const asked = { ...node, clusterId: '', rejoin };
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + CALL_MS;
    client.addMember(asked, new Metadata(), { deadline }, (error, answer) => {
      if (error !== null) {
        reject(error);
        return;
      }
      const { replicaId } = answer;
      const members = recordsOf(answer.members);
      try {
        const genesis = readGenesis(answer.genesisRecord);
        resolve({ genesis, identity: { nodeId, replicaId, members } });
      } catch (cause) {
        reject(new AdmissionError((cause as Error).message));
      }
    });
  });
}
