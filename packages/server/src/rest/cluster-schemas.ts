/** Schemas of the cluster routes. */
import { ADDRESS_BYTES_MAX } from '@cashe/codec';
import {
  body,
  errorAnswer,
  jsonAnswer,
  named,
  nodeId,
  objectOf,
  otherErrors,
  outcomeHeader,
  type Schema,
  timeoutQuery,
} from './schemas.js';

const text: Schema = { type: 'string' };
const integer: Schema = { type: 'integer' };
const flag: Schema = { type: 'boolean' };

const member = named(
  'Member',
  objectOf({
    node_id: text,
    node_uid: text,
    client_address: text,
    raft_address: text,
    replica_id: integer,
    role: { type: 'string', enum: ['voter', 'learner', 'none'] },
    leaving: flag,
    leader: flag,
    match_index: integer,
  }),
);

const members: Schema = { type: 'array', items: member };

const group = named(
  'Group',
  objectOf({
    group: integer,
    replica_id: integer,
    role: { type: 'string', enum: ['follower', 'preCandidate', 'candidate', 'leader'] },
    term: integer,
    leader: objectOf({ node_id: text, term: integer, client_address: text }),
    commit_index: integer,
    last_index: integer,
    snapshot_index: integer,
    revision: integer,
    entries: integer,
    bytes: integer,
    evictions: integer,
    expiries: integer,
    sessions: integer,
    cluster_time_ms: integer,
    hits: integer,
    misses: integer,
  }),
);

const cache = objectOf({
  entries_max: { type: 'integer', description: '0: no limit.' },
  bytes_max: integer,
  eviction: { type: 'string', enum: ['lru', 'noeviction'] },
  replication_factor: integer,
});

const statusParts: Schema = {
  cluster_id: { type: 'string', description: 'Empty until the node belongs to a cluster.' },
  node_id: text,
  node_uid: text,
  client_address: text,
  raft_address: text,
  version: { type: 'string', description: 'Of the software.' },
  waiting_for: { type: 'string', description: 'Empty when the node serves.' },
  uptime_ms: integer,
  groups: { type: 'array', items: group },
  members,
};

interface ClusterSchemas {
  readonly status: Schema;
  readonly list: Schema;
  readonly add: Schema;
  readonly remove: Schema;
  readonly transfer: Schema;
}

export const clusterSchemas: ClusterSchemas = {
  status: {
    operationId: 'status',
    summary: 'The node that is asked, as it sees the cluster',
    querystring: timeoutQuery,
    response: {
      200: jsonAnswer(
        'Status; `cache` once the node belongs to a cluster.',
        objectOf({ ...statusParts, cache }, Object.keys(statusParts)),
      ),
      ...otherErrors,
    },
  },
  list: {
    operationId: 'listMembers',
    summary: 'The members, as the leader knows them',
    querystring: timeoutQuery,
    response: { 200: jsonAnswer('Members.', objectOf({ members })), ...otherErrors },
  },
  add: {
    operationId: 'addMember',
    summary: 'Adds a node that was started with `--wait-for-join`',
    description:
      'The node that is asked dials the address, and the cluster admits who answers there with ' +
      'this id. Asking again, for a member too, changes nothing.',
    querystring: timeoutQuery,
    body: body(
      {
        node_id: nodeId,
        raft_address: {
          type: 'string',
          maxLength: ADDRESS_BYTES_MAX,
          description: 'Where it listens for peers, HOST:PORT.',
        },
      },
      ['node_id', 'raft_address'],
    ),
    response: {
      200: jsonAnswer(
        'It is a member.',
        objectOf({ cluster_id: text, replica_id: integer, members }),
        outcomeHeader,
      ),
      ...otherErrors,
    },
  },
  remove: {
    operationId: 'removeMember',
    summary: 'Removes a member; answered once it is gone',
    querystring: timeoutQuery,
    params: objectOf({ id: nodeId }),
    response: {
      200: jsonAnswer('Removed.', objectOf({ node_id: text }), outcomeHeader),
      404: errorAnswer('No member has this id (NOT_FOUND).'),
      ...otherErrors,
    },
  },
  transfer: {
    operationId: 'transferLeadership',
    summary: 'Hands leadership over; without `node_id` to the voter that is furthest',
    querystring: timeoutQuery,
    body: body({ group: { type: 'integer', minimum: 0 }, node_id: nodeId }, []),
    response: {
      200: jsonAnswer(
        'Who leads now.',
        objectOf({ group: integer, term: integer, node_id: text, client_address: text }),
        outcomeHeader,
      ),
      ...otherErrors,
    },
  },
};
