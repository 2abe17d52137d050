/** minicacher: JSON in and out, and routes for members and leadership. */
import type { FastifyInstance } from 'fastify';
import type { NodeView } from '../../host/calls.js';
import { askAdmin } from '../cluster-routes.js';
import { refused } from '../failure.js';
import { addNode, removeNode } from './members.js';
import type { CompatOptions } from './options.js';
import { bodyOf, has, pathField, readText, removeKey, textField, writeText } from './values.js';

const data = (verb: string) => ({ verb, kind: 'data' }) as const;
const admin = (verb: string) => ({ verb, kind: 'admin' }) as const;

export function addMinicacherRoutes(scope: FastifyInstance, options: CompatOptions): void {
  addStoreRoutes(scope, options);
  addMemberRoutes(scope, options);
  const { ports, gate } = options;
  const health = gate.handle(data('health'), async (_request, reply) => {
    const leader = leaderOf(ports.calls.status());
    const isServing = ports.calls.serving();
    reply.code(isServing ? 200 : 503);
    return {
      status: isServing ? 'healthy' : 'unhealthy',
      is_leader: leader.isHere,
      leader_addr: leader.address,
      time: new Date().toISOString(),
    };
  });
  scope.get('/health', health);
}

function addStoreRoutes(scope: FastifyInstance, { ports, gate }: CompatOptions): void {
  const set = gate.handle(data('set'), async (request, reply, context) => {
    const body = bodyOf(request);
    const key = textField(body, 'key');
    await writeText(ports, { key, value: textField(body, 'value') }, reply, context);
    reply.code(201);
    return { message: 'value set successfully', key };
  });
  scope.post('/store', set);
  const get = gate.handle(data('get'), async (request, _reply, context) => {
    const key = pathField(request, 'key');
    const value = await readText(ports, key, context);
    if (value === undefined) throw refused('NOT_FOUND', 'key not found');
    return { key, value };
  });
  // Its HEAD asks only whether the key is there, also when the value is not text.
  scope.get('/store/:key', { exposeHeadRoute: false }, get);
  const head = gate.handle(data('has'), async (request, reply, context) => {
    if (await has(ports, pathField(request, 'key'), context)) return reply.send();
    throw refused('NOT_FOUND', 'key not found');
  });
  scope.head('/store/:key', head);
  const remove = gate.handle(data('delete'), async (request, reply, context) => {
    const key = pathField(request, 'key');
    await removeKey(ports, key, reply, context);
    return { message: 'value deleted successfully', key };
  });
  scope.delete('/store/:key', remove);
}

function addMemberRoutes(scope: FastifyInstance, { ports, gate }: CompatOptions): void {
  const join = gate.handle(admin('addMember'), async (request, reply, context) => {
    const body = bodyOf(request);
    const id = textField(body, 'id');
    const address = textField(body, 'addr');
    await addNode(ports, { nodeId: id, idField: 'id', address }, reply, context);
    return { message: 'node joined successfully', id };
  });
  scope.post('/join', join);
  const leave = gate.handle(admin('removeMember'), async (request, reply, context) => {
    const id = textField(bodyOf(request), 'id');
    await removeNode(ports, id, reply, context);
    return { message: 'node left successfully', id };
  });
  scope.post('/leave', leave);
  const stepDown = gate.handle(admin('transferLeadership'), async (_request, reply, context) => {
    if (!leaderOf(ports.calls.status()).isHere) {
      throw refused('INVALID_ARGUMENT', 'this node is not the leader');
    }
    const call = { kind: 'transferLeadership', group: 0, nodeId: '' } as const;
    await askAdmin(ports, call, context, 'transferred');
    reply.header('cashe-outcome', 'committed');
    return { message: 'leadership transferred successfully' };
  });
  scope.post('/stepdown', stepDown);
}

/** Who leads group 0; its client address, since that is what members know of each other. */
function leaderOf({ nodeId, groups }: NodeView): { isHere: boolean; address: string } {
  const group = groups.find((one) => one.group === 0);
  const isHere = group?.raft.role === 'leader' && group.leader.nodeId === nodeId;
  return { isHere, address: group?.leader.clientAddress ?? '' };
}
