/** Status, members, access, settings and topology of the cluster, as the host tells them. */

import { Outcome } from '@cashe/codec';
import {
  type AddMemberRequest,
  type AddMemberResponse,
  type ChangeSettingsRequest,
  type ChangeSettingsResponse,
  type ConfigureNodeRequest,
  type ConfigureNodeResponse,
  ClusterService as clusterDefinition,
  type GetAccessRequest,
  type GetAccessResponse,
  type GetSettingsRequest,
  type GetSettingsResponse,
  type ListMembersRequest,
  type ListMembersResponse,
  type RemoveMemberRequest,
  type RemoveMemberResponse,
  type SetAccessRequest,
  type SetAccessResponse,
  type StatusRequest,
  type StatusResponse,
  type TransferLeadershipRequest,
  type TransferLeadershipResponse,
  type WatchTopologyRequest,
  type WatchTopologyResponse,
} from '@cashe/proto';
import type { Server, ServerWritableStream } from '@grpc/grpc-js';
import type { AccessRefusal } from '../host/access-guard.js';
import type { Calls } from '../host/calls.js';
import type { AdminAnswer, AdminCall } from '../host/ports.js';
import { policyMessage } from '../wire/access-policy.js';
import { settingsMessage } from '../wire/cluster-settings.js';
import type { Authenticated, Authenticator } from './authenticate.js';
import {
  addMemberCall,
  changeSettingsCall,
  removeMemberCall,
  setAccessCall,
  transferCall,
} from './cluster-requests.js';
import { leaderMessage, memberMessage, statusResponse, topologyResponse } from './cluster-views.js';
import { CallError, type CallFailure, failureOf, toStatus } from './failure.js';
import type { ApiLimits } from './limits.js';
import type { NodeConfiguration } from './node-configuration.js';
import type { PrincipalOf } from './principal.js';
import { type Received, receiving } from './received.js';
import { notInCluster } from './session-stream.js';
import type { StreamGuard } from './stream-guard.js';
import type { CallContext, DeadlineBounds, UnaryGate, UnaryHandler } from './unary-gate.js';

interface ClusterServiceOptions {
  readonly calls: Calls;
  readonly limits: ApiLimits;
  readonly gate: UnaryGate;
  readonly watches: StreamGuard;
  readonly configuration: NodeConfiguration;
  readonly principalOf: PrincipalOf;
  readonly authenticator: Authenticator;
  /** Version of the software, for Status. */
  readonly version: string;
}

type WatchCall = ServerWritableStream<Received<WatchTopologyRequest>, WatchTopologyResponse>;
type AnswerOf<Result extends AdminAnswer['result']> = Extract<AdminAnswer, { result: Result }>;

export class ClusterService {
  readonly #options: ClusterServiceOptions;

  constructor(options: ClusterServiceOptions) {
    this.#options = options;
  }

