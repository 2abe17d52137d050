/** Status, members, leadership and topology of the cluster, as the host tells them. */
import {
  type AddMemberRequest,
  type AddMemberResponse,
  ClusterService as clusterDefinition,
  type ListMembersRequest,
  type ListMembersResponse,
  type RemoveMemberRequest,
  type RemoveMemberResponse,
  type StatusRequest,
  type StatusResponse,
  type TransferLeadershipRequest,
  type TransferLeadershipResponse,
  type WatchTopologyRequest,
  type WatchTopologyResponse,
} from '@cashe/proto';
import type { Server, ServerWritableStream } from '@grpc/grpc-js';
import type { Calls } from '../host/calls.js';
import type { AdminAnswer, AdminCall } from '../host/ports.js';
import { addMemberCall, removeMemberCall, transferCall } from './cluster-requests.js';
import { leaderMessage, memberMessage, statusResponse, topologyResponse } from './cluster-views.js';
import { CallError, failureOf, toStatus } from './failure.js';
import type { ApiLimits } from './limits.js';
import { type Received, receiving } from './received.js';
import { notInCluster } from './session-stream.js';
import type { StreamGuard } from './stream-guard.js';
import type { CallContext, DeadlineBounds, UnaryGate, UnaryHandler } from './unary-gate.js';

interface ClusterServiceOptions {
  readonly calls: Calls;
  readonly limits: ApiLimits;
  readonly gate: UnaryGate;
  readonly watches: StreamGuard;
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
    const definition = {
      status: receiving(clusterDefinition.status),
      listMembers: receiving(clusterDefinition.listMembers),
      addMember: receiving(clusterDefinition.addMember),
      removeMember: receiving(clusterDefinition.removeMember),
      transferLeadership: receiving(clusterDefinition.transferLeadership),
      watchTopology: receiving(clusterDefinition.watchTopology),
    };
    server.addService(definition, {
      status: gate.handle(bounds, this.#status),
      listMembers: gate.handle({ ...bounds, defaultMs: limits.callDeadlineMs }, this.#listMembers),
      addMember: gate.handle(bounds, this.#addMember),
      removeMember: gate.handle(bounds, this.#removeMember),
      transferLeadership: gate.handle(bounds, this.#transferLeadership),
      watchTopology: (call: WatchCall) => this.#watchTopology(call),
    });
  }

  readonly #status: UnaryHandler<StatusRequest, StatusResponse> = async () => {
    const { calls, version } = this.#options;
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

  /** A slow reader skips pictures: each replaces the one before, so only the latest waits. */
  #watchTopology(call: WatchCall): void {
    const { calls, watches } = this.#options;
    if (!call.request.ok) {
      const { problem: message } = call.request;
      call.emit('error', toStatus({ code: 'INVALID_ARGUMENT', outcome: 'notCommitted', message }));
      return;
    }
    if (calls.hello() === undefined) {
      const message = notInCluster(calls);
      call.emit('error', toStatus({ code: 'UNAVAILABLE', outcome: 'notCommitted', message }));
      return;
    }
    if (!watches.admit(call)) return;
    let isWriting = false;
    let isOutdated = false;
    const send = (): void => {
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

function isResult<Result extends AdminAnswer['result']>(
  answer: AdminAnswer,
  result: Result,
): answer is AnswerOf<Result> {
  return answer.result === result;
}
