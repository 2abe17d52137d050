/** raft-cache: key and value in the path, answers without JSON. */
import type { FastifyInstance } from 'fastify';
import { refused } from '../failure.js';
import { addNode, removeNode } from './members.js';
import type { CompatOptions } from './options.js';
import { bodyOf, pathField, readText, removeKey, textField, writeText } from './values.js';

const data = (verb: string) => ({ verb, kind: 'data' }) as const;
const admin = (verb: string) => ({ verb, kind: 'admin' }) as const;

export function addRaftCacheRoutes(scope: FastifyInstance, { ports, gate }: CompatOptions): void {
  const set = gate.handle(data('set'), async (request, reply, context) => {
    const key = pathField(request, 'key');
    await writeText(ports, { key, value: pathField(request, 'value') }, reply, context);
    return reply.send();
  });
  // Of two segments the second is the value, be it `value`; of three the third.
  scope.post('/api/v1/key/:key/:value', set);
  scope.post('/api/v1/key/:key/value/:value', set);
  const get = gate.handle(data('get'), async (request, reply, context) => {
    const value = await readText(ports, pathField(request, 'key'), context);
    if (value === undefined) throw refused('NOT_FOUND', 'key not found');
    return reply.type('text/plain; charset=utf-8').send(`${value}\n`);
  });
  scope.get('/api/v1/key/:key', get);
  const remove = gate.handle(data('delete'), async (request, reply, context) => {
    await removeKey(ports, pathField(request, 'key'), reply, context);
    return reply.send();
  });
  scope.delete('/api/v1/key/:key', remove);
  const add = gate.handle(admin('addMember'), async (request, reply, context) => {
    const body = bodyOf(request);
    const node = { nodeId: textField(body, 'node_id'), idField: 'node_id' };
    await addNode(ports, { ...node, address: textField(body, 'addr') }, reply, context);
    return reply.send();
  });
  scope.post('/api/v1/node', add);
  const leave = gate.handle(admin('removeMember'), async (request, reply, context) => {
    await removeNode(ports, pathField(request, 'id'), reply, context);
    return reply.send();
  });
  scope.delete('/api/v1/node/:id', leave);
}
