/** minicache: a miss is an answer like any other. */
import type { FastifyInstance } from 'fastify';
import type { CompatOptions } from './options.js';
import { bodyOf, pathField, readText, textField, textOrEmpty, writeText } from './values.js';

export function addMinicacheRoutes(scope: FastifyInstance, { ports, gate }: CompatOptions): void {
  const put = gate.handle({ verb: 'set', kind: 'data' }, async (request, reply, context) => {
    const body = bodyOf(request);
    const pair = { key: textField(body, 'key'), value: textOrEmpty(body, 'value') };
    await writeText(ports, pair, reply, context);
    reply.code(201);
    return pair;
  });
  scope.post('/put', put);
  const get = gate.handle({ verb: 'get', kind: 'data' }, async (request, _reply, context) => {
    const value = await readText(ports, pathField(request, 'key'), context);
    return value === undefined ? { message: 'key not found' } : { value };
  });
  scope.get('/get/:key', get);
}
