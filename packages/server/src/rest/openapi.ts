/** The OpenAPI 3.1 document: made from the routes' own schemas, so that it cannot differ. */
import { fastifySwagger } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';

/** Before the scopes with the routes are registered; the document has all of them. */
export function addOpenApi(scope: FastifyInstance): void {
  scope.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Cashe REST API',
        version: '1',
        description:
          'A strongly consistent cache over HTTP/1.1. Any node serves; every write is replicated ' +
          'and on stable storage of a majority before it is answered.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'A token of the access policy.' },
        },
      },
      // Nothing: anonymous, or known by the certificate of the connection.
      security: [{}, { token: [] }],
    },
  });
}

export function addOpenApiRoute(scope: FastifyInstance): void {
  // The same for everybody, but not before the caller is known, as all of /v1.
  scope.get('/openapi.json', { schema: { hide: true } }, () => scope.swagger());
}
