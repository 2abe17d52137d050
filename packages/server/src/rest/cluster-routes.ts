/** `/v1/cluster`: this node's status, the members, leadership. */
import { Outcome } from '@cashe/codec';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseAddress } from '../config/address.js';
import type { AccessRefusal } from '../host/access-guard.js';
import type { AdminAnswer, AdminCall } from '../host/ports.js';
import { takeJsonBodies } from './body.js';
import type { ByteBudget } from './byte-budget.js';
import { memberJson, statusJson } from './cluster-json.js';
import { clusterSchemas } from './cluster-schemas.js';
import { adminFailure, type RestError, refused } from './failure.js';
import type { CallContext, Gate } from './gate.js';
import type { RestLimits } from './limits.js';
import type { RestPorts } from './ports.js';

interface ClusterRoutesOptions {
  readonly ports: RestPorts;
  readonly gate: Gate;
  readonly limits: RestLimits;
  readonly budget: ByteBudget;
}

type AnswerOf<Result extends AdminAnswer['result']> = Extract<AdminAnswer, { result: Result }>;

export function addClusterRoutes(scope: FastifyInstance, options: ClusterRoutesOptions): void {
  const { ports, gate, limits, budget } = options;
  takeJsonBodies(scope, { budget, bytesMax: () => limits.jsonBytesMax });
  const routes = new ClusterRoutes(ports);
  const admin = (verb: string) => ({ verb, kind: 'admin' }) as const;
  const data = (verb: string) => ({ verb, kind: 'data' }) as const;
  const { status, list, add, remove, transfer } = clusterSchemas;
  scope.get('/cluster', { schema: status }, gate.handle(data('status'), routes.status));
  const members = '/cluster/members';
  scope.get(members, { schema: list }, gate.handle(data('listMembers'), routes.list));
  scope.post(members, { schema: add }, gate.handle(admin('addMember'), routes.add));
  const member = `${members}/:id`;
  scope.delete(member, { schema: remove }, gate.handle(admin('removeMember'), routes.remove));
  const moved = gate.handle(admin('transferLeadership'), routes.transfer);
  scope.post('/cluster/transfer', { schema: transfer, preValidation: bodyOptional }, moved);
}

/** Every field has a default, so the whole has one. */
function bodyOptional(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  request.body ??= {};
  done();
}

/** Asks the node, which forwards to the leader; a refusal is thrown with its reason. */
export async function askAdmin<Result extends AdminAnswer['result']>(
  ports: RestPorts,
  call: AdminCall,
  { principal, remainingMs }: CallContext,
  expected: Result,
): Promise<AnswerOf<Result>> {
  const { calls } = ports;
  if (calls.hello() === undefined) {
    const { waitingFor } = calls.status();
    throw refused('UNAVAILABLE', `this node belongs to no cluster yet: it waits for ${waitingFor}`);
  }
  const answer = await new Promise<AdminAnswer>((resolve) => {
    calls.admin(call, principal, remainingMs, resolve);
  });
  return expectAnswer(answer, expected);
}

function notAllowed({ code, message }: AccessRefusal): RestError {
  return adminFailure(code, Outcome.NOT_COMMITTED, message);
}

export function expectAnswer<Result extends AdminAnswer['result']>(
  answer: AdminAnswer,
  expected: Result,
): AnswerOf<Result> {
  if (answer.result === 'refused') {
    throw adminFailure(answer.code, answer.outcome, answer.message);
  }
  if (!isResult(answer, expected)) throw new Error(`${expected} is answered ${answer.result}`);
  return answer;
}

/** HOST:PORT as others reach it, or INVALID_ARGUMENT naming the field. */
export function requireAddress(field: string, address: string): string {
  const parsed = parseAddress(address, 'advertise');
  if (!parsed.ok) throw refused('INVALID_ARGUMENT', `${field}: ${parsed.problem}`, { field });
  return address;
}

class ClusterRoutes {
  readonly #ports: RestPorts;

  constructor(ports: RestPorts) {
    this.#ports = ports;
  }

  readonly status = async (
    _request: FastifyRequest,
    _reply: FastifyReply,
    { principal }: CallContext,
  ): Promise<unknown> => {
    const { calls, version } = this.#ports;
    const denied = calls.checkView(principal, 'status');
    if (denied !== undefined) throw notAllowed(denied);
    return statusJson(calls.status(), version);
  };

  readonly list = async (
    _request: FastifyRequest,
    _reply: FastifyReply,
    context: CallContext,
  ): Promise<unknown> => {
    const answer = await askAdmin(this.#ports, { kind: 'listMembers' }, context, 'members');
    return { members: answer.members.map(memberJson) };
  };

  readonly add = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { principal, remainingMs }: CallContext,
  ): Promise<unknown> => {
    const { node_id, raft_address } = request.body as Record<'node_id' | 'raft_address', string>;
    const raftAddress = requireAddress('raft_address', raft_address);
    const call = { nodeId: node_id, raftAddress };
    const answer = await this.#ports.addByAddress(call, principal, remainingMs);
    const { clusterId, replicaId, members } = expectAnswer(answer, 'added');
    reply.header('cashe-outcome', 'committed');
    return { cluster_id: clusterId, replica_id: replicaId, members: members.map(memberJson) };
  };

  readonly remove = async (
    request: FastifyRequest,
    reply: FastifyReply,
    context: CallContext,
  ): Promise<unknown> => {
    const { id: nodeId } = request.params as { readonly id: string };
    await askAdmin(this.#ports, { kind: 'removeMember', nodeId }, context, 'removed');
    reply.header('cashe-outcome', 'committed');
    return { node_id: nodeId };
  };

  readonly transfer = async (
    request: FastifyRequest,
    reply: FastifyReply,
    context: CallContext,
  ): Promise<unknown> => {
    const body = request.body as { readonly group?: number; readonly node_id?: string };
    const { group = 0, node_id: nodeId = '' } = body;
    const { groupCount } = this.#ports.calls.hello() ?? { groupCount: 1 };
    if (group >= groupCount) {
      throw refused('INVALID_ARGUMENT', `group is ${group}; 0 to ${groupCount - 1} are allowed`);
    }
    const call = { kind: 'transferLeadership', group, nodeId } as const;
    const moved = await askAdmin(this.#ports, call, context, 'transferred');
    reply.header('cashe-outcome', 'committed');
    const { term, clientAddress } = moved;
    return { group, term, node_id: moved.nodeId, client_address: clientAddress };
  };
}

function isResult<Result extends AdminAnswer['result']>(
  answer: AdminAnswer,
  result: Result,
): answer is AnswerOf<Result> {
  return answer.result === result;
}
