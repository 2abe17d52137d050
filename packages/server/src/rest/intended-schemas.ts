/** Schemas of the settings and access routes. */
import {
  body,
  errorAnswer,
  jsonAnswer,
  named,
  objectOf,
  otherErrors,
  outcomeHeader,
  type Schema,
  timeoutQuery,
} from './schemas.js';

const count: Schema = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const text: Schema = { type: 'string' };
const revision: Schema = {
  type: 'integer',
  minimum: 0,
  description: 'Counts the changes; 1 is what the cluster was founded with.',
};

const changeable: Schema = {
  entries_max: { ...count, description: 'Entries kept at most; 0: no limit.' },
  bytes_max: { ...count, description: 'Logical bytes kept at most.' },
  eviction: { type: 'string', enum: ['lru', 'noeviction'] },
  replication_factor: { ...count, description: 'Voters aimed for.' },
  sessions_max: { ...count, description: 'Open sessions per group.' },
  session_window: { ...count, description: 'Unacknowledged batches per session.' },
  session_bytes_max: { ...count, description: 'Remembered bytes of all sessions of a group.' },
  session_idle_ms: { ...count, description: 'After which a session counts as idle.' },
};

const valueBytesMax = { ...count, description: 'Bytes of a value; fixed at founding.' };
const settings = objectOf({
  settings: named('Settings', objectOf({ ...changeable, value_bytes_max: valueBytesMax })),
  revision,
});

const list = (items: Schema): Schema => ({ type: 'array', items });
const grant = body(
  {
    verb: { type: 'string', enum: ['read', 'write', 'admin'] },
    prefix: { type: 'string', description: 'What keys start with; empty: every key.' },
  },
  ['verb', 'prefix'],
);
const role = body({ name: text, grants: list(grant) }, ['name', 'grants']);
const binding = body({ principal: text, role: text }, ['principal', 'role']);
const token = body(
  {
    name: text,
    sha256: { type: 'string', description: 'Of the token, in hex; left out: as it was.' },
  },
  ['name'],
);
const policyOf = (tokens: Schema): Schema =>
  body({ roles: list(role), bindings: list(binding), tokens: list(tokens) }, [
    'roles',
    'bindings',
    'tokens',
  ]);

interface IntendedSchemas {
  readonly getSettings: Schema;
  readonly changeSettings: Schema;
  readonly getAccess: Schema;
  readonly setAccess: Schema;
}

export const intendedSchemas: IntendedSchemas = {
  getSettings: {
    operationId: 'getSettings',
    summary: 'The replicated settings',
    querystring: timeoutQuery,
    response: { 200: jsonAnswer('Settings.', settings), ...otherErrors },
  },
  changeSettings: {
    operationId: 'changeSettings',
    summary: 'Changes replicated settings while the cluster serves; what is left out stays',
    querystring: timeoutQuery,
    body: body(changeable, []),
    response: {
      200: jsonAnswer('The settings now.', settings, outcomeHeader),
      ...otherErrors,
    },
  },
  getAccess: {
    operationId: 'getAccess',
    summary: 'The access policy, without the hashes of its tokens',
    querystring: timeoutQuery,
    response: {
      200: jsonAnswer(
        'Policy.',
        objectOf({ policy: policyOf(body({ name: text }, ['name'])), revision }),
      ),
      ...otherErrors,
    },
  },
  setAccess: {
    operationId: 'setAccess',
    summary: 'Replaces the access policy; in force at once on every node that has applied it',
    querystring: timeoutQuery,
    body: body(
      {
        policy: policyOf(token),
        expected_revision: { ...revision, description: 'The revision that it replaces.' },
      },
      ['policy', 'expected_revision'],
    ),
    response: {
      200: jsonAnswer('In force.', objectOf({ revision }), outcomeHeader),
      409: errorAnswer('Another revision is in force (ABORTED): read it again.'),
      ...otherErrors,
    },
  },
};
