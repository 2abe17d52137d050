/** Calls of the Cluster service of one node; each on a connection of its own. */
import {
  ClusterClient,
  type ListMembersResponse,
  type RemoveMemberResponse,
  type StatusResponse,
  type TransferLeadershipResponse,
} from '@cashe/proto';
import {
  type CallOptions,
  type ChannelCredentials,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';

type Done<T> = (error: ServiceError | null, answer: T) => void;
type Start<T> = (
  client: ClusterClient,
  metadata: Metadata,
  options: Partial<CallOptions>,
  done: Done<T>,
) => unknown;

export function nodeStatus(
  address: string,
  timeoutMs: number,
  secured?: ChannelCredentials,
): Promise<StatusResponse> {
  return call(address, timeoutMs, (client, ...rest) => client.status({}, ...rest), secured);
}

/** Linearizable: it answers when the cluster serves. */
export function listMembers(
  address: string,
  timeoutMs: number,
  secured?: ChannelCredentials,
): Promise<ListMembersResponse> {
  return call(address, timeoutMs, (client, ...rest) => client.listMembers({}, ...rest), secured);
}

/** Resolves once the node is no member any more. */
export function removeMember(
  address: string,
  nodeId: string,
  timeoutMs: number,
): Promise<RemoveMemberResponse> {
  return call(address, timeoutMs, (client, ...rest) => client.removeMember({ nodeId }, ...rest));
}

/** Hands group 0 to a voter. */
export function transferLeadership(
  address: string,
  nodeId: string,
  timeoutMs: number,
): Promise<TransferLeadershipResponse> {
  return call(address, timeoutMs, (client, ...rest) =>
    client.transferLeadership({ group: 0, nodeId }, ...rest),
  );
}

function call<T>(
  address: string,
  timeoutMs: number,
  start: Start<T>,
  secured: ChannelCredentials = credentials.createInsecure(),
): Promise<T> {
  // Not shared with other calls: a node that was restarted is dialled at once, without backoff.
  const client = new ClusterClient(address, secured, {
    'grpc.enable_http_proxy': 0,
    'grpc.use_local_subchannel_pool': 1,
  });
  const answer = new Promise<T>((resolve, reject) => {
    const options = { deadline: Date.now() + timeoutMs };
    start(client, new Metadata(), options, (error, value) => {
      if (error === null) resolve(value);
      else reject(error);
    });
  });
  return answer.finally(() => client.close());
}