  addToServer(server: Server): void {
    const { gate, limits } = this.#options;
    const marginMs = limits.deadlineMarginMs;
    const bounds: DeadlineBounds = {
      defaultMs: limits.adminDeadlineMs,
      maxMs: limits.adminDeadlineMsMax,
      marginMs,
    };
    const reads = { ...bounds, defaultMs: limits.callDeadlineMs };
    const definition = {
      status: receiving(clusterDefinition.status),
      listMembers: receiving(clusterDefinition.listMembers),
      addMember: receiving(clusterDefinition.addMember),
      removeMember: receiving(clusterDefinition.removeMember),
      transferLeadership: receiving(clusterDefinition.transferLeadership),
      getAccess: receiving(clusterDefinition.getAccess),
      setAccess: receiving(clusterDefinition.setAccess),
      getSettings: receiving(clusterDefinition.getSettings),
      changeSettings: receiving(clusterDefinition.changeSettings),
      configureNode: receiving(clusterDefinition.configureNode),
      watchTopology: receiving(clusterDefinition.watchTopology),
    };
    server.addService(definition, {
      status: gate.handle(bounds, this.#status),
      listMembers: gate.handle(reads, this.#listMembers),
      addMember: gate.handle(bounds, this.#addMember),
      removeMember: gate.handle(bounds, this.#removeMember),
      transferLeadership: gate.handle(bounds, this.#transferLeadership),
      getAccess: gate.handle(reads, this.#getAccess),
      setAccess: gate.handle(bounds, this.#setAccess),
      getSettings: gate.handle(reads, this.#getSettings),
      changeSettings: gate.handle(bounds, this.#changeSettings),
      configureNode: gate.handle(reads, this.#configureNode),
      watchTopology: (call: WatchCall) => this.#watchTopology(call),
    });
  }

  readonly #status: UnaryHandler<StatusRequest, StatusResponse> = async (
    _request,
    { principal },
  ) => {
    const { calls, version } = this.#options;
    throwRefusal(calls.checkView(principal, 'status'));
    return statusResponse({ node: calls.status(), limits: calls.hello()?.limits, version });
  };

  readonly #listMembers: UnaryHandler<ListMembersRequest, ListMembersResponse> = async (
    _request,
    context,
  ) => {
    const { members } = await this.#ask({ kind: 'listMembers' }, context, 'members');
    return { members: members.map(memberMessage) };
  };

  readonly #addMember: UnaryHandler<AddMemberRequest, AddMemberResponse> = async (
    request,
    context,
  ) => {
    const answer = await this.#ask(addMemberCall(request), context, 'added');
    const { clusterId, replicaId, genesisRecord } = answer;
    const members = answer.members.map(memberMessage);
    return { clusterId, replicaId, genesisRecord: Uint8Array.from(genesisRecord), members };
  };

  readonly #removeMember: UnaryHandler<RemoveMemberRequest, RemoveMemberResponse> = async (
    request,
    context,
  ) => {
    await this.#ask(removeMemberCall(request), context, 'removed');
    return {};
  };

  readonly #transferLeadership: UnaryHandler<
    TransferLeadershipRequest,
    TransferLeadershipResponse
  > = async (request, context) => {
    const { groupCount } = this.#options.calls.hello() ?? { groupCount: 1 };
    const call = transferCall(request, groupCount);
    return { leader: leaderMessage(await this.#ask(call, context, 'transferred')) };
  };

  readonly #getAccess: UnaryHandler<GetAccessRequest, GetAccessResponse> = async (
    _request,
    context,
  ) => {
    const { revision, policy } = await this.#ask({ kind: 'getAccess' }, context, 'access');
    return { revision, policy: policyMessage(policy) };
  };

  readonly #setAccess: UnaryHandler<SetAccessRequest, SetAccessResponse> = async (
    request,
    context,
  ) => {
    const { revision } = await this.#ask(setAccessCall(request), context, 'accessSet');
    return { revision };
  };

  readonly #getSettings: UnaryHandler<GetSettingsRequest, GetSettingsResponse> = async (
    _request,
    context,
  ) => {
    const { revision, settings } = await this.#ask({ kind: 'getSettings' }, context, 'settings');
    return { revision, settings: settingsMessage(settings) };
  };

  readonly #changeSettings: UnaryHandler<ChangeSettingsRequest, ChangeSettingsResponse> = async (
    request,
    context,
  ) => {
    const call = changeSettingsCall(request);
    const { revision, settings } = await this.#ask(call, context, 'settings');
    return { revision, settings: settingsMessage(settings) };
  };

  readonly #configureNode: UnaryHandler<ConfigureNodeRequest, ConfigureNodeResponse> = async (
    request,
    { principal },
  ) => {
    const { calls, configuration } = this.#options;
    throwRefusal(calls.checkNodeAdmin(principal, 'configureNode'));
    configuration.change(request);
    return configuration.view(calls.status().nodeId);
  };

  /** Asks the host, which forwards to the leader; a refusal is thrown with its reason. */
  async #ask<Result extends AdminAnswer['result']>(
    call: AdminCall,
    context: CallContext,
    expected: Result,
  ): Promise<AnswerOf<Result>> {
    const { calls } = this.#options;
    if (calls.hello() === undefined) {
      const message = notInCluster(calls);
      throw new CallError({ code: 'UNAVAILABLE', outcome: 'notCommitted', message });
    }
    const answer = await new Promise<AdminAnswer>((resolve) => {
      calls.admin(call, context.principal, context.remainingMs, resolve);
    });
    if (answer.result === 'refused') {
      throw new CallError(failureOf(answer.code, answer.outcome, answer.message));
    }
    if (!isResult(answer, expected)) {
      throw new Error(`${call.kind} was answered with ${answer.result}`);
    }
    return answer;
  }

  /** Why the principal may not, or no longer, watch the topology. */
  #watchFailure(caller: Authenticated): CallFailure | undefined {
    const { calls, authenticator } = this.#options;
    const refusal = calls.checkView(caller.principal, 'watchTopology');
    if (refusal === undefined) return authenticator.revocation(caller);
    return failureOf(refusal.code, Outcome.NOT_COMMITTED, refusal.message);
  }

  /** Why the call cannot be served whoever makes it. */
  #callFailure(call: WatchCall): CallFailure | undefined {
    const { calls } = this.#options;
    if (!call.request.ok) {
      const { problem: message } = call.request;
      return { code: 'INVALID_ARGUMENT', outcome: 'notCommitted', message };
    }
    if (calls.hello() !== undefined) return undefined;
    return { code: 'UNAVAILABLE', outcome: 'notCommitted', message: notInCluster(calls) };
  }

  /** A slow reader skips pictures: each replaces the one before, so only the latest waits. */
  #watchTopology(call: WatchCall): void {
    const { calls, watches, principalOf } = this.#options;
    const caller = principalOf(call);
    if (!caller.ok) {
      call.emit('error', toStatus(caller.failure));
      return;
    }
    const refusal = this.#watchFailure(caller) ?? this.#callFailure(call);
    if (refusal !== undefined) {
      call.emit('error', toStatus(refusal));
      return;
    }
    if (!watches.admit(call)) return;
    let isWriting = false;
    let isOutdated = false;
    const send = (): void => {
      const lost = this.#watchFailure(caller);
      if (lost !== undefined) {
        unsubscribe();
        call.emit('error', toStatus(lost));
        return;
      }
      isOutdated = isWriting;
      if (isWriting || call.writableEnded) return;
      isWriting = true;
      call.write(topologyResponse(calls.topology()), () => {
        isWriting = false;
        if (isOutdated) send();
      });
    };
    const unsubscribe = calls.onTopology(send);
    call.once('cancelled', unsubscribe);
    send();
  }
}

function throwRefusal(refusal: AccessRefusal | undefined): void {
  if (refusal === undefined) return;
  throw new CallError(failureOf(refusal.code, Outcome.NOT_COMMITTED, refusal.message));
}

function isResult<Result extends AdminAnswer['result']>(
  answer: AdminAnswer,
  result: Result,
): answer is AnswerOf<Result> {
  return answer.result === result;
}
