/** The Cluster service of one node, for the commands that show and change members. */
import type { AccessPolicy, SettingsChanges } from '@cashe/codec';
import {
  type ChangeSettingsResponse,
  ClusterClient,
  type ConfigureNodeRequest,
  type ConfigureNodeResponse,
  type GetAccessResponse,
  type GetSettingsResponse,
  type GroupLeader,
  type ListMembersResponse,
  type Member,
  type RemoveMemberResponse,
  type SetAccessResponse,
  type StatusResponse,
  type TransferLeadershipResponse,
} from '@cashe/proto';
import type { Settings } from '@cashe/store';
import { type CallOptions, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { plainReason } from '../net/plain-reason.js';
import { policyMessage, policyOf } from '../wire/access-policy.js';
import { changesMessage, settingsOf } from '../wire/cluster-settings.js';
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
  getSettings(): Promise<RevisedSettings>;
  changeSettings(changes: SettingsChanges): Promise<RevisedSettings>;
  /** Of the node that is connected to; without any field it only asks. */
  configureNode(request: ConfigureNodeRequest): Promise<ConfigureNodeResponse>;
  close(): void;
}

interface RevisedSettings {
  readonly revision: number;
  readonly settings: Settings;
}

type ConnectionOptions = Pick<CliCallOptions, 'timeoutMs' | 'token' | 'tls'>;
export type OpenCluster = (endpoint: string, options: ConnectionOptions) => ClusterApi;

type Done<T> = (error: ServiceError | null, answer: T) => void;

/** What a call is made with. */
interface Asking {
  readonly client: ClusterClient;
  readonly meta: Metadata;
  readonly options: () => CallOptions;
  readonly call: <T>(isWrite: boolean, start: (done: Done<T>) => unknown) => Promise<T>;
}

export function openCluster(endpoint: string, connection: ConnectionOptions): ClusterApi {
  const { timeoutMs, token, tls } = connection;
  const client = clientOf(endpoint, tls);
  const options = (): CallOptions => ({ deadline: Date.now() + timeoutMs });
  const call = <T>(isWrite: boolean, start: (done: Done<T>) => unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      start((error, answer) => {
        if (error === null) resolve(answer);
        else reject(callError(error, endpoint, isWrite));
      });
    });
  const meta = new Metadata();
  if (token !== undefined) meta.set('authorization', `Bearer ${token}`);
  const asking: Asking = { client, meta, options, call };
  return {
    ready: () => connected(client, endpoint, timeoutMs),
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
    ...accessCalls(asking),
    ...settingsCalls(asking),
    close: () => client.close(),
  };
}

type AccessCalls = Pick<ClusterApi, 'getAccess' | 'setAccess'>;

function accessCalls({ client, meta, options, call }: Asking): AccessCalls {
  return {
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
  };
}

type SettingsCalls = Pick<ClusterApi, 'getSettings' | 'changeSettings' | 'configureNode'>;

function settingsCalls({ client, meta, options, call }: Asking): SettingsCalls {
  return {
    getSettings: async () => {
      const answer = await call<GetSettingsResponse>(false, (done) =>
        client.getSettings({}, meta, options(), done),
      );
      return { revision: answer.revision, settings: settingsOf(answer.settings) };
    },
    changeSettings: async (changes) => {
      const request = { changes: changesMessage(changes) };
      const answer = await call<ChangeSettingsResponse>(true, (done) =>
        client.changeSettings(request, meta, options(), done),
      );
      return { revision: answer.revision, settings: settingsOf(answer.settings) };
    },
    configureNode: (request) =>
      call<ConfigureNodeResponse>(true, (done) =>
        client.configureNode(request, meta, options(), done),
      ),
  };
}

/** An absent message is one without anything in it. */
const noPolicy = { roles: [], bindings: [], tokens: [] };

function clientOf(endpoint: string, tls: ConnectionOptions['tls']): ClusterClient {
  const { credentials, options } = channelTls(endpoint, tls);
  return new ClusterClient(endpoint, credentials, {
    ...options,
    'grpc.enable_http_proxy': 0,
    // Its TXT look-up keeps the process for half a minute where no name server answers.
    'grpc.service_config_disable_resolution': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
  });
}

/** Time to be told by a call why there is no connection: waiting for one does not tell. */
const REASON_MS = 200;

/** Resolves when there is a connection; nothing was sent when it rejects. */
function connected(client: ClusterClient, endpoint: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + timeoutMs, (late) => {
      if (!late) {
        resolve();
        return;
      }
      const options: CallOptions = { deadline: Date.now() + REASON_MS };
      client.status({}, new Metadata(), options, (error) => {
        const reason = error === null ? 'it came later' : plainReason(error.details);
        const message = `${endpoint}: no connection within ${timeoutMs} ms: ${reason}`;
        reject(new CommandError(exitCodes.unavailable, message, { cause: late }));
      });
    });
  });
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
