/**
 * The routes of the systems that Cashe replaces, so that their users switch by changing a port.
 * No two of them, and none of `/v1`, share a method and a path: every request has one meaning.
 */
import type { FastifyInstance } from 'fastify';
import { takeRawBodies } from '../body.js';
import { failureOfRequest, sendFailure } from '../error-replies.js';
import { addMinicacheRoutes } from './minicache.js';
import { addMinicacherRoutes } from './minicacher.js';
import type { CompatOptions } from './options.js';
import { addRaftCacheRoutes } from './raft-cache.js';

export function addCompatRoutes(scope: FastifyInstance, options: CompatOptions): void {
  const { ports, limits, budget } = options;
  // Those systems look at no Content-Type, and at a body only where they need one.
  takeRawBodies(scope, { budget, bytesMax: () => limits.jsonBytesMax });
  scope.setErrorHandler((error, request, reply) => {
    const failure = failureOfRequest(error, request, ports.log);
    sendFailure(reply, failure, ({ message }) => ({ error: message }));
  });
  scope.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, hide: true };
  });
  addRaftCacheRoutes(scope, options);
  addMinicacherRoutes(scope, options);
  addMinicacheRoutes(scope, options);
}
