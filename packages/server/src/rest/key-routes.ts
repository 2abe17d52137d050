/** `/v1/keys/{key}`: one key, its value as raw bytes. */
import { opFor, type ReadResult, VALUE_BYTES_MAX_DEFAULT } from '@cashe/codec';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { takeRawBodies } from './body.js';
import type { ByteBudget } from './byte-budget.js';
import { etagOf, matchesStrongly, matchesWeakly } from './etag.js';
import { refused } from './failure.js';
import type { CallContext, Gate } from './gate.js';
import { readOf, writtenOf } from './outcomes.js';
import type { RestPorts } from './ports.js';
import {
  errorAnswer,
  jsonAnswer,
  keyParams,
  objectOf,
  otherErrors,
  outcomeHeader,
  putQuery,
  readQuery,
  revision,
  timeoutQuery,
} from './schemas.js';

interface KeyRoutesOptions {
  readonly ports: RestPorts;
  readonly gate: Gate;
  readonly budget: ByteBudget;
}

interface KeyParams {
  readonly key: string;
}

interface PutQuery {
  readonly ttl?: number;
  readonly keep_ttl?: boolean;
}

export function addKeyRoutes(scope: FastifyInstance, options: KeyRoutesOptions): void {
  const { ports, gate, budget } = options;
  const routes = new KeyRoutes(ports);
  const bytesMax = (): number => {
    return ports.calls.hello()?.limits.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT;
  };
  takeRawBodies(scope, { budget, bytesMax });
  const url = '/keys/:key';
  const verb = (name: string) => ({ verb: name, kind: 'data' }) as const;
  const get = gate.handle(verb('get'), routes.get);
  scope.get(url, { schema: getSchema, exposeHeadRoute: false }, get);
  scope.head(url, { schema: headSchema, ...documented }, get);
  scope.put(url, { schema: putSchema }, gate.handle(verb('set'), routes.put));
  scope.delete(url, { schema: deleteSchema }, gate.handle(verb('delete'), routes.delete));
}

/** HEAD is left out of the document unless it is asked for. */
const documented = { config: { swagger: { exposeHeadRoute: true } } };

class KeyRoutes {
  readonly #ports: RestPorts;

  constructor(ports: RestPorts) {
    this.#ports = ports;
  }

  /** HEAD too: Node leaves out the body. */
  readonly get = async (
    request: FastifyRequest,
    reply: FastifyReply,
    context: CallContext,
  ): Promise<unknown> => {
    const { key } = request.params as KeyParams;
    const { consistency } = request.query as { readonly consistency?: string };
    const isStale = consistency === 'stale';
    const [outcome] = await this.#ports.run([opFor.get(key)], { ...context, isStale });
    const { result, ageMs } = readOf(outcome);
    if (isStale) reply.header('cashe-age-ms', ageMs);
    if (!result.found) throw refused('NOT_FOUND', 'the key does not exist', { key });
    return answerHit(request, reply, result);
  };

  readonly put = async (
    request: FastifyRequest,
    reply: FastifyReply,
    context: CallContext,
  ): Promise<unknown> => {
    refuseConditions(request);
    const { key } = request.params as KeyParams;
    const { ttl, keep_ttl: keepTtl = false } = request.query as PutQuery;
    if (ttl !== undefined && keepTtl) {
      throw refused('INVALID_ARGUMENT', 'ttl and keep_ttl are given; one of them is allowed');
    }
    const value = (request.body as Buffer | null | undefined) ?? noBytes;
    const op = opFor.set(key, value, ttl ?? 0, keepTtl);
    const [outcome] = await this.#ports.run([op], { ...context, isStale: false });
    const { revision } = writtenOf(outcome);
    reply.header('etag', etagOf(revision)).header('cashe-outcome', 'committed');
    return { revision };
  };

