/** Adding and removing nodes the way the replaced systems do: by id and raft address. */
import type { FastifyReply } from 'fastify';
import { askAdmin, expectAnswer, requireAddress } from '../cluster-routes.js';
import { refused } from '../failure.js';
import type { CallContext } from '../gate.js';
import type { RestPorts } from '../ports.js';
import { isNodeId, nodeIdAllowed } from '../schemas.js';

interface AddRequest {
  readonly nodeId: string;
  readonly idField: string;
  readonly address: string;
}

export async function addNode(
  ports: RestPorts,
  { nodeId, idField, address }: AddRequest,
  reply: FastifyReply,
  { principal, remainingMs }: CallContext,
): Promise<void> {
  requireNodeId(idField, nodeId);
  const call = { nodeId, raftAddress: requireAddress('addr', address) };
  expectAnswer(await ports.addByAddress(call, principal, remainingMs), 'added');
  reply.header('cashe-outcome', 'committed');
}

export async function removeNode(
  ports: RestPorts,
  nodeId: string,
  reply: FastifyReply,
  context: CallContext,
): Promise<void> {
  requireNodeId('id', nodeId);
  await askAdmin(ports, { kind: 'removeMember', nodeId }, context, 'removed');
  reply.header('cashe-outcome', 'committed');
}

function requireNodeId(field: string, nodeId: string): void {
  if (!isNodeId(nodeId)) throw refused('INVALID_ARGUMENT', `${field} has to be ${nodeIdAllowed}`);
}
