/** The Cluster service of one node, for the commands that show and change members. */
import type { AccessPolicy } from '@cashe/codec';
import {
  ClusterClient,
  type GetAccessResponse,
  type GroupLeader,
  type ListMembersResponse,
  type Member,
  type RemoveMemberResponse,
  type SetAccessResponse,
  type StatusResponse,
  type TransferLeadershipResponse,
} from '@cashe/proto';
import { type CallOptions, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { policyMessage, policyOf } from '../wire/access-policy.js';
import type { CallOptions as CliCallOptions } from './call-options.js';
import { channelTls } from './call-tls.js';
import { CommandError, exitCodeOf, exitCodes } from './exit-codes.js';

/** Calls reject with CommandError. */
export interface ClusterApi {
  /** Resolves when a connection is there; nothing was sent when it rejects. */
  ready(): Promise<void>;
  status(): Promise<StatusResponse>;
  /** Linearizable: it answers when the cluster serves. */
  listMembers(): Promise<readonly Member[]>;
  removeMember(nodeId: string): Promise<void>;
  transferLeadership(nodeId: string): Promise<GroupLeader | undefined>;
  getAccess(): Promise<{ readonly revision: number; readonly policy: AccessPolicy }>;
  /** Resolves to the new revision. A token without a hash keeps the one it has. */
  setAccess(policy: AccessPolicy, expectedRevision: number): Promise<number>;
  close(): void;
}

type ConnectionOptions = Pick<CliCallOptions, 'timeoutMs' | 'token' | 'tls'>;
export type OpenCluster = (endpoint: string, options: ConnectionOptions) => ClusterApi;

export function openCluster(endpoint: string, connection: ConnectionOptions): ClusterApi {
  const { timeoutMs, token, tls } = connection;
  const { credentials, options: tlsOptions } = channelTls(endpoint, tls);
  const client = new ClusterClient(endpoint, credentials, {
    ...tlsOptions,
    'grpc.enable_http_proxy': 0,
    // Its TXT look-up keeps the process for half a minute where no name server answers.
    'grpc.service_config_disable_resolution': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
  });
  const options = (): CallOptions => ({ deadline: Date.now() + timeoutMs });
  type Done<T> = (error: ServiceError | null, answer: T) => void;
  const call = <T>(isWrite: boolean, start: (done: Done<T>) => unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      start((error, answer) => {
        if (error === null) resolve(answer);
        else reject(callError(error, endpoint, isWrite));
      });
    });
  const meta = new Metadata();
  if (token !== undefined) meta.set('authorization', `Bearer ${token}`);
  return {
    ready: () =>
      new Promise((resolve, reject) => {
        client.waitForReady(Date.now() + timeoutMs, (error) => {
          if (!error) resolve();
          else reject(unreachable(endpoint, timeoutMs, error));
        });
      }),
    status: () => call<StatusResponse>(false, (done) => client.status({}, meta, options(), done)),
    listMembers: async () => {
      const answer = await call<ListMembersResponse>(false, (done) =>
        client.listMembers({}, meta, options(), done),
      );
      return answer.members;
    },
    removeMember: async (nodeId) => {
      await call<RemoveMemberResponse>(true, (done) =>
        client.removeMember({ nodeId }, meta, options(), done),
      );
    },
    transferLeadership: async (nodeId) => {
      const answer = await call<TransferLeadershipResponse>(true, (done) =>
        client.transferLeadership({ group: 0, nodeId }, meta, options(), done),
      );
      return answer.leader;
    },
    getAccess: async () => {
      const answer = await call<GetAccessResponse>(false, (done) =>
        client.getAccess({}, meta, options(), done),
      );
      return { revision: answer.revision, policy: policyOf(answer.policy ?? noPolicy) };
    },
    setAccess: async (policy, expectedRevision) => {
      const request = { policy: policyMessage(policy), expectedRevision };
      const answer = await call<SetAccessResponse>(true, (done) =>
        client.setAccess(request, meta, options(), done),
      );
      return answer.revision;
    },
    close: () => client.close(),
  };
}

/** An absent message is one without anything in it. */
const noPolicy = { roles: [], bindings: [], tokens: [] };

function unreachable(endpoint: string, timeoutMs: number, cause: Error): CommandError {
  const message = `${endpoint}: no connection within ${timeoutMs} ms`;
  return new CommandError(exitCodes.unavailable, message, { cause });
}

/** R29: a change without the trailer that names its outcome may have been made. */
export function callError(error: ServiceError, endpoint: string, isWrite: boolean): CommandError {
  const outcome = error.metadata?.get('cashe-outcome')[0]?.toString();
  const unknown = isWrite && outcome !== 'not_committed';
  const code = status[error.code] ?? String(error.code);
  const hint = unknown ? '; it may have been done or still be going on, see cashe members' : '';
  const exitCode = exitCodeOf(code, unknown);
  const message = `${endpoint}: ${code}: ${error.details}`;
  return new CommandError(
    exitCode,
    exitCode === exitCodes.unknownOutcome ? message + hint : message,
    { cause: error, code },
  );
}
