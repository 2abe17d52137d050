/** A member's client port over gRPC, as a joiner uses it. */
import { ClusterClient, Eviction, type StatusResponse } from '@cashe/proto';
import { type CallOptions, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { plainReason } from '../net/plain-reason.js';
import { dialCredentials, dialOptions, type PeerMaterial } from '../rpc/index.js';
import { type MemberClient, MemberRefusal, type MemberStatus } from './joining.js';
import { recordsOf } from './records.js';

const CALL_MS = 10_000;

/** These do not get better by asking again. */
const FINAL: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.FAILED_PRECONDITION,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.UNIMPLEMENTED,
]);

/** With TLS the joiner shows its own certificate, and takes that of any node. */
export function memberClient(address: string, material: PeerMaterial): MemberClient {
  const client = new ClusterClient(address, dialCredentials(material, undefined), {
    ...dialOptions(material),
    'grpc.enable_channelz': 0,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
  });
  return {
    status: () =>
      asked<StatusResponse>((options, done) => {
        client.status({}, new Metadata(), options, done);
      }).then(memberStatus),
    addMember: async (call) => {
      const answer = await asked<Parameters<AddMemberDone>[1]>((options, done) => {
        client.addMember(call, new Metadata(), options, done);
      });
      const { replicaId, genesisRecord, members } = answer;
      return { replicaId, genesisRecord, members: recordsOf(members) };
    },
    close: () => client.close(),
  };
}

type AddMemberDone = Extract<
  Parameters<ClusterClient['addMember']>[3],
  (error: ServiceError | null, response: never) => void
>;

/** Rejects with a MemberRefusal. */
function asked<Answer>(
  call: (
    options: Partial<CallOptions>,
    done: (error: ServiceError | null, answer: Answer) => void,
  ) => void,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    call({ deadline: Date.now() + CALL_MS }, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(new MemberRefusal(plainReason(error.details), FINAL.has(error.code)));
    });
  });
}

function memberStatus({ clusterId, nodeUid, cache }: StatusResponse): MemberStatus {
  if (cache === undefined || clusterId === '') return { nodeUid, settings: undefined };
  const { entriesMax, bytesMax, replicationFactor } = cache;
  const eviction = cache.eviction === Eviction.NOEVICTION ? 'noeviction' : 'lru';
  return { nodeUid, settings: { entriesMax, bytesMax, replicationFactor, eviction } };
}
