/** The REST surface of a node: what its port serves, and how it begins and ends. */
import type { FastifyInstance, FastifyPluginCallback } from 'fastify';
import { addBatchRoute } from './batch-route.js';
import { ByteBudget } from './byte-budget.js';
import { addClusterRoutes } from './cluster-routes.js';
import { addCompatRoutes } from './compat/routes.js';
import { Gate } from './gate.js';
import { HttpPort, type HttpTls } from './http-port.js';
import { addIntendedRoutes } from './intended-routes.js';
import { addKeyRoutes } from './key-routes.js';
import type { HttpLimits, RestLimits } from './limits.js';
import { addOpenApi, addOpenApiRoute } from './openapi.js';
import type { RestPorts } from './ports.js';

interface RestServerOptions {
  readonly ports: RestPorts;
  readonly httpLimits: HttpLimits;
  readonly limits: RestLimits;
  readonly tls: HttpTls | undefined;
  /** The routes of the systems that Cashe replaces, too. */
  readonly compat: boolean;
  /** Routes of others on this port, such as health and metrics. */
  readonly register?: ((app: FastifyInstance) => void) | undefined;
}

/** Bind it, then `stopAccepting` and `close` it. */
export function createRestServer(options: RestServerOptions): Promise<HttpPort> {
  const { ports, httpLimits, tls, register } = options;
  return HttpPort.create({
    log: ports.log,
    reporters: ports.reporters,
    limits: httpLimits,
    tls,
    register: (app) => {
      register?.(app);
      addRest(app, options);
    },
  });
}

function addRest(app: FastifyInstance, options: RestServerOptions): void {
  const { ports, limits, httpLimits, compat } = options;
  const gate = new Gate(ports, limits);
  const budget = new ByteBudget(httpLimits.uploadBytesMax);
  const parts = { ports, gate, limits, budget };
  const v1 = scope((app) => {
    addOpenApi(app);
    gate.guard(app);
    // Each in a scope of its own: they take different bodies.
    app.register(scope((keys) => addKeyRoutes(keys, parts)));
    app.register(scope((batch) => addBatchRoute(batch, parts)));
    app.register(scope((cluster) => addClusterRoutes(cluster, parts)));
    app.register(scope((intended) => addIntendedRoutes(intended, parts)));
    app.register(scope(addOpenApiRoute));
  });
  app.register(v1, { prefix: '/v1' });
  if (!compat) return;
  const replaced = scope((app) => {
    gate.guard(app);
    addCompatRoutes(app, parts);
  });
  app.register(replaced);
}

function scope(add: (app: FastifyInstance) => void): FastifyPluginCallback {
  return (app, _options, done) => {
    add(app);
    done();
  };
}
