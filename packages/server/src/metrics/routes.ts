/**
 * GET /livez, /readyz and /metrics, to be registered on whichever app serves them. They are open:
 * they tell nothing of keys or principals, and probes have no credentials.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { openMetricsType, textType, toOpenMetrics, wantsOpenMetrics } from './exposition.js';
import { type Check, checksText } from './health.js';
import type { Metrics } from './metrics.js';

export function addHealthRoutes(app: FastifyInstance, metrics: Metrics): void {
  const health = (name: string, checks: () => readonly Check[]): void => {
    app.get(`/${name}`, (request, reply) => answerChecks(name, checks(), request, reply));
  };
  health('livez', () => metrics.liveness());
  health('readyz', () => metrics.readiness());
  app.get('/metrics', async (request, reply) => {
    const text = await metrics.text();
    const isOpen = wantsOpenMetrics(request.headers.accept);
    reply.header('cache-control', 'no-store');
    reply.type(isOpen ? openMetricsType : textType);
    return isOpen ? toOpenMetrics(text) : text;
  });
}

/** `?verbose`, with or without a value, lists the checks also when all of them pass. */
function answerChecks(
  name: string,
  checks: readonly Check[],
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const query = request.query as Readonly<Record<string, unknown>>;
  const { status, text } = checksText(name, checks, query['verbose'] !== undefined);
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('text/plain; charset=utf-8')
    .send(`${text}\n`);
}
