/** The OpenAPI 3.1 document: made from the routes' own schemas, so that it cannot differ. */
import { fastifySwagger } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';

/** Before the scopes with the routes are registered; the document has all of them. */
export function addOpenApi(scope: FastifyInstance): void {
  scope.register(fastifySwagger, {
    transformObject: (found) => {
      // Of the two kinds of document, the one that is asked for below.
      if ('openapiObject' in found) return shareTitled(found.openapiObject);
      return found.swaggerObject;
    },
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

/** A schema with a title stands once, under that name, and is referred to where it is used. */
function shareTitled<T extends object>(document: T): T {
  const schemas: Record<string, unknown> = {};
  const shared = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shared);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([name, part]) => [name, shared(part)]);
    const copy = Object.fromEntries(entries) as Record<string, unknown>;
    const { title } = copy;
    if (typeof title !== 'string' || typeof copy['type'] !== 'string') return copy;
    schemas[title] = copy;
    return { $ref: `#/components/schemas/${title}` };
  };
  const copy = shared(document) as T & { readonly components: object };
  return { ...copy, components: { ...copy.components, schemas } };
}
