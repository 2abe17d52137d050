/** The section `cluster`: how a node gets into its cluster, and how it reaches the others. */
import { z } from 'zod';
import type { OptionSpecs } from '../option.js';
import type { Founder } from '../options.js';
import { addresses, integer, listOf, nodeId, peerRoutes, record, toggle } from '../values.js';

/** A founder, and what only its own process needs of it. */
export interface FounderEntry extends Founder {
  /** HOST:PORT where it serves REST. */
  readonly rest?: string | undefined;
}

export interface ClusterValues {
  readonly 'cluster.genesis': readonly FounderEntry[];
  readonly 'cluster.join_addr': string;
  readonly 'cluster.wait_for_join': boolean;
  readonly 'cluster.peer_routes': ReadonlyMap<string, string>;
  readonly 'cluster.replication_factor': number;
}

const foundersMax = 64;

const founder = record('a founder', {
  id: nodeId.schema,
  client: addresses.advertised,
  raft: addresses.advertised,
  rest: addresses.advertised.optional(),
});

const genesis: z.ZodType<readonly FounderEntry[]> = listOf(
  'founders',
  founder,
  1,
  foundersMax,
).check(
  z.superRefine((founders, context) => {
    const seen = new Map<string, string>();
    for (const [index, one] of founders.entries()) {
      for (const field of ['id', 'client', 'raft', 'rest'] as const) {
        if (one[field] === undefined) continue;
        const key = `${field === 'id' ? 'id' : 'address'} ${one[field]}`;
        const first = seen.get(key);
        const message = `${key} is already ${first}: every founder has its own`;
        if (first !== undefined) {
          context.addIssue({ code: 'custom', path: [index, field], message });
        }
        seen.set(key, `genesis[${index}].${field}`);
      }
    }
  }),
);

const genesisExample = `
    - { id: raft0, client: "127.0.0.1:3000", raft: "127.0.0.1:4000" }
    - { id: raft1, client: "127.0.0.1:3001", raft: "127.0.0.1:4001" }
    - { id: raft2, client: "127.0.0.1:3002", raft: "127.0.0.1:4002" }`;

export const clusterOptions: OptionSpecs<ClusterValues> = {
  'cluster.genesis': {
    schema: genesis,
    structured: true,
    help:
      'the founding nodes, the same list on each, { id, client, raft } and where REST is served ' +
      'rest; --id says which one a process is. They form one cluster whatever the order of their ' +
      'starts; a node that is not named joins through any founder that answers. Read at the ' +
      'first start only',
    example: genesisExample,
  },
  'cluster.join_addr': {
    schema: addresses.dialled,
    flag: { name: '--leaderaddr', argument: 'HOST:PORT' },
    aliases: [{ key: 'cluster.join' }],
    help:
      'join the cluster of this node (client address of any member); retried until admitted. ' +
      'Read at the first start only; a founder cannot have it',
    defaultText: 'none: without founders, found a one-node cluster',
    example: '"127.0.0.1:3001"',
  },
  'cluster.wait_for_join': {
    schema: toggle,
    flag: { name: '--wait-for-join' },
    help: 'start blank and wait until a member adds this node, instead of founding or joining',
    fallback: false,
  },
  'cluster.peer_routes': {
    schema: peerRoutes,
    flag: { name: '--peer-route', argument: 'ID=HOST:PORT', repeatable: true },
    structured: true,
    help: 'dial that node here instead of at its peer address (NAT, proxies)',
    example: '{ raft1: "127.0.0.1:4001" }',
    format: (routes) => Object.fromEntries(routes),
  },
  'cluster.replication_factor': {
    schema: integer(1, 9),
    flag: { name: '--replication-factor', argument: 'N' },
    replicated: true,
    help:
      'voters aimed for, 1 to 9; the largest odd number that the members allow is used, further ' +
      'members are spares',
    fallback: 3,
  },
};