  readonly delete = async (
    request: FastifyRequest,
    reply: FastifyReply,
    context: CallContext,
  ): Promise<unknown> => {
    refuseConditions(request);
    const { key } = request.params as KeyParams;
    const [outcome] = await this.#ports.run([opFor.delete(key)], { ...context, isStale: false });
    const { found, revision } = writtenOf(outcome);
    reply.header('cashe-outcome', 'committed');
    return { found, revision };
  };
}

const noBytes = new Uint8Array(0);

/** Conditions on a read are ours to decide: the value that is answered is the one they are for. */
function answerHit(request: FastifyRequest, reply: FastifyReply, result: ReadResult): unknown {
  const etag = etagOf(result.revision);
  reply.header('etag', etag).header('cashe-version', result.version);
  // A cache in between may keep it, but has to ask whether it is still the value.
  reply.header('cache-control', 'no-cache').header('x-content-type-options', 'nosniff');
  if (result.ttlMs !== undefined) reply.header('cashe-ttl-ms', result.ttlMs);
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
  if (ifMatch !== undefined && !matchesStrongly(ifMatch, etag)) {
    throw refused('PRECONDITION_FAILED', `the value is ${etag}, which If-Match does not name`);
  }
  if (ifNoneMatch !== undefined && matchesWeakly(ifNoneMatch, etag)) {
    return reply.code(304).send();
  }
  reply.type('application/octet-stream');
  // A copy: the value is a view of memory that may be used again before it has left.
  return reply.send(Buffer.from(result.value));
}

/** No write has conditions: ignoring one would do what the caller wanted to prevent. */
function refuseConditions({ headers }: FastifyRequest): void {
  const conditions = ['if-match', 'if-none-match', 'if-unmodified-since', 'content-range'] as const;
  const given = conditions.find((name) => headers[name] !== undefined);
  if (given === undefined) return;
  throw refused('UNIMPLEMENTED', `writes do not take ${given}`, { header: given });
}

const hitHeaders = {
  ETag: { type: 'string', description: 'The revision in quotes.' },
  'Cashe-Version': { type: 'integer', description: 'The counter of the key, 1 when created.' },
  'Cashe-Ttl-Ms': { type: 'integer', description: 'Time left; absent: it does not expire.' },
  'Cashe-Age-Ms': { type: 'integer', description: 'Of stale reads: how old the state may be.' },
};

const getSchema = {
  operationId: 'get',
  summary: 'The value of a key',
  params: keyParams,
  querystring: readQuery,
  response: {
    200: {
      description: 'The value as it was written.',
      headers: hitHeaders,
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
    },
    304: { description: 'It is the one that If-None-Match names.', headers: hitHeaders },
    404: errorAnswer('The key does not exist (NOT_FOUND).'),
    412: errorAnswer('It is not the one that If-Match names (PRECONDITION_FAILED).'),
    ...otherErrors,
  },
};

const headSchema = {
  ...getSchema,
  summary: 'The headers of GET; it reads the value, and counts as a use of the key',
  response: {
    200: { description: 'It exists.', headers: hitHeaders },
    304: getSchema.response[304],
    404: { description: 'It does not exist.', headers: outcomeHeader },
    412: { description: 'It is not the one that If-Match names.', headers: outcomeHeader },
  },
};

const putSchema = {
  operationId: 'set',
  summary: 'Writes a key; without `ttl` or `keep_ttl` it does not expire',
  description:
    'The body is the value, of any Content-Type; the type is not kept. Writes take no conditions.',
  params: keyParams,
  querystring: putQuery,
  response: {
    200: jsonAnswer('Written.', objectOf({ revision }), {
      ...outcomeHeader,
      ETag: hitHeaders.ETag,
    }),
    413: errorAnswer('The key or the value is larger than its limit (TOO_LARGE).'),
    ...otherErrors,
  },
};

const deleteSchema = {
  operationId: 'delete',
  summary: 'Removes a key; removing one that does not exist changes nothing',
  params: keyParams,
  querystring: timeoutQuery,
  response: {
    200: jsonAnswer(
      'Removed, or was not there.',
      objectOf({ found: { type: 'boolean' }, revision }),
      outcomeHeader,
    ),
    ...otherErrors,
  },
};
