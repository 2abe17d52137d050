/** Parts of the routes' schemas: what is validated is what the OpenAPI document says. */
import { KEY_BYTES_MAX, NODE_ID_BYTES_MAX } from '@cashe/codec';
import { publicCodes } from './failure.js';

/** A JSON schema, or a part of one. */
export type Schema = Readonly<Record<string, unknown>>;

const ttl: Schema = {
  type: 'integer',
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Time to live, ms. Without it the key does not expire.',
};

const timeout: Schema = {
  type: 'integer',
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description:
    'Time for the answer, ms, counted from the head of the request; longer ones are cut. ' +
    'The header `Cashe-Timeout-Ms` says the same.',
};

const consistency: Schema = {
  type: 'string',
  enum: ['linearizable', 'stale'],
  description:
    'Default linearizable: sees every write answered before. `stale` is answered by the node ' +
    'that is asked, from what it has applied.',
};

export const timeoutQuery: Schema = query({ timeout });
export const readQuery: Schema = query({ timeout, consistency });
export const putQuery: Schema = query({
  timeout,
  ttl,
  keep_ttl: {
    type: 'boolean',
    description: 'Keep the expiry that the key has; not together with `ttl`.',
  },
});

function query(properties: Schema): Schema {
  return { type: 'object', additionalProperties: false, properties };
}

export const keyParams: Schema = {
  type: 'object',
  required: ['key'],
  properties: {
    key: {
      type: 'string',
      description:
        `1 to ${KEY_BYTES_MAX} bytes of UTF-8, percent-encoded as one path segment: ` +
        'a slash is `%2F`, a percent sign `%25`.',
    },
  },
};

const nodeIdPattern = new RegExp(`^[A-Za-z0-9._-]{1,${NODE_ID_BYTES_MAX}}$`);
export const nodeIdAllowed: string = `1 to ${NODE_ID_BYTES_MAX} of A-Z a-z 0-9 . _ -`;
export const nodeId: Schema = {
  type: 'string',
  pattern: nodeIdPattern.source,
  description: `Id of a node: ${nodeIdAllowed}`,
};

export function isNodeId(text: string): boolean {
  return nodeIdPattern.test(text);
}

export const revision: Schema = {
  type: 'integer',
  minimum: 0,
  description: 'Where the write stands among all writes of its group.',
};

export const outcomeHeader: Schema = {
  'Cashe-Outcome': {
    type: 'string',
    enum: ['committed', 'not_committed', 'unknown'],
    description: 'What became of a write: `not_committed` is safe to repeat; absent means unknown.',
  },
};

const errorBody: Schema = {
  title: 'Error',
  type: 'object',
  required: ['code', 'message', 'details'],
  properties: {
    code: { type: 'string', enum: Object.keys(publicCodes) },
    message: { type: 'string', description: 'For people: what was wrong and what is allowed.' },
    details: { type: 'object', additionalProperties: true },
  },
};

export function errorAnswer(description: string): Schema {
  return {
    description,
    headers: outcomeHeader,
    content: { 'application/json': { schema: errorBody } },
  };
}

export const otherErrors: Schema = { default: errorAnswer('Any other error.') };

export function jsonAnswer(description: string, schema: Schema, headers: Schema = {}): Schema {
  const content = { 'application/json': { schema } };
  return { description, headers, content };
}

/** The schema under a name of its own. */
export function named(title: string, schema: Schema): Schema {
  return { title, ...schema };
}

export function objectOf(
  properties: Schema,
  required: readonly string[] = Object.keys(properties),
): Schema {
  return { type: 'object', required, properties };
}

/** An object that a request sends: nothing else may be in it. */
export function body(properties: Schema, required: readonly string[]): Schema {
  return { type: 'object', additionalProperties: false, required, properties };
}
